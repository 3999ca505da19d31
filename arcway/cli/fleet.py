"""`arcway fleet`: one operation on many clusters, and what can be done with a fleet in progress."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from arcway.cli import fleet_progress, output
from arcway.cli.client import FAILED, INTERRUPTED, OK, PARTLY_FAILED, ArcwayClient
from arcway.cli.fleet_commands import FleetArgument, commands, reference
from arcway.cli.fleet_options import FleetSource
from arcway.cli.option_groups import with_groups
from arcway.cli.options import Output, OutputOption, QuietOption, ServerOption
from arcway.cli.plan_files import read_plan_file
from arcway.domain.json_values import Json
from arcway.domain.text import counted

fleet = typer.Typer(help="One operation on many clusters.", no_args_is_help=True)
fleet.add_typer(commands)

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
    started = client.start("fleets", body, key)
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


def _exit_code(document: Json) -> int:
    return {"Succeeded": OK, "Incomplete": PARTLY_FAILED, "Halted": PARTLY_FAILED}.get(document["state"], FAILED)


def _show(document: Json, format_: Output, exit_code: int) -> int:
    output.show(document, format_, lambda: _fleets_table([document]))
    if format_ == "table" and document["failures"]:
        output.stderr.print(fleet_progress.failures_table(document))
        state = "failed" if document["counts"]["failed"] else "parked"
        output.stderr.print(f"arcway fleet members {reference(document)} --state {state}", markup=False)
    _show_what_is_waited_for(document)
    if document["error"]:
        output.stderr.print(f"{document['error']['code']}: {document['error']['message']}", markup=False, style="red")
    return exit_code


def _show_what_is_waited_for(document: Json) -> None:
    """Why the fleet does not continue, and what a user can do."""
    if halted := document["halted"]:
        output.stderr.print(f"Halted: {halted['code']}: {halted['message']}", markup=False, style="red")
        output.stderr.print(f"  {halted['remedy']}", markup=False)
    if (gate := document["gate"]) and gate["state"] == "waiting":
        classes = gate["check"]["classes"] if gate["check"] else {}
        checked = ", ".join(f"{count} {name}" for name, count in classes.items() if count)
        output.stderr.print(f"Gate {gate['name']} waits for an approval{checked and f' ({checked})'}.", markup=False)
        output.stderr.print(f"  arcway fleet approve {document['name']} --gate {gate['name']}", markup=False)


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
