"""The commands of `arcway fleet` that tell a fleet what to do."""

from typing import Annotated

import typer

from arcway.cli import output
from arcway.cli.client import OK, ArcwayClient
from arcway.cli.options import ServerOption
from arcway.domain.json_values import Json

commands = typer.Typer()

FleetArgument = Annotated[str, typer.Argument(help="Name or id of the fleet.")]
MembersArgument = Annotated[list[str] | None, typer.Argument(metavar="[MEMBER]...", help="Names of members.")]
BudgetOption = Annotated[
    str | None, typer.Option("--max-failures", help="How many members of a stage may fail: 5, or 10%.")
]
GateOption = Annotated[
    str | None, typer.Option("--gate", help="The gate, such as canary/after. Default: the open one.")
]
CommentOption = Annotated[str | None, typer.Option("--comment", help="Why; shown with the fleet.")]


@commands.command()
def pause(name: FleetArgument, server: ServerOption = None) -> int:
    """Start no more members; those in progress continue. Example: arcway fleet pause shops"""
    return _command(server, name, "pause")


@commands.command()
def resume(name: FleetArgument, budget: BudgetOption = None, server: ServerOption = None) -> int:
    """Start members again after a pause or a halt. Example: arcway fleet resume shops --max-failures 5"""
    return _command(server, name, "resume", {"maxFailures": _number(budget)})


@commands.command()
def cancel(
    name: FleetArgument,
    running: Annotated[bool, typer.Option("--running", help="Cancel the members in progress, too.")] = False,
    server: ServerOption = None,
) -> int:
    """Cancel a fleet; members in progress finish. Example: arcway fleet cancel shops --running"""
    return _command(server, name, "cancel", {"running": "cancel" if running else "finish"})


@commands.command()
def retry(
    name: FleetArgument,
    only: MembersArgument = None,
    codes: Annotated[
        list[str] | None, typer.Option("--code", help="Only members that failed with this code; may be repeated.")
    ] = None,
    server: ServerOption = None,
) -> int:
    """Try failed and parked members again. Example: arcway fleet retry shops --code ARC-5005"""
    return _command(server, name, "retry", {"members": only or None, "codes": codes or None})


@commands.command()
def skip(
    name: FleetArgument,
    only: MembersArgument = None,
    stage: Annotated[str | None, typer.Option("--stage", help="All members of a stage.")] = None,
    soak: Annotated[bool, typer.Option("--soak", help="The rest of the soak in progress.")] = False,
    server: ServerOption = None,
) -> int:
    """Leave out members that wait or are parked. Example: arcway fleet skip shops shop-017"""
    return _command(server, name, "skip", {"members": only or None, "stage": stage, "soak": soak})


@commands.command()
def approve(
    name: FleetArgument,
    gate: GateOption = None,
    digest: Annotated[
        str | None, typer.Option("--digest", help="Only if what was checked still has this digest.")
    ] = None,
    comment: CommentOption = None,
    server: ServerOption = None,
) -> int:
    """Let a fleet pass the gate at which it waits. Example: arcway fleet approve shops --comment fine"""
    return _command(server, name, "approve", {"gate": gate, "digest": digest, "comment": comment})


@commands.command()
def reject(
    name: FleetArgument, gate: GateOption = None, comment: CommentOption = None, server: ServerOption = None
) -> int:
    """End a fleet at the gate at which it waits. Example: arcway fleet reject shops"""
    return _command(server, name, "reject", {"gate": gate, "comment": comment})


@commands.command(name="set")
def set_(
    name: FleetArgument,
    window: Annotated[int | None, typer.Option("--window", help="Maximum of members in progress at once.")] = None,
    budget: BudgetOption = None,
    server: ServerOption = None,
) -> int:
    """Change the window or the budget of a fleet in progress. Example: arcway fleet set shops --window 100"""
    ArcwayClient.find(server).patch(f"fleets/{name}", {"window": window, "maxFailures": _number(budget)})
    output.stderr.print(f"arcway fleet show {name} --follow", markup=False)
    return OK


def _command(server: str | None, name: str, command: str, body: Json | None = None) -> int:
    document = ArcwayClient.find(server).post(f"fleets/{name}/{command}", body)
    output.stderr.print(f"Fleet {document['id']}: {command} accepted.", markup=False)
    output.stderr.print(f"  arcway fleet show {reference(document)} --follow", markup=False)
    return OK


def _number(budget: str | None) -> int | str | None:
    """A number as one; what is none goes to the server, which says what is wrong with it."""
    return int(budget) if budget is not None and budget.isascii() and budget.isdecimal() else budget


def reference(document: Json) -> str:
    """By what commands name the fleet: its name, but a check's id, because that name has a slash."""
    value: str = document["id"] if document["checks"] else document["name"]
    return value
