"""Options that several commands have. Names follow `az connectedk8s`."""

from typing import Annotated, Literal

import typer

type Output = Literal["table", "json"]
ServerOption = Annotated[
    str | None, typer.Option("--server", envvar="ARCWAY_SERVER", help="Address of a running Arcway.")
]
OutputOption = Annotated[Output, typer.Option("--output", "-o", help="For people or for programs.")]
GroupOption = Annotated[str, typer.Option("--resource-group", "-g")]
NameOption = Annotated[str, typer.Option("--name", "-n", help="Name of the connected cluster.")]
SubscriptionOption = Annotated[
    str | None, typer.Option("--subscription", envvar="AZURE_SUBSCRIPTION_ID", help="Local default: the simulated one.")
]
