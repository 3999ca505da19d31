"""`arcway extension`: the extensions of a connected cluster: list, show, apply and delete them."""

from dataclasses import dataclass
from typing import Annotated, Literal

import typer

from arcway.cli import extension_output, requests
from arcway.cli.client import OK, ArcwayClient
from arcway.cli.cluster_runs import confirm_deletion, path_below, start_on
from arcway.cli.credentials.provisioning import Needs
from arcway.cli.option_groups import ClusterOptions, Following, KubeconfigOfRun, with_groups
from arcway.cli.options import OutputOption, ServerOption
from arcway.domain.json_values import Json

extension = typer.Typer(help="The extensions of a connected cluster.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="EXTENSION", help="Name of the extension.")]


@dataclass(frozen=True, slots=True)
class ExtensionOptions:
    """What the extension is to be like. Names follow `az k8s-extension`."""

    type_: Annotated[
        str | None, typer.Option("--extension-type", "--type", help="Type of a new extension, such as microsoft.flux.")
    ] = None
    scope: Annotated[
        Literal["cluster", "namespace"] | None, typer.Option("--scope", help="Scope of a new extension.")
    ] = None
    release_namespace: Annotated[
        str | None, typer.Option("--release-namespace", help="Namespace of the release, with scope cluster.")
    ] = None
    target_namespace: Annotated[
        str | None, typer.Option("--target-namespace", help="Namespace of an extension with scope namespace.")
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
    protected: Annotated[
        list[str] | None,
        typer.Option(
            "--configuration-protected-settings",
            "--config-protected",
            help="Protected setting as name=SECRET, the name of a stored secret (arcway-extension-…); may be repeated.",
        ),
    ] = None
    drop_protected: Annotated[
        bool,
        typer.Option("--drop-protected-settings", help="Drop the protected settings that this command does not name."),
    ] = False
    identity: Annotated[
        Literal["SystemAssigned", "None"] | None,
        typer.Option("--identity", help="Identity of a new extension. Default: SystemAssigned."),
    ] = None
    plan: Annotated[
        list[str] | None,
        typer.Option("--plan", help="Marketplace plan as name=…, publisher=… and product=…; may be repeated."),
    ] = None

    def body(self, name: str) -> Json:
        """The request's part about the extension. Raises `CommandError`."""
        protected = requests.tags(self.protected or [], "--configuration-protected-settings")
        fields: Json = {
            "type": self.type_,
            "scope": self.scope,
            "releaseNamespace": self.release_namespace,
            "targetNamespace": self.target_namespace,
            "releaseTrain": self.release_train,
            "version": self.version,
            "autoUpgrade": self.auto_upgrade,
            "settings": requests.tags(self.settings or [], "--configuration-settings") or None,
            "protectedSettings": {key: {"secret": secret} for key, secret in protected.items()} or None,
            "dropProtectedSettings": self.drop_protected or None,
            "identity": self.identity,
            "plan": requests.tags(self.plan, "--plan") if self.plan else None,
        }
        return {"name": name, **{field: value for field, value in fields.items() if value is not None}}


@extension.command(name="list")
@with_groups
def list_(
    cluster: ClusterOptions,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """List the extensions of a connected cluster. Example: arcway extension list -n shop -g clusters"""
    client = ArcwayClient.find(server)
    listed = client.get(path_below(client, cluster, "extensions"))["value"]
    extension_output.show(listed, [extension_output.flat(item) for item in listed], format_)
    return OK


@extension.command()
@with_groups
def show(
    extension_name: NameArgument,
    cluster: ClusterOptions,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """Show an extension of a connected cluster. Example: arcway extension show flux -n shop -g clusters"""
    client = ArcwayClient.find(server)
    document = client.get(f"{path_below(client, cluster, 'extensions')}/{extension_name}")
    extension_output.show([document], extension_output.flat(document), format_)
    return OK


@extension.command(name="apply")
@with_groups
def apply_(
    extension_name: NameArgument,
    cluster: ClusterOptions,
    wanted: ExtensionOptions,
    kubeconfig: KubeconfigOfRun,
    wait_for_azure: Annotated[
        int | None, typer.Option("--extension-timeout", help="Seconds until Azure must have installed the extension.")
    ] = None,
    *,
    following: Following,
    server: ServerOption = None,
) -> int:
    """Create or change an extension. Example: arcway extension apply flux -n shop -g clusters --type microsoft.flux"""
    client = ArcwayClient.find(server)
    body = {**requests.cluster(client, cluster), "extension": wanted.body(extension_name)}
    body |= {} if wait_for_azure is None else {"timeout": wait_for_azure}
    return start_on(client, "extensions", body, Needs("applyExtension"), cluster, kubeconfig, following)


@extension.command(name="delete")
@with_groups
def delete(
    extension_name: NameArgument,
    cluster: ClusterOptions,
    kubeconfig: KubeconfigOfRun,
    force: Annotated[
        bool, typer.Option("--force", help="Delete it in Azure only; its release stays in the cluster.")
    ] = False,
    *,
    following: Following,
    server: ServerOption = None,
) -> int:
    """Delete an extension and its release. Example: arcway extension delete flux -n shop -g clusters"""
    client = ArcwayClient.find(server)
    if not following.dry_run and not kubeconfig.yes:
        confirm_deletion(f"Delete extension {extension_name} of connected cluster {cluster.name}?")
    body = {**requests.cluster(client, cluster), "extension": {"name": extension_name}, "force": force}
    return start_on(client, "extensionDeletions", body, Needs("deleteExtension"), cluster, kubeconfig, following)
