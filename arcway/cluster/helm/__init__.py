"""Helm as a port: what Arcway asks of it, and the adapter that does it in worker processes of our own."""

from functools import cache

from arcway.cluster.helm.pool import WorkerPool
from arcway.cluster.helm.port import Helm, Release
from arcway.settings import settings

__all__ = ["Helm", "Release", "helm"]


@cache
def helm() -> Helm:
    """The Helm of this process."""
    here = settings()
    return WorkerPool(here.work_dir, here.helm_workers, here.ca_file)
