"""Starts runs about what a connected cluster has in Azure, for which the cluster itself need not be read."""

import sys

import typer

from arcway.cli import requests
from arcway.cli.client import NOT_FOUND, USAGE, ArcwayClient, CommandError
from arcway.cli.credentials.provisioning import Needs, provided_credential
from arcway.cli.option_groups import ClusterOptions, Following, KubeconfigOfRun, Proxy
from arcway.cli.runs import start
from arcway.domain.json_values import Json


def start_on(
    client: ArcwayClient,
    path: str,
    body: Json,
    needs: Needs,
    cluster: ClusterOptions,
    kubeconfig: KubeconfigOfRun,
    following: Following,
    proxy: Proxy | None = None,
) -> int:
    """Start the run and follow it; returns the exit code. Raises `CommandError`.

    Without a kubeconfig that the user names, the run reads Azure alone.
    """
    options = kubeconfig if kubeconfig.is_named else None
    with provided_credential(client, cluster.name, options, needs, proxy) as provided:
        references = {"kubeconfig": provided.kubeconfig, "proxy": provided.proxy}
        body |= {field: value for field, value in references.items() if value is not None}
        return start(client, path, body, following, provided.accepted)


def require_terminal() -> None:
    """Raise `CommandError` where no user can be asked whether something is to be deleted."""
    if not sys.stdin.isatty():
        raise CommandError("Deleting requires confirmation.", USAGE, remedy="Pass --yes in non-interactive sessions.")


def confirm_deletion(question: str) -> None:
    """Ask before something is deleted. Raises `CommandError` without a terminal, or if the user says no."""
    require_terminal()
    if not typer.confirm(question, err=True):
        raise CommandError("Nothing was changed.", USAGE)


def path_below(client: ArcwayClient, cluster: ClusterOptions, kind: str) -> str:
    """The path of what a connected cluster has of a kind. Raises `CommandError` without a subscription."""
    subscription = requests.cluster(client, cluster)["subscriptionId"]
    if subscription is None:
        raise CommandError(
            "--subscription is required.", NOT_FOUND, remedy="Pass --subscription or set AZURE_SUBSCRIPTION_ID."
        )
    return f"connectedClusters/{subscription}/{cluster.resource_group}/{cluster.name}/{kind}"
