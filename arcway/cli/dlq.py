"""`arcway dlq`: messages that could not be processed after many deliveries."""

import json
from typing import Annotated

import typer

from arcway.cli import output
from arcway.cli.bus import described, one_of, open_bus
from arcway.cli.client import NOT_FOUND, OK, PARTLY_FAILED
from arcway.cli.options import OutputOption

dlq = typer.Typer(help="The dead-letter queue of requests.", no_args_is_help=True)

IdArgument = Annotated[str, typer.Argument(help="Message id.")]
IdsArgument = Annotated[list[str] | None, typer.Argument(help="Message ids.")]
AllOption = Annotated[bool, typer.Option("--all", help="All dead letters.")]


@dlq.command(name="list")
def list_(format_: OutputOption = "table") -> int:
    """List dead letters. Example: arcway dlq list"""
    with open_bus() as bus:
        letters = [described(message) for message in bus.dead_letters()]
    output.show(letters, format_, lambda: output.dead_letters_table(letters))
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
        message_ids = [str(item.message_id) for item in bus.dead_letters()] if all_ else messages or []
        return _tell("resubmitted", message_ids, bus.resubmit(message_ids))


@dlq.command()
def purge(messages: IdsArgument = None, all_: AllOption = False) -> int:
    """Remove dead letters permanently. Example: arcway dlq purge --all"""
    with open_bus() as bus:
        message_ids = [str(item.message_id) for item in bus.dead_letters()] if all_ else messages or []
        return _tell("purged", message_ids, bus.purge(message_ids))


def _tell(verb: str, message_ids: list[str], handled: list[str]) -> int:
    output.print_json({verb: handled})
    missing = sorted(set(message_ids) - set(handled))
    if missing:
        output.stderr.print(f"not found: {json.dumps(missing)}", markup=False)
    if missing:
        return PARTLY_FAILED if handled else NOT_FOUND
    return OK
