"""Groups of options that belong together, each a dataclass whose fields are the options.

A command takes a group as one parameter. Typer knows flat parameters only, so `with_groups` gives it the fields of the
groups and puts the groups together again when the command is called.
"""

import dataclasses
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import typer

from arcway.cli.options import OutputOption, QuietOption, SubscriptionOption, TimeoutOption


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """Which connected cluster a command is about."""

    name: Annotated[str, typer.Option("--name", "-n", help="Name of the connected cluster.")]
    resource_group: Annotated[
        str, typer.Option("--resource-group", "-g", help="Resource group of the connected cluster.")
    ]
    subscription: SubscriptionOption = None


@dataclass(frozen=True, slots=True)
class NewCluster:
    """Which connected cluster is made; without a name those of all contexts."""

    resource_group: Annotated[
        str, typer.Option("--resource-group", "-g", help="Resource group of the connected cluster.")
    ]
    name: Annotated[
        str | None, typer.Option("--name", "-n", help="Name of the connected cluster; not with --all-contexts.")
    ] = None
    subscription: SubscriptionOption = None

    def named(self, name: str) -> ClusterOptions:
        """The connected cluster of this name."""
        return ClusterOptions(name, self.resource_group, self.subscription)


@dataclass(frozen=True)
class Kubeconfig:
    """Where the kubeconfig is, a file and a context in it or a stored secret, and what the service gets of it."""

    file: Annotated[
        Path | None, typer.Option("--kube-config", help="Kubeconfig file. Default: KUBECONFIG or ~/.kube/config.")
    ] = None
    context: Annotated[
        str | None, typer.Option("--kube-context", help="Context of the kubeconfig. Default: the current one.")
    ] = None
    secret: Annotated[
        str | None, typer.Option("--kubeconfig-secret", help="Name of a stored kubeconfig, instead of a file.")
    ] = None
    credential: Annotated[
        Literal["service-account", "as-is"],
        typer.Option(
            "--credential",
            help="Credential for Arcway: the token of a new ServiceAccount, or your own credential as it is.",
        ),
    ] = "service-account"
    ttl: Annotated[
        str | None,
        typer.Option(
            "--credential-ttl",
            help="Lifetime of the ServiceAccount's token, such as 24h or 30m; at least 10m. "
            "Default: the run's time limit.",
        ),
    ] = None
    role: Annotated[
        str | None,
        typer.Option(
            "--cluster-role",
            help="Existing ClusterRole for the ServiceAccount. "
            "Default: a new ClusterRole with the required permissions.",
        ),
    ] = None
    vault: Annotated[
        str | None,
        typer.Option(
            "--key-vault", envvar="ARCWAY_KEY_VAULT", help="Key Vault that the credential is stored in (remote Arcway)."
        ),
    ] = None
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False

    @property
    def is_named(self) -> bool:
        """Whether the user named one at all."""
        return bool(self.file or self.context or self.secret)

    @property
    def is_kept(self) -> bool:
        """Whether what the service gets stays when the command or its run has ended."""
        return False


@dataclass(frozen=True)
class KubeconfigOfRun(Kubeconfig):
    """The kubeconfig of a command that starts a run."""

    keep: Annotated[
        bool,
        typer.Option("--keep-credential/--no-keep-credential", help="Keep the credential after the run."),
    ] = False

    @property
    def is_kept(self) -> bool:
        """Whether the credential stays after the run."""
        return self.keep


@dataclass(frozen=True, slots=True)
class Proxy:
    """The outbound proxy of the agents."""

    https: Annotated[
        str | None, typer.Option("--proxy-https", envvar="ARCWAY_PROXY_HTTPS", help="URL of the proxy for HTTPS.")
    ] = None
    http: Annotated[
        str | None, typer.Option("--proxy-http", envvar="ARCWAY_PROXY_HTTP", help="URL of the proxy for HTTP.")
    ] = None
    skip_range: Annotated[
        str | None, typer.Option("--proxy-skip-range", help="Comma-separated hosts and CIDRs that bypass the proxy.")
    ] = None
    certificate: Annotated[
        Path | None,
        typer.Option("--proxy-cert", "--custom-ca-cert", help="File with the proxy's CA certificate (PEM)."),
    ] = None
    credentials_secret: Annotated[
        str | None,
        typer.Option("--proxy-credentials-secret", help="Name of the stored secret with the proxy's user:password."),
    ] = None


@dataclass(frozen=True, slots=True)
class Marks:
    """Labels and annotations of the agents' namespaces and pods."""

    namespace_label: Annotated[
        list[str] | None,
        typer.Option("--namespace-label", help="Label of the agents' namespaces as name=value; may be repeated."),
    ] = None
    namespace_annotation: Annotated[
        list[str] | None,
        typer.Option(
            "--namespace-annotation", help="Annotation of the agents' namespaces as name=value; may be repeated."
        ),
    ] = None
    pod_label: Annotated[
        list[str] | None,
        typer.Option("--pod-label", help="Label of the agents' pods as name=value; may be repeated."),
    ] = None
    pod_annotation: Annotated[
        list[str] | None,
        typer.Option("--pod-annotation", help="Annotation of the agents' pods as name=value; may be repeated."),
    ] = None


@dataclass(frozen=True, slots=True)
class Following:
    """How a command that starts a run follows it: `timeout` in seconds."""

    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, without changing anything.")] = (
        False
    )
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Return as soon as the run is accepted.")] = False
    timeout: TimeoutOption = 3600
    quiet: QuietOption = False
    format_: OutputOption = "table"


def with_groups(command: Callable[..., int]) -> Callable[..., int]:
    """The command as typer can take it: each field of its groups is an option."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: hint for name, hint in hints.items() if dataclasses.is_dataclass(hint)}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        if group := groups.get(parameter.name):
            parameters += _of_group(parameter.name, group)
        else:
            parameters.append(_keyword(parameter.name, parameter.default, hints[parameter.name]))

    @functools.wraps(command)
    def flat(**options: Any) -> int:
        for name, group in groups.items():
            fields = [field.name for field in dataclasses.fields(group)]
            options[name] = group(**{field: options.pop(f"{name}_{field}") for field in fields})
        return command(**options)

    flat.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # what inspect looks for
    flat.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return flat


def _of_group(prefix: str, group: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        _keyword(
            f"{prefix}_{field.name}",
            inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default,
            hints[field.name],
        )
        for field in dataclasses.fields(group)
    ]


def _keyword(name: str, default: object, annotation: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
