"""`arcway upgrade`: the request that upgrades the agents of a connected cluster."""

from typing import Annotated

import typer

from arcway.cli import requests
from arcway.cli.client import ArcwayClient
from arcway.cli.credentials.provisioning import Needs, provided_credential
from arcway.cli.credentials.proxy import without_credentials
from arcway.cli.option_groups import ClusterOptions, Following, KubeconfigOfRun, Proxy
from arcway.cli.options import FailFastOption, ServerOption
from arcway.cli.runs import start


def upgrade(
    *,
    cluster: ClusterOptions,
    kubeconfig: KubeconfigOfRun,
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
    proxy: Proxy,
    following: Following,
    server: ServerOption = None,
) -> int:
    """Upgrade the agents. Example: arcway upgrade -n shop -g clusters --agent-version 1.36.2"""
    client = ArcwayClient.find(server)
    body = requests.cluster(client, cluster)
    body |= {"agentVersion": agent_version, "upgradeTimeout": upgrade_timeout, "failFast": fail_fast}
    # Taken like everywhere, and of no use: the agents keep the proxy that they have.
    plain, _ = without_credentials(proxy)
    with provided_credential(client, cluster.name, kubeconfig, Needs("upgrade"), plain) as provided:
        body |= {"kubeconfig": provided.kubeconfig, "proxy": provided.proxy}
        return start(client, "upgrades", body, following, provided.accepted)
