"""Options that several commands have. Names follow `az connectedk8s`."""

from typing import Annotated, Literal

import typer

Output = Literal["table", "json", "jsonl"]
ServerOption = Annotated[
    str | None,
    typer.Option(
        "--server", envvar="ARCWAY_SERVER", help="URL of Arcway. Default: the local stack, or what azd deployed."
    ),
]
OutputOption = Annotated[
    Output, typer.Option("--output", "-o", help="Output format; jsonl prints one JSON object per line.")
]
SubscriptionOption = Annotated[
    str | None,
    typer.Option(
        "--subscription",
        envvar="AZURE_SUBSCRIPTION_ID",
        help="Subscription id. Default with the local stack: the simulated one.",
    ),
]
LocationOption = Annotated[str, typer.Option("--location", "-l", help="Azure location, such as eastus.")]

# What the connected cluster and its agents should be like.
TagsOption = Annotated[
    list[str] | None,
    typer.Option("--tags", help='Tag as name=value; may be repeated. Replaces all tags; "" removes all.'),
]
DistributionOption = Annotated[
    str | None, typer.Option("--distribution", help="Kubernetes distribution, such as k3s. Connecting detects it.")
]
InfrastructureOption = Annotated[
    str | None, typer.Option("--infrastructure", help="Infrastructure, such as aws. Connecting detects it.")
]

# How to go about it.
CheckNetworkOption = Annotated[
    bool,
    typer.Option(
        "--check-network", help="Also check from inside the cluster the endpoints that the agents need (runs a Job)."
    ),
]
TakeOverOption = Annotated[
    bool,
    typer.Option("--take-over", help="Take over the connected cluster even if another cluster uses it."),
]
TimeoutOption = Annotated[float, typer.Option("--timeout", help="Seconds to wait for the run.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Do not show progress.")]
FailFastOption = Annotated[
    bool,
    typer.Option(
        "--fail-fast", help="Fail as soon as an agent cannot start (image, node, crash, quota), without waiting."
    ),
]
