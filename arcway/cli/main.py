"""The `arcway` command: its commands, options and exit codes. Names follow `az connectedk8s`."""

import logging
import sys
from collections.abc import Iterable, Iterator
from typing import Annotated

import typer

from arcway.cli import local_commands, output, progress
from arcway.cli.agents import agents
from arcway.cli.client import FAILED, INTERRUPTED, NOT_FOUND, OK, ArcwayClient, CommandError
from arcway.cli.connect import check, connect
from arcway.cli.disconnect import disconnect
from arcway.cli.dlq import dlq
from arcway.cli.extension import extension
from arcway.cli.fleet import fleet
from arcway.cli.fleet_commands import commands as fleet_commands
from arcway.cli.fleet_plan import plan
from arcway.cli.gitops import gitops
from arcway.cli.option_groups import ClusterOptions, Following, with_groups
from arcway.cli.options import OutputOption, ServerOption, SubscriptionOption
from arcway.cli.policy import policy
from arcway.cli.runs import detached
from arcway.cli.runs import follow as follow_run
from arcway.cli.update import update
from arcway.cli.upgrade import upgrade
from arcway.domain.json_values import Json
from arcway.domain.text import counted
from arcway.telemetry import log_one_line_each

app = typer.Typer(
    help="Connects Kubernetes clusters to Azure Arc.", no_args_is_help=True, rich_markup_mode=None, add_completion=True
)
app.add_typer(local_commands.local, name="local")
app.add_typer(dlq, name="dlq")
app.add_typer(fleet, name="fleet")
app.add_typer(extension, name="extension")
app.add_typer(gitops, name="gitops")
app.add_typer(policy, name="policy")
fleet.command()(with_groups(plan))
for command in (connect, check, agents, disconnect, update, upgrade):
    app.command()(with_groups(command))
for local_command in (local_commands.up, local_commands.down, local_commands.demo):
    app.command()(local_command)


_SWITCHES = ("--verbose", "--debug")


@app.command()
def status(
    run: Annotated[str | None, typer.Argument(help="Id of a run. Default: the latest runs.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Follow the run until it has ended.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to follow the run.")] = 3600,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """Show a run, or the latest runs. Example: arcway status cluster-0123….abcd"""
    client = ArcwayClient.find(server)
    if run is None:
        runs = client.get("runs")
        output.show(runs["value"] if format_ == "jsonl" else runs, format_, lambda: output.runs_table(runs["value"]))
        return OK
    run_document = client.get_when_up(f"runs/{run}", timeout) if follow else client.get(f"runs/{run}")
    if follow:
        try:
            run_document = _followed(client.follow(run_document, timeout), format_)
        except KeyboardInterrupt:
            return detached(run_document)
    if not (follow and format_ == "jsonl"):
        output.show(run_document, format_, lambda: output.run_for_people(run_document))
    if run_document["error"] and format_ == "table":
        error = run_document["error"]
        output.show_error(CommandError(f"{error['code']}: {error['message']}", FAILED, remedy=error["remedy"]))
    return FAILED if run_document["state"] in ("Failed", "Canceled") else OK


def _followed(changes: Iterator[Json], format_: str) -> Json:
    """The run's last form; with jsonl every form of it is data."""
    if format_ != "jsonl":
        return progress.show(changes)
    run: Json = {}
    for run in changes:
        output.show(run, format_, str)
    return run


@app.command()
def purge(
    older_than: Annotated[str, typer.Option("--older-than", help="Minimum age with unit d, h, m or s, such as 30d.")],
    server: ServerOption = None,
) -> int:
    """Remove finished runs that are older than an age. Example: arcway purge --older-than 30d"""
    purged = ArcwayClient.find(server).post("runs/purge", olderThan=older_than)
    output.stderr.print(f"{counted(purged['purged'], 'finished run')} removed.")
    return OK


@app.command()
def cancel(run: Annotated[str, typer.Argument(help="Id of the run.")], server: ServerOption = None) -> int:
    """Cancel a run; it stops before its next step. Example: arcway cancel cluster-0123….abcd"""
    run_document = ArcwayClient.find(server).post(f"runs/{run}/cancel")
    output.stderr.print(
        f"Run {run_document['id']} is {run_document['state']}; arcway status {run_document['id']} --follow"
    )
    return OK


@app.command()
def retry(
    run: Annotated[str, typer.Argument(help="Id of a failed or canceled run.")],
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the run.")] = 3600,
    quiet: Annotated[bool, typer.Option("--quiet", help="Do not show progress.")] = False,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """Retry a failed or canceled run. Example: arcway retry cluster-0123….abcd"""
    client = ArcwayClient.find(server)
    started = client.post(f"runs/{run}/retry")
    output.stderr.print(f"Run {started['id']}", markup=False)
    return follow_run(client, started, Following(timeout=timeout, quiet=quiet, format_=format_))


@app.command()
@with_groups
def show(
    cluster: ClusterOptions,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """Show a connected cluster as Azure has it now. Example: arcway show -n shop -g clusters -o json"""
    client = ArcwayClient.find(server)
    subscription = _subscription(client, cluster.subscription)
    resource = client.get(f"connectedClusters/{subscription}/{cluster.resource_group}/{cluster.name}")
    output.show(output.flat(resource), format_, lambda: output.clusters_table([resource]))
    return OK


@app.command(name="list")
def list_(
    resource_group: Annotated[
        str | None, typer.Option("--resource-group", "-g", help="Only clusters in this resource group.")
    ] = None,
    subscription: SubscriptionOption = None,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """List connected clusters as Azure has them now. Example: arcway list -g clusters"""
    client = ArcwayClient.find(server)
    resources = client.get(
        "connectedClusters", subscription=_subscription(client, subscription), resourceGroup=resource_group
    )
    clusters = resources["value"]
    output.show([output.flat(cluster) for cluster in clusters], format_, lambda: output.clusters_table(clusters))
    return OK


def _subscription(server: ArcwayClient, subscription: str | None) -> str:
    if subscription:
        return subscription
    if server.stack:
        return server.stack.azure["subscriptionId"]
    raise CommandError(
        "--subscription is required.", NOT_FOUND, remedy="Pass --subscription or set AZURE_SUBSCRIPTION_ID."
    )


@app.callback()
def _everywhere(
    verbose: Annotated[bool, typer.Option("--verbose", help="Log every request to Arcway to standard error.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="As --verbose, and print a traceback on errors.")] = False,
) -> None:
    """Connects Kubernetes clusters to Azure Arc."""
    if verbose or debug:
        log_one_line_each()
        logging.basicConfig(stream=sys.stderr, format="%(name)s: %(message)s", level=logging.WARNING)
        logging.getLogger("arcway.cli").setLevel(logging.DEBUG if debug else logging.INFO)


def _examples_on_a_line_of_their_own(commands: Iterable[typer.models.CommandInfo]) -> None:
    """The help text wraps lines, also at a hyphen inside of an option; a paragraph that begins with \\b stays."""
    for command in commands:
        summary, _, example = (command.help or (command.callback and command.callback.__doc__) or "").partition(
            " Example: "
        )
        if example:
            command.help = f"{summary}\n\n\b\nExample: {example}"


_examples_on_a_line_of_their_own(
    [
        *app.registered_commands,
        *local_commands.local.registered_commands,
        *dlq.registered_commands,
        *fleet.registered_commands,
        *extension.registered_commands,
        *gitops.registered_commands,
        *policy.registered_commands,
        *fleet_commands.registered_commands,
    ]
)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; errors become one sentence on standard error and an exit code."""
    command_line = _with_switches_first(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app(command_line, prog_name="arcway", standalone_mode=False)
    except CommandError as error:
        output.show_error(error)
        return error.exit_code
    except typer.TyperException as error:
        output.stderr.print(f"{error.format_message()}\n  See `arcway --help`.", markup=False, style="red")
        return error.exit_code
    except Exception as error:
        if "--debug" in command_line:
            raise
        output.show_error(
            CommandError(
                f"arcway failed: {type(error).__name__}: {error}",
                FAILED,
                remedy="Run it again with --debug for details.",
            )
        )
        return FAILED
    if code == INTERRUPTED:
        output.stderr.print("Stopped; runs already started continue. See `arcway status`.")
    return code if isinstance(code, int) else OK


def _with_switches_first(arguments: list[str]) -> list[str]:
    """`--verbose` and `--debug` count wherever they stand, as with `az`; what follows `--` is the command's own."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    switches = [item for item in arguments[:end] if item in _SWITCHES]
    return [*switches, *(item for item in arguments[:end] if item not in _SWITCHES), *arguments[end:]]
