"""`arcway agents`: the agents in a connected cluster as two tables, and the problems of those that are not healthy."""

from rich.console import Group
from rich.table import Table

from arcway.cli import output, requests
from arcway.cli.client import FAILED, OK, ArcwayClient, CommandError
from arcway.cli.credentials.provisioning import Needs, provided_credential
from arcway.cli.option_groups import ClusterOptions, Kubeconfig
from arcway.cli.options import OutputOption, ServerOption
from arcway.domain.codes import Code
from arcway.domain.connected_cluster import span
from arcway.domain.json_values import Json

_DEPLOYMENTS = {"NAME": "name", "READY": "ready", "UP-TO-DATE": "upToDate", "AVAILABLE": "available"}
_NONE_KNOWN = Code.KUBECONFIG_UNKNOWN
_PODS = {"NAME": "name", "READY": "ready", "STATUS": "status", "RESTARTS": "restarts"}


def agents(
    *,
    cluster: ClusterOptions,
    kubeconfig: Kubeconfig,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """Show the agents in a connected cluster. Example: arcway agents -n shop -g clusters"""
    client = ArcwayClient.find(server)
    which = requests.cluster(client, cluster)
    path = f"connectedClusters/{which['subscriptionId']}/{cluster.resource_group}/{cluster.name}/agents"
    agents_status = (None if kubeconfig.is_named else _by_last_run(client, path)) or _by(
        client, path, cluster.name, kubeconfig
    )
    output.show(
        agents_status,
        format_,
        lambda: Group(_table(_DEPLOYMENTS, agents_status["deployments"]), "", _table(_PODS, agents_status["pods"])),
    )
    if format_ == "table":
        if agents_status.get("features") is not None:
            output.stderr.print(f"Features: {', '.join(agents_status['features']) or 'none'}", markup=False)
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


def _by(server: ArcwayClient, path: str, name: str, kubeconfig: Kubeconfig) -> Json:
    """By the user's own kubeconfig; what is made of it for the service is removed again."""
    with provided_credential(server, name, kubeconfig, Needs("agents")) as provided:
        reference = provided.kubeconfig or {}
        headers = {"x-arcway-proof": reference["proof"]} if reference.get("proof") else {}
        return server.get(path, headers, kubeconfig=reference.get("secret"), context=reference.get("context"))


def _table(columns: dict[str, str], rows: list[Json]) -> Table:
    table = Table(box=None, header_style="bold")
    for column in (*columns, "AGE"):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(output.cell(row[name]) for name in columns.values()), span(row["ageSeconds"]))
    return table
