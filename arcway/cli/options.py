"""Options that several commands have. Names follow `az connectedk8s`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

type Output = Literal["table", "json", "jsonl"]
ServerOption = Annotated[
    str | None, typer.Option("--server", envvar="ARCWAY_SERVER", help="URL of Arcway. Default: the local stack.")
]
OutputOption = Annotated[
    Output, typer.Option("--output", "-o", help="Output format; jsonl prints one JSON object per line.")
]

# Which connected cluster.
GroupOption = Annotated[str, typer.Option("--resource-group", "-g", help="Resource group of the connected cluster.")]
NameOption = Annotated[str, typer.Option("--name", "-n", help="Name of the connected cluster.")]
SubscriptionOption = Annotated[
    str | None,
    typer.Option(
        "--subscription",
        envvar="AZURE_SUBSCRIPTION_ID",
        help="Subscription id. Default with the local stack: the simulated one.",
    ),
]
LocationOption = Annotated[str, typer.Option("--location", "-l", help="Azure location, such as eastus.")]

# How to reach the cluster.
KubeConfigOption = Annotated[
    Path | None, typer.Option("--kube-config", help="Kubeconfig file. Default: KUBECONFIG or ~/.kube/config.")
]
KubeContextOption = Annotated[
    str | None, typer.Option("--kube-context", help="Context of the kubeconfig. Default: the current one.")
]
KubeconfigSecretOption = Annotated[
    str | None, typer.Option("--kubeconfig-secret", help="Name of a stored kubeconfig, instead of a file.")
]
CredentialOption = Annotated[
    Literal["service-account", "as-is"],
    typer.Option(
        "--credential",
        help="Credential for Arcway: the token of a new ServiceAccount, or your own credential as it is.",
    ),
]
CredentialTtlOption = Annotated[
    str | None,
    typer.Option(
        "--credential-ttl",
        help="Lifetime of the ServiceAccount's token, such as 24h or 30m; at least 10m. Default: the run's time limit.",
    ),
]
ClusterRoleOption = Annotated[
    str | None,
    typer.Option(
        "--cluster-role",
        help="Existing ClusterRole for the ServiceAccount. Default: a new ClusterRole with the required permissions.",
    ),
]
KeepCredentialOption = Annotated[
    bool,
    typer.Option("--keep-credential/--no-keep-credential", help="Keep the credential after the run."),
]
KeyVaultOption = Annotated[
    str | None,
    typer.Option(
        "--key-vault", envvar="ARCWAY_KEY_VAULT", help="Key Vault that the credential is stored in (remote Arcway)."
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]

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
ProxyHttpsOption = Annotated[
    str | None, typer.Option("--proxy-https", envvar="ARCWAY_PROXY_HTTPS", help="URL of the proxy for HTTPS.")
]
ProxyHttpOption = Annotated[
    str | None, typer.Option("--proxy-http", envvar="ARCWAY_PROXY_HTTP", help="URL of the proxy for HTTP.")
]
ProxySkipRangeOption = Annotated[
    str | None, typer.Option("--proxy-skip-range", help="Comma-separated hosts and CIDRs that bypass the proxy.")
]
ProxyCertOption = Annotated[
    Path | None, typer.Option("--proxy-cert", "--custom-ca-cert", help="File with the proxy's CA certificate (PEM).")
]
ProxyCredentialsOption = Annotated[
    str | None,
    typer.Option("--proxy-credentials-secret", help="Name of the stored secret with the proxy's user:password."),
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
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would change, without changing anything.")]
NoWaitOption = Annotated[bool, typer.Option("--no-wait", help="Return as soon as the run is accepted.")]
TimeoutOption = Annotated[float, typer.Option("--timeout", help="Seconds to wait for the run.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Do not show progress.")]
FailFastOption = Annotated[
    bool,
    typer.Option(
        "--fail-fast", help="Fail as soon as an agent cannot start (image, node, crash, quota), without waiting."
    ),
]
NamespaceLabelOption = Annotated[
    list[str] | None,
    typer.Option("--namespace-label", help="Label of the agents' namespaces as name=value; may be repeated."),
]
NamespaceAnnotationOption = Annotated[
    list[str] | None,
    typer.Option("--namespace-annotation", help="Annotation of the agents' namespaces as name=value; may be repeated."),
]
PodLabelOption = Annotated[
    list[str] | None, typer.Option("--pod-label", help="Label of the agents' pods as name=value; may be repeated.")
]
PodAnnotationOption = Annotated[
    list[str] | None,
    typer.Option("--pod-annotation", help="Annotation of the agents' pods as name=value; may be repeated."),
]
