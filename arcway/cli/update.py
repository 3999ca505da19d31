"""`arcway update`: the request that changes a connected cluster, with only what the user names in it."""

from typing import Annotated, Literal

import typer

from arcway.cli import requests
from arcway.cli.client import ArcwayClient
from arcway.cli.credentials.provisioning import Needs, provided_credential
from arcway.cli.feature_options import FeatureOptions, features
from arcway.cli.option_groups import ClusterOptions, Following, KubeconfigOfRun, Proxy
from arcway.cli.options import DistributionOption, FailFastOption, InfrastructureOption, ServerOption, TagsOption
from arcway.cli.runs import start
from arcway.domain.json_values import Json

# What cannot be changed without the cluster.
_OF_THE_AGENTS = ("disableProxy", "autoUpgrade", "distribution", "infrastructure", "features")


def update(
    *,
    cluster: ClusterOptions,
    kubeconfig: KubeconfigOfRun,
    tags: TagsOption = None,
    remove_tag: Annotated[
        list[str] | None, typer.Option("--remove-tag", help="Name of a tag to remove; may be repeated.")
    ] = None,
    proxy: Proxy,
    disable_proxy: Annotated[
        bool, typer.Option("--disable-proxy", help="Remove the proxy and its certificate.")
    ] = False,
    auto_upgrade: Annotated[
        Literal["true", "false"] | None, typer.Option("--auto-upgrade", help="Automatic upgrade of the agents.")
    ] = None,
    distribution: DistributionOption = None,
    infrastructure: InfrastructureOption = None,
    azure_hybrid_benefit: Annotated[
        Literal["True", "False", "NotApplicable"] | None,
        typer.Option("--azure-hybrid-benefit", help="Azure Hybrid Benefit."),
    ] = None,
    feature: FeatureOptions,
    fail_fast: FailFastOption = False,
    following: Following,
    server: ServerOption = None,
) -> int:
    """Change a connected cluster. Example: arcway update -n shop -g clusters --auto-upgrade false"""
    client = ArcwayClient.find(server)
    changes: Json = {
        "tags": None if tags is None else requests.tags(tags),
        "removeTags": remove_tag or None,
        "disableProxy": disable_proxy or None,
        "autoUpgrade": None if auto_upgrade is None else auto_upgrade == "true",
        "distribution": distribution,
        "infrastructure": infrastructure,
        "azureHybridBenefit": azure_hybrid_benefit,
        "features": features(feature),
        "failFast": fail_fast or None,
    }
    body = requests.cluster(client, cluster)
    body |= {field: value for field, value in changes.items() if value is not None}
    needed = kubeconfig.is_named or proxy != Proxy() or any(field in body for field in _OF_THE_AGENTS)
    needs = Needs("update", features=changes["features"])
    with provided_credential(client, cluster.name, kubeconfig if needed else None, needs, proxy) as provided:
        references = {"kubeconfig": provided.kubeconfig, "proxy": provided.proxy}
        body |= {field: value for field, value in references.items() if value is not None}
        return start(client, "updates", body, following, provided.accepted)
