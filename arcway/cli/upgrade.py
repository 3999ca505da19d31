"""`arcway upgrade`: the request that upgrades the agents of a connected cluster."""

from typing import Annotated

import typer

from arcway.cli import requests
from arcway.cli.client import ArcwayClient
from arcway.cli.credentials.provisioning import Needs, provided_credential
from arcway.cli.credentials.proxy import without_credentials
from arcway.cli.options import (
    ClusterRoleOption,
    CredentialOption,
    CredentialTtlOption,
    DryRunOption,
    FailFastOption,
    GroupOption,
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
    TimeoutOption,
    YesOption,
)
from arcway.cli.requests import Kubeconfig, Proxy
from arcway.cli.runs import Following, start


def upgrade(
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
    agent_version: Annotated[
        str | None, typer.Option("--agent-version", help="Version of the agents. Default: the newest.")
    ] = None,
    upgrade_timeout: Annotated[
        int,
        typer.Option(
            "--upgrade-timeout",
            help="Seconds until the new agents must be ready; otherwise the upgrade is rolled back.",
        ),
    ] = 600,
    fail_fast: FailFastOption = False,
    proxy_https: ProxyHttpsOption = None,
    proxy_http: ProxyHttpOption = None,
    proxy_skip_range: ProxySkipRangeOption = None,
    proxy_cert: ProxyCertOption = None,
    proxy_credentials: ProxyCredentialsOption = None,
    dry_run: DryRunOption = False,
    no_wait: NoWaitOption = False,
    timeout: TimeoutOption = 3600,
    quiet: QuietOption = False,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """Upgrade the agents. Example: arcway upgrade -n shop -g clusters --agent-version 1.36.2"""
    client = ArcwayClient.find(server)
    body = requests.cluster(client, name, resource_group, subscription)
    body |= {"agentVersion": agent_version, "upgradeTimeout": upgrade_timeout, "failFast": fail_fast}
    credential_options = Kubeconfig(
        kube_config, kube_context, kubeconfig_secret, credential, ttl, role, keep_credential, key_vault, yes
    )
    # Taken like everywhere, and of no use: the agents keep the proxy that they have.
    plain, _ = without_credentials(Proxy(proxy_https, proxy_http, proxy_skip_range, proxy_cert, proxy_credentials))
    with provided_credential(client, name, credential_options, Needs("upgrade"), plain) as handed:
        body |= {"kubeconfig": handed.kubeconfig, "proxy": handed.proxy}
        how = Following(dry_run, not no_wait, timeout, quiet, format_)
        return start(client, "upgrades", body, how, handed.accepted)
