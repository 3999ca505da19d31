"""The options that say what a fleet is to do: a file, and what overrides it. `apply` and `plan` have the same."""

from dataclasses import dataclass
from typing import Annotated

import typer

from arcway.cli.fleet_files import read_fleet, with_options
from arcway.domain.json_values import Json
from arcway.domain.operations import Operation


@dataclass(frozen=True, slots=True)
class FleetSource:
    """Where the request for a fleet comes from."""

    file: Annotated[str, typer.Option("--file", "-f", help="YAML, JSON or CSV file; - for standard input.")]
    name: Annotated[str | None, typer.Option("--name", "-n", help="Name of the fleet. Default: the file's.")] = None
    operation: Annotated[
        Operation | None,
        typer.Option("--operation", help="What to do with each cluster. Default: the file's, or onboard."),
    ] = None
    defaults: Annotated[
        list[str] | None, typer.Option("--set", help="Default of a field as FIELD=VALUE; may be repeated.")
    ] = None
    window: Annotated[int | None, typer.Option("--window", help="Maximum of members in progress at once.")] = None

    def body(self) -> Json:
        """The request. Raises `CommandError` naming what is wrong with the file or an option."""
        fields = self.defaults or ()
        return with_options(
            read_fleet(self.file), name=self.name, operation=self.operation, fields=fields, window=self.window
        )
