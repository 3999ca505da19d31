"""`arcway dlq`: messages that could not be dealt with after many deliveries."""

import json
from typing import Annotated

import typer

from arcway.cli import output
from arcway.cli.bus import described, one_of, open_bus
from arcway.cli.options import OutputOption
from arcway.cli.server import NOT_FOUND, OK, PARTLY_FAILED

dlq = typer.Typer(help="The dead-letter queue of requests.", no_args_is_help=True)

IdArgument = Annotated[str, typer.Argument(help="Message id.")]
IdsArgument = Annotated[list[str] | None, typer.Argument(help="Message ids.")]
AllOption = Annotated[bool, typer.Option("--all", help="All dead letters.")]


@dlq.command(name="list")
def list_(format_: OutputOption = "table") -> int:
    """List dead letters. Example: arcway dlq list"""
    with open_bus() as bus:
        found = [described(message) for message in bus.dead_letters()]
    output.show(found, format_, lambda: output.dead_letters_table(found))
    return OK


@dlq.command()
def show(message: IdArgument) -> int:
    """Show a dead letter. Example: arcway dlq show MESSAGE-ID"""
    with open_bus() as bus:
        output.print_json(described(one_of(bus.dead_letters(), message)))
    return OK


@dlq.command()
def resubmit(messages: IdsArgument = None, all_: AllOption = False) -> int:
    """Put dead letters back on the queue. Example: arcway dlq resubmit --all"""
    with open_bus() as bus:
        wanted = [str(item.message_id) for item in bus.dead_letters()] if all_ else messages or []
        return _tell("resubmitted", wanted, bus.resubmit(wanted))


@dlq.command()
def purge(messages: IdsArgument = None, all_: AllOption = False) -> int:
    """Remove dead letters for good. Example: arcway dlq purge --all"""
    with open_bus() as bus:
        wanted = [str(item.message_id) for item in bus.dead_letters()] if all_ else messages or []
        return _tell("purged", wanted, bus.purge(wanted))


def _tell(what: str, wanted: list[str], done: list[str]) -> int:
    output.print_json({what: done})
    missing = sorted(set(wanted) - set(done))
    if missing:
        output.stderr.print(f"not found: {json.dumps(missing)}", markup=False)
    if missing:
        return PARTLY_FAILED if done else NOT_FOUND
    return OK
