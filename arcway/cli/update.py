"""`arcway update`: the request that changes a connected cluster, with only what the user names in it."""

from typing import Annotated, Any, Literal

import typer

from arcway.cli import requests
from arcway.cli.client import ArcwayClient
from arcway.cli.credentials.provisioning import Needs, provided_credential
from arcway.cli.options import (
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
    NameOption,
    NoWaitOption,
    OutputOption,
    ProxyCertOption,
    ProxyCredentialsOption,
    ProxyHttpOption,
    ProxyHttpsOption,
    ProxySkipRangeOption,
    QuietOption,
    ServerOption,
    SubscriptionOption,
    TagsOption,
    TimeoutOption,
    YesOption,
)
from arcway.cli.requests import Kubeconfig, Proxy
from arcway.cli.runs import Following, start

type Json = dict[str, Any]

# What cannot be changed without the cluster.
_OF_THE_AGENTS = ("disableProxy", "autoUpgrade", "distribution", "infrastructure")


def update(
    name: NameOption,
    resource_group: GroupOption,
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
    tags: TagsOption = None,
    remove_tag: Annotated[
        list[str] | None, typer.Option("--remove-tag", help="Name of a tag to remove; may be repeated.")
    ] = None,
    proxy_https: ProxyHttpsOption = None,
    proxy_http: ProxyHttpOption = None,
    proxy_skip_range: ProxySkipRangeOption = None,
    proxy_cert: ProxyCertOption = None,
    proxy_credentials: ProxyCredentialsOption = None,
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
    fail_fast: FailFastOption = False,
    dry_run: DryRunOption = False,
    no_wait: NoWaitOption = False,
    timeout: TimeoutOption = 3600,
    quiet: QuietOption = False,
    server: ServerOption = None,
    format_: OutputOption = "table",
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
        "failFast": fail_fast or None,
    }
    body = requests.cluster(client, name, resource_group, subscription)
    body |= {field: value for field, value in changes.items() if value is not None}
    credential_options = Kubeconfig(
        kube_config, kube_context, kubeconfig_secret, credential, ttl, role, keep_credential, key_vault, yes
    )
    proxy = Proxy(proxy_https, proxy_http, proxy_skip_range, proxy_cert, proxy_credentials)
    needed = credential_options.is_named or proxy != Proxy() or any(field in body for field in _OF_THE_AGENTS)
    with provided_credential(client, name, credential_options if needed else None, Needs("update"), proxy) as handed:
        references = {"kubeconfig": handed.kubeconfig, "proxy": handed.proxy}
        body |= {field: value for field, value in references.items() if value is not None}
        how = Following(dry_run, not no_wait, timeout, quiet, format_)
        return start(client, "updates", body, how, handed.accepted)
