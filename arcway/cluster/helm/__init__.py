"""Helm as a port: what Arcway asks of it, and two adapters.

By default an embedded library works in worker processes of our own; ARCWAY_HELM names Helm's own client instead.
"""

from functools import cache

from arcway.cluster.helm.cli import HelmProgram
from arcway.cluster.helm.interface import Helm, Release
from arcway.cluster.helm.pool import WorkerPool
from arcway.private_folder import process_folder
from arcway.settings import settings

__all__ = ["Helm", "Release", "helm"]


@cache
def helm() -> Helm:
    """The Helm of this process."""
    configuration = settings()
    work_dir = configuration.work_dir or process_folder()
    if configuration.helm:
        return HelmProgram(
            configuration.helm, work_dir, configuration.helm_workers, configuration.ca_file, configuration.proxy
        )
    return WorkerPool(work_dir, configuration.helm_workers, configuration.ca_file, configuration.proxy)
