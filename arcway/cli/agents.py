"""`arcway agents`: the agents in a connected cluster as two tables, and the problems of those that are not healthy."""

from typing import Any

from rich.console import Group
from rich.table import Table

from arcway.cli import output, requests
from arcway.cli.client import FAILED, OK, ArcwayClient, CommandError
from arcway.cli.credentials.provisioning import Needs, provided_credential
from arcway.cli.options import (
    ClusterRoleOption,
    CredentialOption,
    CredentialTtlOption,
    GroupOption,
    KeyVaultOption,
    KubeConfigOption,
    KubeconfigSecretOption,
    KubeContextOption,
    NameOption,
    OutputOption,
    ServerOption,
    SubscriptionOption,
    YesOption,
)
from arcway.cli.requests import Kubeconfig
from arcway.domain.codes import Code
from arcway.domain.connected_cluster import span

type Json = dict[str, Any]

_DEPLOYMENTS = {"NAME": "name", "READY": "ready", "UP-TO-DATE": "upToDate", "AVAILABLE": "available"}
_NONE_KNOWN = Code.KUBECONFIG_UNKNOWN
_PODS = {"NAME": "name", "READY": "ready", "STATUS": "status", "RESTARTS": "restarts"}


def agents(
    name: NameOption,
    resource_group: GroupOption,
    subscription: SubscriptionOption = None,
    kube_config: KubeConfigOption = None,
    kubeconfig_secret: KubeconfigSecretOption = None,
    credential: CredentialOption = "service-account",
    ttl: CredentialTtlOption = None,
    role: ClusterRoleOption = None,
    key_vault: KeyVaultOption = None,
    yes: YesOption = False,
    kube_context: KubeContextOption = None,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """Show the agents in a connected cluster. Example: arcway agents -n shop -g clusters"""
    client = ArcwayClient.find(server)
    which = requests.cluster(client, name, resource_group, subscription)
    path = f"connectedClusters/{which['subscriptionId']}/{resource_group}/{name}/agents"
    credential_options = Kubeconfig(
        kube_config, kube_context, kubeconfig_secret, credential, ttl, role, vault=key_vault, yes=yes
    )
    agents_status = (None if credential_options.is_named else _by_last_run(client, path)) or _by(
        client, path, name, credential_options
    )
    output.show(
        agents_status,
        format_,
        lambda: Group(_table(_DEPLOYMENTS, agents_status["deployments"]), "", _table(_PODS, agents_status["pods"])),
    )
    if format_ == "table":
        for problem in agents_status["problems"]:
            output.stderr.print(f"{problem['code']}: {problem['message']}", markup=False)
            output.stderr.print(f"  {problem['remedy']}", markup=False)
    return OK if agents_status["well"] else FAILED


def _by_last_run(server: ArcwayClient, path: str) -> Json | None:
    """By the kubeconfig that the last run was given; None when that is not there any more."""
    try:
        return server.get(path)
    except CommandError as error:
        if not str(error).startswith(_NONE_KNOWN):
            raise
        return None


def _by(server: ArcwayClient, path: str, name: str, credential_options: Kubeconfig) -> Json:
    """By the user's own kubeconfig; what is made of it for the service is removed again."""
    with provided_credential(server, name, credential_options, Needs("agents")) as handed:
        reference = handed.kubeconfig or {}
        headers = {"x-arcway-proof": reference["proof"]} if reference.get("proof") else {}
        return server.get(path, headers, kubeconfig=reference.get("secret"), context=reference.get("context"))


def _table(columns: dict[str, str], rows: list[Json]) -> Table:
    table = Table(box=None, header_style="bold")
    for column in (*columns, "AGE"):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(output.cell(row[name]) for name in columns.values()), span(row["ageSeconds"]))
    return table
