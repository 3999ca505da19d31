"""The `arcway` command: its commands, options and exit codes. Names follow `az connectedk8s`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from arcway.cli import local_commands, output, progress
from arcway.cli.connect import ConnectOptions, connect_cluster, show_outcome
from arcway.cli.disconnect import disconnect
from arcway.cli.dlq import dlq
from arcway.cli.options import GroupOption, NameOption, OutputOption, ServerOption, SubscriptionOption
from arcway.cli.server import FAILED, NOT_FOUND, OK, CommandError, Server

app = typer.Typer(
    help="Connects Kubernetes clusters to Azure Arc.", no_args_is_help=True, rich_markup_mode=None, add_completion=True
)
app.add_typer(local_commands.local, name="local")
app.add_typer(dlq, name="dlq")
for command in (local_commands.up, local_commands.down, local_commands.demo, disconnect):
    app.command()(command)

_INTERRUPTED = 130


@app.command()
def connect(
    name: NameOption,
    resource_group: GroupOption,
    location: Annotated[str, typer.Option("--location", "-l")],
    subscription: SubscriptionOption = None,
    kube_config: Annotated[
        Path | None, typer.Option("--kube-config", help="Default: KUBECONFIG or ~/.kube/config.")
    ] = None,
    kube_context: Annotated[str | None, typer.Option("--kube-context")] = None,
    kubeconfig_secret: Annotated[
        str | None, typer.Option(help="Name of a stored kubeconfig instead of a file.")
    ] = None,
    create_resource_group: Annotated[bool | None, typer.Option(help="Local default: yes.")] = None,
    tags: Annotated[list[str] | None, typer.Option("--tags", help="name=value, may be repeated.")] = None,
    distribution: Annotated[str | None, typer.Option()] = None,
    infrastructure: Annotated[str | None, typer.Option()] = None,
    order: Annotated[Literal["agents-first", "resource-first"], typer.Option()] = "agents-first",
    on_failure: Annotated[Literal["keep", "rollback"], typer.Option()] = "keep",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Return as soon as the run is accepted.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait.")] = 3600,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """Connect a cluster. Example: arcway connect -n shop -g clusters -l eastus --kube-config ~/.kube/config"""
    options = ConnectOptions(
        name=name,
        resource_group=resource_group,
        location=location,
        subscription=subscription,
        kube_config=kube_config,
        kube_context=kube_context,
        kubeconfig_secret=kubeconfig_secret,
        create_resource_group=create_resource_group,
        tags=tags or [],
        distribution=distribution,
        infrastructure=infrastructure,
        order=order,
        on_failure=on_failure,
    )
    return connect_cluster(
        Server.find(server), options, dry_run=dry_run, wait=not no_wait, timeout=timeout, quiet=quiet, format_=format_
    )


@app.command()
def check(
    name: NameOption,
    resource_group: GroupOption,
    location: Annotated[str, typer.Option("--location", "-l")],
    subscription: SubscriptionOption = None,
    kube_config: Annotated[Path | None, typer.Option("--kube-config")] = None,
    kube_context: Annotated[str | None, typer.Option("--kube-context")] = None,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """Check a cluster without changing anything. Example: arcway check -n shop -g clusters -l eastus"""
    options = ConnectOptions(name, resource_group, location, subscription, kube_config, kube_context)
    return connect_cluster(
        Server.find(server), options, dry_run=True, wait=True, timeout=60, quiet=True, format_=format_
    )


@app.command()
def status(
    run: Annotated[str | None, typer.Argument(help="Id of a run; without it, the latest runs.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Stay until the run is over.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to follow.")] = 3600,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """Show a run, or the latest runs. Example: arcway status cluster-0123….abcd"""
    here = Server.find(server)
    if run is None:
        found = here.get("runs")
        output.print_json(found) if format_ == "json" else output.stdout.print(output.runs_table(found["value"]))
        return OK
    shown = here.get(f"runs/{run}")
    if follow:
        shown = progress.show(here.follow(shown, timeout))
    if format_ == "json":
        output.print_json(shown)
    else:
        output.stdout.print(f"{shown['id']}  {shown['operation']} {shown['cluster']['name']}: {shown['state']}")
        output.stdout.print(output.phases_table(shown))
        if shown["error"]:
            output.show_error(
                CommandError(
                    f"{shown['error']['code']}: {shown['error']['message']}", FAILED, remedy=shown["error"]["remedy"]
                )
            )
    return FAILED if shown["state"] in ("Failed", "Canceled") else OK


@app.command()
def purge(
    older_than: Annotated[str, typer.Option("--older-than", help="Age with d, h, m or s, as in 30d.")],
    server: ServerOption = None,
) -> int:
    """Remove finished runs older than this. Example: arcway purge --older-than 30d"""
    done = Server.find(server).post("runs/purge", olderThan=older_than)
    output.stderr.print(f"{done['purged']} finished runs removed.")
    return OK


@app.command()
def cancel(run: Annotated[str, typer.Argument(help="Id of the run.")], server: ServerOption = None) -> int:
    """Ask a run to stop at its next step boundary. Example: arcway cancel cluster-0123….abcd"""
    shown = Server.find(server).post(f"runs/{run}/cancel")
    output.stderr.print(f"Run {shown['id']} is {shown['state']}; arcway status {shown['id']} --follow")
    return OK


@app.command()
def retry(
    run: Annotated[str, typer.Argument(help="Id of a failed or cancelled run.")],
    timeout: Annotated[float, typer.Option(help="Seconds to wait.")] = 3600,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """Go on with a failed or cancelled run. Example: arcway retry cluster-0123….abcd"""
    here = Server.find(server)
    started = here.post(f"runs/{run}/retry")
    output.stderr.print(f"Run {started['id']}", markup=False)
    return show_outcome(progress.show(here.follow(started, timeout), quiet=quiet), format_)


@app.command()
def show(
    name: NameOption,
    resource_group: GroupOption,
    subscription: SubscriptionOption = None,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """Show a connected cluster as Azure has it now. Example: arcway show -n shop -g clusters -o json"""
    here = Server.find(server)
    found = here.get(f"connectedClusters/{_subscription(here, subscription)}/{resource_group}/{name}")
    output.print_json(output.flat(found)) if format_ == "json" else output.stdout.print(output.clusters_table([found]))
    return OK


@app.command(name="list")
def list_(
    resource_group: Annotated[str | None, typer.Option("--resource-group", "-g")] = None,
    subscription: SubscriptionOption = None,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """List connected clusters as Azure has them now. Example: arcway list -g clusters"""
    here = Server.find(server)
    found = here.get("connectedClusters", subscription=_subscription(here, subscription), resourceGroup=resource_group)
    clusters = found["value"]
    if format_ == "json":
        output.print_json([output.flat(cluster) for cluster in clusters])
    else:
        output.stdout.print(output.clusters_table(clusters))
    return OK


def _subscription(server: Server, given: str | None) -> str:
    if given:
        return given
    if server.stack:
        return server.stack.azure["subscriptionId"]
    raise CommandError(
        "--subscription is needed.", NOT_FOUND, remedy="Give --subscription or set AZURE_SUBSCRIPTION_ID."
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the command; errors become one sentence on standard error and an exit code."""
    try:
        code = app(arguments, standalone_mode=False)
    except CommandError as error:
        output.show_error(error)
        return error.exit_code
    except typer.TyperException as error:
        output.stderr.print(f"{error.format_message()}\n  See `arcway --help`.", markup=False, style="red")
        return error.exit_code
    if code == _INTERRUPTED:
        output.stderr.print("Stopped waiting; whatever was started goes on. See `arcway status`.")
    return code if isinstance(code, int) else OK
