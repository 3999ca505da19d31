"""`arcway fleet`: one operation on many clusters, and what can be done with a fleet in progress."""

import uuid
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from arcway.cli import fleet_progress, output
from arcway.cli.client import FAILED, INTERRUPTED, OK, PARTLY_FAILED, ArcwayClient
from arcway.cli.fleet_options import FleetSource
from arcway.cli.option_groups import with_groups
from arcway.cli.options import Output, OutputOption, QuietOption, ServerOption
from arcway.cli.plan_files import read_plan_file
from arcway.domain.json_values import Json
from arcway.domain.text import counted

fleet = typer.Typer(help="One operation on many clusters.", no_args_is_help=True)

FleetArgument = Annotated[str, typer.Argument(help="Name or id of the fleet.")]
MembersArgument = Annotated[list[str], typer.Argument(help="Names of members.")]
FollowOption = Annotated[bool, typer.Option("--follow", help="Follow the fleet until it has ended.")]
TimeoutOption = Annotated[float, typer.Option("--timeout", help="Seconds to follow the fleet.")]
_DAY = 86_400.0


@fleet.command()
@with_groups
def apply(
    source: FleetSource,
    plan: Annotated[
        Path | None,
        typer.Option("--plan", help="Plan file: members that would change more than it says are parked."),
    ] = None,
    key: Annotated[
        str | None, typer.Option("--idempotency-key", help="The same key and file return the same fleet.")
    ] = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Return as soon as the fleet is accepted.")] = False,
    timeout: TimeoutOption = _DAY,
    quiet: QuietOption = False,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """Start a fleet and follow it. Example: arcway fleet apply -f shops.yaml"""
    body = source.body()
    if plan is not None:
        body["plan"] = read_plan_file(plan).expected_by(plan, body)
    client = ArcwayClient.find(server)
    started = client.post("fleets", body, {"Idempotency-Key": key or str(uuid.uuid4())})
    output.stderr.print(f"Fleet {started['id']}", markup=False)
    if no_wait:
        output.stderr.print(f"arcway fleet show {started['name']} --follow", markup=False)
        return _show(started, format_, OK)
    return follow_fleet(client, started, timeout, format_, quiet=quiet)


@fleet.command(name="list")
def list_(server: ServerOption = None, format_: OutputOption = "table") -> int:
    """List the latest fleet of each name. Example: arcway fleet list"""
    fleets = ArcwayClient.find(server).get("fleets")
    output.show(fleets["value"] if format_ == "jsonl" else fleets, format_, lambda: _fleets_table(fleets["value"]))
    return OK


@fleet.command()
def show(
    name: FleetArgument,
    follow: FollowOption = False,
    timeout: TimeoutOption = _DAY,
    quiet: QuietOption = False,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """Show a fleet. Example: arcway fleet show shops --follow"""
    client = ArcwayClient.find(server)
    document = client.get(f"fleets/{name}")
    return follow_fleet(client, document, timeout, format_, quiet=quiet) if follow else _show(document, format_, OK)


@fleet.command()
def members(
    name: FleetArgument,
    state: Annotated[str | None, typer.Option("--state", help="Only members in this state, such as failed.")] = None,
    code: Annotated[str | None, typer.Option("--code", help="Only members whose last run failed with it.")] = None,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """List the members of a fleet. Example: arcway fleet members shops --state failed"""
    client, token, result = ArcwayClient.find(server), None, list[Json]()
    while True:
        page = client.get(f"fleets/{name}/members", state=state, code=code, top=500, continuationToken=token)
        result += page["value"]
        if (token := page["continuationToken"]) is None:
            break
    output.show(result if format_ == "jsonl" else {"value": result}, format_, lambda: _members_table(result))
    return OK


@fleet.command()
def pause(name: FleetArgument, server: ServerOption = None) -> int:
    """Start no more members; those in progress continue. Example: arcway fleet pause shops"""
    return _command(server, name, "pause")


@fleet.command()
def resume(name: FleetArgument, server: ServerOption = None) -> int:
    """Start members again. Example: arcway fleet resume shops"""
    return _command(server, name, "resume")


@fleet.command()
def cancel(
    name: FleetArgument,
    running: Annotated[bool, typer.Option("--running", help="Cancel the members in progress, too.")] = False,
    server: ServerOption = None,
) -> int:
    """Cancel a fleet; members in progress finish. Example: arcway fleet cancel shops --running"""
    return _command(server, name, "cancel", {"running": "cancel" if running else "finish"})


@fleet.command()
def retry(
    name: FleetArgument,
    only: Annotated[list[str] | None, typer.Argument(metavar="[MEMBER]...", help="Names of members.")] = None,
    codes: Annotated[
        list[str] | None, typer.Option("--code", help="Only members that failed with this code; may be repeated.")
    ] = None,
    server: ServerOption = None,
) -> int:
    """Try failed and parked members again. Example: arcway fleet retry shops --code ARC-5005"""
    return _command(server, name, "retry", {"members": only or None, "codes": codes or None})


@fleet.command()
def skip(name: FleetArgument, only: MembersArgument, server: ServerOption = None) -> int:
    """Leave out members that wait or are parked. Example: arcway fleet skip shops shop-017"""
    return _command(server, name, "skip", {"members": only})


@fleet.command(name="set")
def set_(
    name: FleetArgument,
    window: Annotated[int, typer.Option("--window", help="Most members in progress at once.")],
    server: ServerOption = None,
) -> int:
    """Change the window of a fleet in progress. Example: arcway fleet set shops --window 100"""
    ArcwayClient.find(server).patch(f"fleets/{name}", {"window": window})
    output.stderr.print(f"arcway fleet show {name} --follow", markup=False)
    return OK


def _command(server: str | None, name: str, command: str, body: Json | None = None) -> int:
    document = ArcwayClient.find(server).post(f"fleets/{name}/{command}", body)
    output.stderr.print(f"Fleet {document['id']}: {command} accepted.", markup=False)
    output.stderr.print(f"  arcway fleet show {reference(document)} --follow", markup=False)
    return OK


def follow_fleet(client: ArcwayClient, document: Json, timeout: float, format_: Output, *, quiet: bool) -> int:
    """Follow a fleet until it has ended and show it; returns the exit code. Raises `CommandError`."""
    try:
        changes = client.follow_fleet(document, timeout)
        if format_ != "jsonl":
            document = fleet_progress.show(changes, quiet=quiet)
            return _show(document, format_, _exit_code(document))
        for document in changes:
            output.show(document, format_, str)
    except KeyboardInterrupt:
        output.stderr.print(f"Stopped waiting; fleet {reference(document)} continues.", markup=False)
        output.stderr.print(f"  arcway fleet show {reference(document)} --follow", markup=False)
        return INTERRUPTED
    return _exit_code(document)


def reference(document: Json) -> str:
    """By what commands name the fleet: its name, but a check's id, because that name has a slash."""
    value: str = document["id"] if document["checks"] else document["name"]
    return value


def _exit_code(document: Json) -> int:
    return {"Succeeded": OK, "Incomplete": PARTLY_FAILED}.get(document["state"], FAILED)


def _show(document: Json, format_: Output, exit_code: int) -> int:
    output.show(document, format_, lambda: _fleets_table([document]))
    if format_ == "table" and document["failures"]:
        output.stderr.print(fleet_progress.failures_table(document))
        output.stderr.print(f"arcway fleet members {reference(document)} --state failed", markup=False)
    if document["error"]:
        output.stderr.print(f"{document['error']['code']}: {document['error']['message']}", markup=False, style="red")
    return exit_code


def _fleets_table(fleets: list[Json]) -> Table:
    table = Table(box=None, header_style="bold")
    for column in ("Fleet", "Operation", "State", "Members", "PerHour", "Until", "Created"):
        table.add_column(column, overflow="fold")
    for item in fleets:
        size = f"{counted(item['size'], 'member')}: {fleet_progress.counts_of(item)}"
        cells = (item["name"], item["operation"], item["state"], size, item["perHour"], item["eta"], item["createdAt"])
        table.add_row(*map(output.cell, cells))
    return table


def _members_table(rows: list[Json]) -> Table:
    table = Table(box=None, header_style="bold")
    for column in ("Member", "State", "Phase", "Run", "Error"):
        table.add_column(column, overflow="fold")
    for row in rows:
        error = f"{row['error']['code']}: {row['error']['message']}" if row["error"] else None
        table.add_row(*map(output.cell, (row["name"], row["state"], row["phase"], row["run"], error)))
    return table
