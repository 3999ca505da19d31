"""Helm as a port: what Arcway asks of it, and two adapters.

By default an embedded library works in worker processes of our own; ARCWAY_HELM names Helm's own client instead.
"""

from arcway.cluster.helm.cli import HelmProgram
from arcway.cluster.helm.interface import Helm, Release
from arcway.cluster.helm.pool import WorkerPool
from arcway.private_folder import process_folder
from arcway.settings import Settings

__all__ = ["Helm", "Release", "helm_for"]


def helm_for(settings: Settings) -> Helm:
    """The Helm that the settings name."""
    work_dir = settings.work_dir or process_folder()
    variables = {**settings.loader, **settings.proxy}
    if settings.helm:
        return HelmProgram(settings.helm, work_dir, settings.helm_workers, settings.ca_file, variables)
    return WorkerPool(work_dir, settings.helm_workers, settings.ca_file, variables)
