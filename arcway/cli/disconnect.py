"""`arcway disconnect`: the request that disconnects a cluster, after asking."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from arcway.cli import requests
from arcway.cli.client import USAGE, ArcwayClient, CommandError
from arcway.cli.credentials.provisioning import Needs, provided_credential
from arcway.cli.credentials.proxy import without_credentials
from arcway.cli.option_groups import ClusterOptions, Following, KubeconfigOfRun, Proxy
from arcway.cli.options import ServerOption
from arcway.cli.runs import start
from arcway.domain.codes import Family, family


def disconnect(
    *,
    cluster: ClusterOptions,
    kubeconfig: KubeconfigOfRun,
    azure_only: Annotated[
        bool,
        typer.Option("--azure-only", help="Delete only the connected cluster, for a cluster that no longer exists."),
    ] = False,
    agents_only: Annotated[
        bool, typer.Option("--agents-only", help="Remove only the agents; keep the connected cluster in Azure.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Remove finalizers that block the deletion.")] = False,
    proxy: Proxy,
    following: Following,
    server: ServerOption = None,
) -> int:
    """Disconnect a cluster. Example: arcway disconnect -n shop -g clusters --kube-config ~/.kube/config"""
    client = ArcwayClient.find(server)
    body = requests.cluster(client, cluster)
    body |= {"azureOnly": azure_only, "agentsOnly": agents_only, "force": force}
    # Taken like everywhere, and of no use: nothing that would need a proxy runs in the cluster.
    plain, _ = without_credentials(proxy)
    if not following.dry_run and not kubeconfig.yes:
        _ask(cluster, azure_only=azure_only, agents_only=agents_only)
    with (
        _if_dead(),
        provided_credential(
            client, cluster.name, None if azure_only else kubeconfig, Needs("offboard", force=force), plain
        ) as provided,
    ):
        body |= {"kubeconfig": provided.kubeconfig, "proxy": provided.proxy}
        return start(client, "offboardings", body, following, provided.accepted)


@contextmanager
def _if_dead() -> Iterator[None]:
    try:
        yield
    except CommandError as error:
        if family(str(error)) is Family.NETWORK and "--azure-only" not in (error.remedy or ""):
            error.remedy = f"{error.remedy or ''} If the cluster no longer exists, use --azure-only.".strip()
        raise


def _ask(cluster: ClusterOptions, *, azure_only: bool, agents_only: bool) -> None:
    if not sys.stdin.isatty():
        raise CommandError(
            "Disconnecting requires confirmation.", USAGE, remedy="Pass --yes in non-interactive sessions."
        )
    subject = "the connected cluster and its agents"
    if azure_only or agents_only:
        subject = "the connected cluster" if azure_only else "the agents of connected cluster"
    if not typer.confirm(f"Delete {subject} {cluster.name} in resource group {cluster.resource_group}?", err=True):
        raise CommandError("Nothing was changed.", USAGE)
