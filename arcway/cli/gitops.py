"""`arcway gitops`: the Flux configurations of a connected cluster: list, show, apply and delete them."""

from typing import Annotated, Any

import typer

from arcway.cli import gitops_output, output, requests
from arcway.cli.client import OK, ArcwayClient
from arcway.cli.cluster_runs import confirm_deletion, path_below, require_terminal, start_on
from arcway.cli.credentials.provisioning import Needs
from arcway.cli.gitops_options import ConfigurationOptions
from arcway.cli.option_groups import ClusterOptions, Following, KubeconfigOfRun, with_groups
from arcway.cli.options import OutputOption, ServerOption
from arcway.domain.json_values import Json

gitops = typer.Typer(help="The Flux configurations of a connected cluster (GitOps).", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="CONFIGURATION", help="Name of the Flux configuration.")]


@gitops.command(name="list")
@with_groups
def list_(
    cluster: ClusterOptions,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """List the Flux configurations of a connected cluster. Example: arcway gitops list -n shop -g clusters"""
    client = ArcwayClient.find(server)
    listed = client.get(path_below(client, cluster, "fluxConfigurations"))["value"]
    gitops_output.show(listed, [gitops_output.flat(item) for item in listed], format_)
    return OK


@gitops.command()
@with_groups
def show(
    configuration_name: NameArgument,
    cluster: ClusterOptions,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """Show a Flux configuration of a connected cluster. Example: arcway gitops show config -n shop -g clusters"""
    client = ArcwayClient.find(server)
    document = client.get(f"{path_below(client, cluster, 'fluxConfigurations')}/{configuration_name}")
    gitops_output.show([document], gitops_output.flat(document), format_)
    if format_ == "table" and (key := gitops_output.public_key(document)):
        output.stderr.print(f"Deploy key of the repository: {key}", markup=False, soft_wrap=True)
    return OK


@gitops.command(name="apply")
@with_groups
def apply_(
    configuration_name: NameArgument,
    cluster: ClusterOptions,
    wanted: ConfigurationOptions,
    kubeconfig: KubeconfigOfRun,
    extension_timeout: Annotated[
        int | None, typer.Option("--extension-timeout", help="Seconds until Azure must have installed the extension.")
    ] = None,
    compliance_timeout: Annotated[
        int | None, typer.Option("--compliance-timeout", help="Seconds until the configuration must be Compliant.")
    ] = None,
    *,
    following: Following,
    server: ServerOption = None,
) -> int:
    """Create or change a Flux configuration. Example: arcway gitops apply config -n shop -g clusters -f config.yaml"""
    client = ArcwayClient.find(server)
    body = {**requests.cluster(client, cluster), "configuration": wanted.body(configuration_name)}
    limits = {"timeout": extension_timeout, "complianceTimeout": compliance_timeout}
    body |= {name: value for name, value in limits.items() if value is not None}
    return start_on(client, "gitops", body, Needs("applyGitops"), cluster, kubeconfig, following)


@gitops.command(name="delete")
@with_groups
def delete(
    configuration_name: NameArgument,
    cluster: ClusterOptions,
    kubeconfig: KubeconfigOfRun,
    with_extension: Annotated[
        bool, typer.Option("--with-extension", help="Delete the extension microsoft.flux, too.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Delete it in Azure only; what it has applied stays in the cluster.")
    ] = False,
    *,
    following: Following,
    server: ServerOption = None,
) -> int:
    """Delete a Flux configuration. Example: arcway gitops delete config -n shop -g clusters"""
    client = ArcwayClient.find(server)
    if not following.dry_run and not kubeconfig.yes:
        _ask(client, configuration_name, cluster)
    body: Json = {**requests.cluster(client, cluster), "configuration": {"name": configuration_name}}
    body |= {"withExtension": with_extension, "force": force}
    needs = Needs("deleteGitops", gitops=with_extension)
    return start_on(client, "gitopsDeletions", body, needs, cluster, kubeconfig, following)


def _ask(client: ArcwayClient, name: str, cluster: ClusterOptions) -> None:
    """The user must know that what kustomizations with prune have applied goes, too."""
    require_terminal()
    listed: list[Any] = client.get(path_below(client, cluster, "fluxConfigurations"))["value"]
    existing = next((item for item in listed if item["name"] == name), None)
    kustomizations = (existing or {"properties": {}})["properties"].get("kustomizations") or {}
    pruned = sorted(key for key, value in kustomizations.items() if (value or {}).get("prune"))
    warning = f" This removes from the cluster what {', '.join(pruned)} applied." if pruned else ""
    question = f"Delete Flux configuration {name} of connected cluster {cluster.name}?{warning}"
    confirm_deletion(question)
