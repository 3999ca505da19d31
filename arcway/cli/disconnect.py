"""`arcway disconnect`: the request that disconnects a cluster, after asking."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from arcway.cli import requests
from arcway.cli.client import USAGE, ArcwayClient, CommandError
from arcway.cli.credentials.provisioning import Needs, provided_credential
from arcway.cli.credentials.proxy import without_credentials
from arcway.cli.options import (
    ClusterRoleOption,
    CredentialOption,
    CredentialTtlOption,
    DryRunOption,
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
from arcway.domain.codes import Family, family


def disconnect(
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
    azure_only: Annotated[
        bool,
        typer.Option("--azure-only", help="Delete only the connected cluster, for a cluster that no longer exists."),
    ] = False,
    agents_only: Annotated[
        bool, typer.Option("--agents-only", help="Remove only the agents; keep the connected cluster in Azure.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Remove finalizers that block the deletion.")] = False,
    proxy_https: ProxyHttpsOption = None,
    proxy_http: ProxyHttpOption = None,
    proxy_skip_range: ProxySkipRangeOption = None,
    proxy_cert: ProxyCertOption = None,
    proxy_credentials: ProxyCredentialsOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    no_wait: NoWaitOption = False,
    timeout: TimeoutOption = 3600,
    quiet: QuietOption = False,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """Disconnect a cluster. Example: arcway disconnect -n shop -g clusters --kube-config ~/.kube/config"""
    client = ArcwayClient.find(server)
    body = requests.cluster(client, name, resource_group, subscription)
    body |= {"azureOnly": azure_only, "agentsOnly": agents_only, "force": force}
    credential_options = Kubeconfig(
        kube_config, kube_context, kubeconfig_secret, credential, ttl, role, keep_credential, key_vault, yes
    )
    # Taken like everywhere, and of no use: nothing that would need a proxy runs in the cluster.
    plain, _ = without_credentials(Proxy(proxy_https, proxy_http, proxy_skip_range, proxy_cert, proxy_credentials))
    if not dry_run and not yes:
        _ask(name, resource_group, azure_only=azure_only, agents_only=agents_only)
    with (
        _if_dead(),
        provided_credential(
            client, name, None if azure_only else credential_options, Needs("offboard", force=force), plain
        ) as handed,
    ):
        body |= {"kubeconfig": handed.kubeconfig, "proxy": handed.proxy}
        how = Following(dry_run, not no_wait, timeout, quiet, format_)
        return start(client, "offboardings", body, how, handed.accepted)


@contextmanager
def _if_dead() -> Iterator[None]:
    try:
        yield
    except CommandError as error:
        if family(str(error)) is Family.NETWORK and "--azure-only" not in (error.remedy or ""):
            error.remedy = f"{error.remedy or ''} If the cluster no longer exists, use --azure-only.".strip()
        raise


def _ask(name: str, resource_group: str, *, azure_only: bool, agents_only: bool) -> None:
    if not sys.stdin.isatty():
        raise CommandError(
            "Disconnecting requires confirmation.", USAGE, remedy="Pass --yes in non-interactive sessions."
        )
    subject = "the connected cluster and its agents"
    if azure_only or agents_only:
        subject = "the connected cluster" if azure_only else "the agents of connected cluster"
    if not typer.confirm(f"Delete {subject} {name} in resource group {resource_group}?", err=True):
        raise CommandError("Nothing was changed.", USAGE)
