"""`arcway disconnect`: asks, builds the request, starts the run, follows it, shows what came of it."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from arcway.cli import output, progress
from arcway.cli.connect import show_check, show_outcome, simulated_subscription, store_kubeconfig
from arcway.cli.options import GroupOption, NameOption, Output, OutputOption, ServerOption, SubscriptionOption
from arcway.cli.server import OK, USAGE, CommandError, Server

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Kubeconfig:
    file: Path | None
    context: str | None
    secret: str | None


def disconnect(
    name: NameOption,
    resource_group: GroupOption,
    subscription: SubscriptionOption = None,
    kube_config: Annotated[
        Path | None, typer.Option("--kube-config", help="Default: KUBECONFIG or ~/.kube/config.")
    ] = None,
    kube_context: Annotated[str | None, typer.Option("--kube-context")] = None,
    kubeconfig_secret: Annotated[
        str | None, typer.Option(help="Name of a stored kubeconfig instead of a file.")
    ] = None,
    azure_only: Annotated[
        bool, typer.Option("--azure-only", help="Leave the cluster alone, for one that is gone for good.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Remove the finalizers that keep something from being deleted.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Return as soon as the run is accepted.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait.")] = 3600,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """Disconnect a cluster. Example: arcway disconnect -n shop -g clusters --kube-config ~/.kube/config"""
    here = Server.find(server)
    body: Json = {
        "subscriptionId": subscription or simulated_subscription(here),
        "resourceGroup": resource_group,
        "name": name,
        "azureOnly": azure_only,
        "force": force,
    }
    if not azure_only:
        kubeconfig = _Kubeconfig(kube_config, kube_context, kubeconfig_secret)
        body["kubeconfig"] = {"secret": _secret(here, name, kubeconfig)}
    if dry_run:
        return show_check(here.post("offboardings", body, dryRun="true"), format_)
    if not yes:
        _ask(name, resource_group, azure_only=azure_only)
    return _start(here, body, wait=not no_wait, timeout=timeout, quiet=quiet, format_=format_)


def _start(server: Server, body: Json, *, wait: bool, timeout: float, quiet: bool, format_: Output) -> int:
    run = server.post("offboardings", body)
    output.stderr.print(f"Run {run['id']}", markup=False)
    if not wait:
        output.print_json(run) if format_ == "json" else output.stderr.print(f"arcway status {run['id']} --follow")
        return OK
    return show_outcome(progress.show(server.follow(run, timeout), quiet=quiet), format_)


def _secret(server: Server, name: str, kubeconfig: _Kubeconfig) -> str:
    if kubeconfig.secret:
        return kubeconfig.secret
    return store_kubeconfig(server, name, kubeconfig.file, kubeconfig.context)[0]


def _ask(name: str, resource_group: str, *, azure_only: bool) -> None:
    if not sys.stdin.isatty():
        raise CommandError("Disconnecting needs a confirmation.", USAGE, remedy="Give --yes where nobody can be asked.")
    what = "the connected cluster" if azure_only else "the connected cluster and its agents"
    if not typer.confirm(f"Delete {what} {name} in resource group {resource_group}?", err=True):
        raise CommandError("Nothing was changed.", USAGE)
