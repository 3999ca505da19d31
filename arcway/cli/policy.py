"""`arcway policy`: Azure Policy in a connected cluster: show, enable and disable it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from arcway.cli import policy_output, requests
from arcway.cli.client import OK, USAGE, ArcwayClient, CommandError
from arcway.cli.cluster_runs import confirm_deletion, path_below, start_on
from arcway.cli.credentials.provisioning import Needs
from arcway.cli.option_groups import ClusterOptions, Following, KubeconfigOfRun, Proxy, with_groups
from arcway.cli.options import OutputOption, ServerOption
from arcway.domain.json_values import Json

policy = typer.Typer(help="Azure Policy in a connected cluster.", no_args_is_help=True)

type AssignmentScope = Literal["cluster", "resourceGroup", "subscription"]
_BUILT_IN = "/providers/Microsoft.Authorization/policyDefinitions/"


@dataclass(frozen=True, slots=True)
class PolicyExtensionOptions:
    """What the extension is to be like. Names follow `az k8s-extension`."""

    extension_name: Annotated[
        str | None, typer.Option("--extension-name", help="Name of a new extension. Default: azurepolicy.")
    ] = None
    release_train: Annotated[str | None, typer.Option("--release-train", help="Release train. Default: stable.")] = None
    version: Annotated[
        str | None, typer.Option("--version", help="Version; ends automatic upgrades. Default: the newest.")
    ] = None
    auto_upgrade: Annotated[
        Literal["compatible", "patch", "none"] | None,
        typer.Option("--auto-upgrade-mode", help="Automatic upgrades. Default: compatible."),
    ] = None
    settings: Annotated[
        list[str] | None,
        typer.Option("--configuration-settings", "--config", help="Setting as name=value; may be repeated."),
    ] = None

    def body(self) -> Json:
        """The request's part about the extension. Raises `CommandError`."""
        fields: Json = {
            "name": self.extension_name,
            "releaseTrain": self.release_train,
            "version": self.version,
            "autoUpgrade": self.auto_upgrade,
            "settings": requests.tags(self.settings or [], "--configuration-settings") or None,
        }
        return {field: value for field, value in fields.items() if value is not None}


@dataclass(frozen=True, slots=True)
class AssignmentOptions:
    """The policy assignment. Names follow `az policy assignment create`."""

    name: Annotated[str | None, typer.Option("--assignment", help="Name of the policy assignment.")] = None
    definition: Annotated[
        str | None,
        typer.Option("--policy", help="Id of a built-in policy, or resource id of a policy or an initiative."),
    ] = None
    scope: Annotated[
        AssignmentScope | None, typer.Option("--assignment-scope", help="What it applies to. Default: cluster.")
    ] = None
    display_name: Annotated[str | None, typer.Option("--display-name", help="Display name of the assignment.")] = None
    parameters: Annotated[
        str | None,
        typer.Option("--params", help='Parameters as JSON or a JSON file: {"effect": {"value": "Audit"}}.'),
    ] = None
    enforcement_mode: Annotated[
        Literal["Default", "DoNotEnforce"] | None,
        typer.Option("--enforcement-mode", help="DoNotEnforce: report only. Default for a new assignment: Default."),
    ] = None

    def body(self) -> Json | None:
        """The request's part about the assignment; None without its name. Raises `CommandError`."""
        definition = self.definition
        fields: Json = {
            "name": self.name,
            "definitionId": f"{_BUILT_IN}{definition}" if definition and "/" not in definition else definition,
            "scope": self.scope,
            "displayName": self.display_name,
            "parameters": _parameters(self.parameters) if self.parameters else None,
            "enforcementMode": self.enforcement_mode,
        }
        body = {field: value for field, value in fields.items() if value is not None}
        if body and not (self.name and definition):
            raise CommandError("An assignment needs both --assignment and --policy.", USAGE)
        return body or None


@policy.command()
@with_groups
def show(
    cluster: ClusterOptions,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """Show Azure Policy of a connected cluster. Example: arcway policy show -n shop -g clusters"""
    client = ArcwayClient.find(server)
    policy_output.show(client.get(path_below(client, cluster, "policy")), format_)
    return OK


@policy.command()
@with_groups
def enable(
    cluster: ClusterOptions,
    extension: PolicyExtensionOptions,
    assignment: AssignmentOptions,
    kubeconfig: KubeconfigOfRun,
    proxy: Proxy,
    check_network: Annotated[
        bool,
        typer.Option("--check-network", help="Try from the cluster whether Azure Policy's addresses can be reached."),
    ] = False,
    wait_for_azure: Annotated[
        int | None, typer.Option("--extension-timeout", help="Seconds until Azure must have installed the extension.")
    ] = None,
    *,
    following: Following,
    server: ServerOption = None,
) -> int:
    """Enable Azure Policy, and assign a policy. Example: arcway policy enable -n shop -g clusters"""
    client = ArcwayClient.find(server)
    fields = {"extension": extension.body() or None, "assignment": assignment.body(), "timeout": wait_for_azure}
    body = {**requests.cluster(client, cluster), "checkNetwork": check_network}
    body |= {name: value for name, value in fields.items() if value is not None}
    needs = Needs("enablePolicy", network=check_network)
    return start_on(client, "policies", body, needs, cluster, kubeconfig, following, proxy)


@policy.command()
@with_groups
def disable(
    cluster: ClusterOptions,
    kubeconfig: KubeconfigOfRun,
    assignment: Annotated[
        str | None, typer.Option("--assignment", help="Name of a policy assignment to delete, too.")
    ] = None,
    assignment_scope: Annotated[
        AssignmentScope, typer.Option("--assignment-scope", help="Where the assignment is.")
    ] = "cluster",
    force: Annotated[
        bool, typer.Option("--force", help="Delete the extension in Azure only; its release stays in the cluster.")
    ] = False,
    *,
    following: Following,
    server: ServerOption = None,
) -> int:
    """Delete Azure Policy's extension and its release. Example: arcway policy disable -n shop -g clusters"""
    client = ArcwayClient.find(server)
    if not following.dry_run and not kubeconfig.yes:
        confirm_deletion(f"Delete Azure Policy's extension of connected cluster {cluster.name}?")
    body = {**requests.cluster(client, cluster), "force": force}
    if assignment is not None:
        body["assignment"] = {"name": assignment, "scope": assignment_scope}
    return start_on(client, "policyDeletions", body, Needs("disablePolicy"), cluster, kubeconfig, following)


def _parameters(text: str) -> Any:
    """JSON as it is, or that of the file. Raises `CommandError`."""
    try:
        return json.loads(text if text.lstrip().startswith("{") else Path(text).read_text())
    except (OSError, ValueError) as error:
        raise CommandError(f"--params is neither JSON nor a JSON file: {error}.", USAGE) from error
