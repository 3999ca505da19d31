"""`arcway connect` and `arcway check`: the request that connects a cluster."""

from typing import Annotated, Any, Literal

import typer

from arcway.cli import requests
from arcway.cli.client import ArcwayClient
from arcway.cli.credentials.provisioning import Needs, provided_credential
from arcway.cli.options import (
    CheckNetworkOption,
    ClusterRoleOption,
    CredentialOption,
    CredentialTtlOption,
    DistributionOption,
    DryRunOption,
    FailFastOption,
    GroupOption,
    InfrastructureOption,
    KeepCredentialOption,
    KeyVaultOption,
    KubeConfigOption,
    KubeconfigSecretOption,
    KubeContextOption,
    LocationOption,
    NameOption,
    NamespaceAnnotationOption,
    NamespaceLabelOption,
    NoWaitOption,
    OutputOption,
    PodAnnotationOption,
    PodLabelOption,
    ProxyCertOption,
    ProxyCredentialsOption,
    ProxyHttpOption,
    ProxyHttpsOption,
    ProxySkipRangeOption,
    QuietOption,
    ServerOption,
    SubscriptionOption,
    TagsOption,
    TakeOverOption,
    TimeoutOption,
    YesOption,
)
from arcway.cli.requests import Kubeconfig, Proxy
from arcway.cli.runs import Following, start

type Json = dict[str, Any]


def connect(
    name: NameOption,
    resource_group: GroupOption,
    location: LocationOption,
    subscription: SubscriptionOption = None,
    kube_config: KubeConfigOption = None,
    kube_context: KubeContextOption = None,
    kubeconfig_secret: KubeconfigSecretOption = None,
    credential: CredentialOption = "service-account",
    ttl: CredentialTtlOption = None,
    role: ClusterRoleOption = None,
    keep_credential: KeepCredentialOption = False,
    key_vault: KeyVaultOption = None,
    yes: YesOption = False,
    create_resource_group: Annotated[
        bool | None, typer.Option(help="Create the resource group if it is missing (default with the local stack).")
    ] = None,
    tags: TagsOption = None,
    proxy_https: ProxyHttpsOption = None,
    proxy_http: ProxyHttpOption = None,
    proxy_skip_range: ProxySkipRangeOption = None,
    proxy_cert: ProxyCertOption = None,
    proxy_credentials: ProxyCredentialsOption = None,
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
    namespace_label: NamespaceLabelOption = None,
    namespace_annotation: NamespaceAnnotationOption = None,
    pod_label: PodLabelOption = None,
    pod_annotation: PodAnnotationOption = None,
    order: Annotated[
        Literal["agents-first", "resource-first"],
        typer.Option(help="Whether to install the agents or to create the connected cluster first."),
    ] = "agents-first",
    on_failure: Annotated[
        Literal["keep", "rollback"], typer.Option(help="Keep or roll back created resources if the run fails.")
    ] = "keep",
    take_over: TakeOverOption = False,
    check_network: CheckNetworkOption = False,
    fail_fast: FailFastOption = False,
    dry_run: DryRunOption = False,
    no_wait: NoWaitOption = False,
    timeout: TimeoutOption = 3600,
    quiet: QuietOption = False,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """Connect a cluster. Example: arcway connect -n shop -g clusters -l eastus --kube-config ~/.kube/config"""
    client = ArcwayClient.find(server)
    body = _request(client, name, resource_group, subscription, location)
    body["tags"] = None if tags is None else requests.tags(tags)
    body |= {"distribution": distribution, "infrastructure": infrastructure, "order": order, "onFailure": on_failure}
    body["agents"] = {"version": agent_version, "train": release_train, "autoUpgrade": auto_upgrade}
    body["agents"] |= requests.marks(namespace_label, namespace_annotation, pod_label, pod_annotation)
    body |= {"checkNetwork": check_network, "takeOver": take_over, "failFast": fail_fast}
    if create_resource_group is not None:
        body["createResourceGroup"] = create_resource_group
    credential_options = Kubeconfig(
        kube_config, kube_context, kubeconfig_secret, credential, ttl, role, keep_credential, key_vault, yes
    )
    proxy = Proxy(proxy_https, proxy_http, proxy_skip_range, proxy_cert, proxy_credentials)
    with provided_credential(
        client, name, credential_options, Needs("onboard", network=check_network), proxy, agents_look=not dry_run
    ) as handed:
        body |= {"kubeconfig": handed.kubeconfig, "proxy": handed.proxy}
        how = Following(dry_run, not no_wait, timeout, quiet, format_)
        return start(client, "onboardings", body, how, handed.accepted)


def check(
    name: NameOption,
    resource_group: GroupOption,
    location: LocationOption,
    subscription: SubscriptionOption = None,
    kube_config: KubeConfigOption = None,
    kube_context: KubeContextOption = None,
    kubeconfig_secret: KubeconfigSecretOption = None,
    credential: CredentialOption = "service-account",
    ttl: CredentialTtlOption = None,
    role: ClusterRoleOption = None,
    keep_credential: KeepCredentialOption = False,
    key_vault: KeyVaultOption = None,
    yes: YesOption = False,
    proxy_https: ProxyHttpsOption = None,
    proxy_http: ProxyHttpOption = None,
    proxy_skip_range: ProxySkipRangeOption = None,
    proxy_cert: ProxyCertOption = None,
    proxy_credentials: ProxyCredentialsOption = None,
    take_over: TakeOverOption = False,
    check_network: CheckNetworkOption = False,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """Check a cluster without changing anything. Example: arcway check -n shop -g clusters -l eastus"""
    client = ArcwayClient.find(server)
    body = _request(client, name, resource_group, subscription, location)
    body |= {"checkNetwork": check_network, "takeOver": take_over}
    credential_options = Kubeconfig(
        kube_config, kube_context, kubeconfig_secret, credential, ttl, role, keep_credential, key_vault, yes
    )
    proxy = Proxy(proxy_https, proxy_http, proxy_skip_range, proxy_cert, proxy_credentials)
    with provided_credential(client, name, credential_options, Needs("check", network=check_network), proxy) as handed:
        body |= {"kubeconfig": handed.kubeconfig, "proxy": handed.proxy}
        return start(client, "onboardings", body, Following(dry_run=True, format_=format_), handed.accepted)


def _request(server: ArcwayClient, name: str, resource_group: str, subscription: str | None, location: str) -> Json:
    which = requests.cluster(server, name, resource_group, subscription)
    return {**which, "location": location, "createResourceGroup": server.stack is not None}
