"""`arcway connect` and `arcway check`: the request that connects a cluster."""

from typing import Annotated, Literal

import typer

from arcway.cli import requests
from arcway.cli.client import USAGE, ArcwayClient, CommandError
from arcway.cli.connect_contexts import Contexts, Job, connect_contexts
from arcway.cli.credentials.provisioning import Needs, provided_credential
from arcway.cli.feature_options import FeatureOptions, features
from arcway.cli.gitops_options import read_configuration
from arcway.cli.option_groups import ClusterOptions, Following, KubeconfigOfRun, Marks, NewCluster, Proxy
from arcway.cli.options import (
    CheckNetworkOption,
    DistributionOption,
    FailFastOption,
    InfrastructureOption,
    LocationOption,
    OutputOption,
    ServerOption,
    TagsOption,
    TakeOverOption,
)
from arcway.cli.runs import start
from arcway.domain.json_values import Json


def connect(
    *,
    cluster: NewCluster,
    location: LocationOption,
    kubeconfig: KubeconfigOfRun,
    contexts: Contexts,
    create_resource_group: Annotated[
        bool | None, typer.Option(help="Create the resource group if it is missing (default with the local stack).")
    ] = None,
    tags: TagsOption = None,
    proxy: Proxy,
    distribution: DistributionOption = None,
    infrastructure: InfrastructureOption = None,
    agent_version: Annotated[
        str | None,
        typer.Option("--agent-version", help="Version of the agents. Default: the newest of the release train."),
    ] = None,
    release_train: Annotated[
        Literal["stable", "preview"] | None,
        typer.Option("--release-train", help="Release train of the agents. Default: unchanged; stable for new agents."),
    ] = None,
    auto_upgrade: Annotated[
        bool | None,
        typer.Option(
            "--enable-auto-upgrade/--disable-auto-upgrade",
            help="Automatic upgrade of the agents. Default: unchanged; enabled for new agents.",
        ),
    ] = None,
    feature: FeatureOptions,
    marks: Marks,
    order: Annotated[
        Literal["agents-first", "resource-first"],
        typer.Option(help="Whether to install the agents or to create the connected cluster first."),
    ] = "agents-first",
    on_failure: Annotated[
        Literal["keep", "rollback"], typer.Option(help="Keep or roll back created resources if the run fails.")
    ] = "keep",
    gitops: Annotated[
        str | None, typer.Option("--gitops", help="File with a Flux configuration to apply then (YAML or JSON).")
    ] = None,
    take_over: TakeOverOption = False,
    check_network: CheckNetworkOption = False,
    fail_fast: FailFastOption = False,
    following: Following,
    server: ServerOption = None,
) -> int:
    """Connect a cluster. Example: arcway connect -n shop -g clusters -l eastus --kube-config shop.yaml"""
    if contexts.all_contexts == (cluster.name is not None):
        raise CommandError("Give either --name or --all-contexts.", USAGE)
    client = ArcwayClient.find(server)
    body = _request(client, cluster.named(cluster.name or ""), location)
    body["tags"] = None if tags is None else requests.tags(tags)
    body |= {"distribution": distribution, "infrastructure": infrastructure, "order": order, "onFailure": on_failure}
    body["agents"] = {"version": agent_version, "train": release_train, "autoUpgrade": auto_upgrade}
    body["agents"] |= requests.marks(marks)
    body["features"] = features(feature)
    body |= {"checkNetwork": check_network, "takeOver": take_over, "failFast": fail_fast}
    if create_resource_group is not None:
        body["createResourceGroup"] = create_resource_group
    if gitops is not None:
        body["gitops"] = read_configuration(gitops)
    needs = Needs("onboard", network=check_network, gitops=gitops is not None, features=body["features"])
    if cluster.name is None:
        del body["name"]
        return connect_contexts(client, contexts, Job(body, kubeconfig, needs, proxy, following))
    with provided_credential(
        client, cluster.name, kubeconfig, needs, proxy, agents_look=not following.dry_run
    ) as provided:
        body |= {"kubeconfig": provided.kubeconfig, "proxy": provided.proxy}
        return start(client, "onboardings", body, following, provided.accepted)


def check(
    *,
    cluster: ClusterOptions,
    location: LocationOption,
    kubeconfig: KubeconfigOfRun,
    proxy: Proxy,
    take_over: TakeOverOption = False,
    check_network: CheckNetworkOption = False,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """Check a cluster without changing anything. Example: arcway check -n shop -g clusters -l eastus"""
    client = ArcwayClient.find(server)
    body = _request(client, cluster, location)
    body |= {"checkNetwork": check_network, "takeOver": take_over}
    needs = Needs("check", network=check_network)
    with provided_credential(client, cluster.name, kubeconfig, needs, proxy) as provided:
        body |= {"kubeconfig": provided.kubeconfig, "proxy": provided.proxy}
        return start(client, "onboardings", body, Following(dry_run=True, format_=format_), provided.accepted)


def _request(server: ArcwayClient, cluster: ClusterOptions, location: str) -> Json:
    which = requests.cluster(server, cluster)
    return {**which, "location": location, "createResourceGroup": server.stack is not None}
