"""Options that several commands have. Names follow `az connectedk8s`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

type Output = Literal["table", "json", "jsonl"]
ServerOption = Annotated[
    str | None, typer.Option("--server", envvar="ARCWAY_SERVER", help="Address of a running Arcway.")
]
OutputOption = Annotated[
    Output, typer.Option("--output", "-o", help="For people, or for programs: jsonl is an item a line.")
]

# Which connected cluster.
GroupOption = Annotated[str, typer.Option("--resource-group", "-g")]
NameOption = Annotated[str, typer.Option("--name", "-n", help="Name of the connected cluster.")]
SubscriptionOption = Annotated[
    str | None, typer.Option("--subscription", envvar="AZURE_SUBSCRIPTION_ID", help="Local default: the simulated one.")
]
LocationOption = Annotated[str, typer.Option("--location", "-l")]

# How to reach the cluster.
KubeConfigOption = Annotated[Path | None, typer.Option("--kube-config", help="Default: KUBECONFIG or ~/.kube/config.")]
KubeContextOption = Annotated[str | None, typer.Option("--kube-context")]
KubeconfigSecretOption = Annotated[
    str | None, typer.Option("--kubeconfig-secret", help="Name of a stored kubeconfig instead of a file.")
]
CredentialOption = Annotated[
    Literal["service-account", "as-is"],
    typer.Option(
        "--credential", help="What Arcway gets: a new ServiceAccount's token, or your token or client certificate."
    ),
]
CredentialTtlOption = Annotated[
    str | None,
    typer.Option(
        "--credential-ttl",
        help="How long that token lasts, as in 24h or 30m; at least 10m. Default: as long as the run may take.",
    ),
]
ClusterRoleOption = Annotated[
    str | None,
    typer.Option("--cluster-role", help="Existing ClusterRole for that ServiceAccount instead of one of its own."),
]
KeepCredentialOption = Annotated[
    bool,
    typer.Option("--keep-credential/--no-keep-credential", help="Whether it stays when the run has ended."),
]
KeyVaultOption = Annotated[
    str | None,
    typer.Option(
        "--key-vault", envvar="ARCWAY_KEY_VAULT", help="Address of the vault in which a remote Arcway finds it."
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

# What the connected cluster and its agents should be like.
TagsOption = Annotated[
    list[str] | None, typer.Option("--tags", help='name=value, may be repeated; replaces all. "" removes all.')
]
DistributionOption = Annotated[str | None, typer.Option("--distribution")]
InfrastructureOption = Annotated[str | None, typer.Option("--infrastructure")]
ProxyHttpsOption = Annotated[
    str | None, typer.Option("--proxy-https", envvar="ARCWAY_PROXY_HTTPS", help="Proxy for HTTPS.")
]
ProxyHttpOption = Annotated[
    str | None, typer.Option("--proxy-http", envvar="ARCWAY_PROXY_HTTP", help="Proxy for HTTP.")
]
ProxySkipRangeOption = Annotated[
    str | None, typer.Option("--proxy-skip-range", help="What the agents reach without the proxy, by commas.")
]
ProxyCertOption = Annotated[
    Path | None, typer.Option("--proxy-cert", "--custom-ca-cert", help="File with the proxy's CA in PEM form.")
]
ProxyCredentialsOption = Annotated[
    str | None, typer.Option("--proxy-credentials-secret", help="Name of a secret with user:password for the proxy.")
]

# How to go about it.
CheckNetworkOption = Annotated[
    bool, typer.Option("--check-network", help="Also try from inside the cluster what the agents need (runs a Job).")
]
TakeOverOption = Annotated[
    bool,
    typer.Option("--take-over", help="Take the resource even if another live cluster is connected by this name."),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")]
NoWaitOption = Annotated[bool, typer.Option("--no-wait", help="Return as soon as the run is accepted.")]
TimeoutOption = Annotated[float, typer.Option("--timeout", help="Seconds to wait.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="No progress.")]
FailFastOption = Annotated[
    bool,
    typer.Option("--fail-fast", help="End as soon as an agent fails, though it may pass: image, node, crash, quota."),
]
NamespaceLabelOption = Annotated[
    list[str] | None, typer.Option("--namespace-label", help="name=value for the agents' namespaces, may be repeated.")
]
NamespaceAnnotationOption = Annotated[
    list[str] | None, typer.Option("--namespace-annotation", help="name=value for these, too, may be repeated.")
]
PodLabelOption = Annotated[
    list[str] | None, typer.Option("--pod-label", help="name=value for the agents' pods, may be repeated.")
]
PodAnnotationOption = Annotated[
    list[str] | None, typer.Option("--pod-annotation", help="name=value for these, too, may be repeated.")
]
