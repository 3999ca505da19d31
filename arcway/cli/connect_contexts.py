"""`arcway connect --all-contexts`: one fleet of the clusters of a kubeconfig, with a credential for each."""

import dataclasses
import re
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from fnmatch import fnmatchcase
from typing import Annotated, Literal

import typer
from rich.table import Table

from arcway.cli import output
from arcway.cli.client import FAILED, OK, PARTLY_FAILED, USAGE, ArcwayClient, CommandError
from arcway.cli.credentials.kubeconfig import context_names
from arcway.cli.credentials.provisioning import Needs, ProvidedCredential, provided_credential
from arcway.cli.fleet import follow_fleet
from arcway.cli.option_groups import Following, Kubeconfig, Proxy
from arcway.domain.json_values import Json
from arcway.domain.text import counted

_AT_ONCE = 8
_TTL = "24h"
_NAME_LENGTH = 63


@dataclasses.dataclass(frozen=True)
class Contexts:
    """Which contexts of the kubeconfig are connected, and under which names."""

    all_contexts: Annotated[
        bool, typer.Option("--all-contexts", help="Connect the clusters of all contexts, as a fleet.")
    ] = False
    only: Annotated[
        list[str] | None, typer.Option("--only", help="With --all-contexts: only contexts that match; repeatable.")
    ] = None
    left_out: Annotated[
        list[str] | None, typer.Option("--except", help="With --all-contexts: no contexts that match; repeatable.")
    ] = None
    name_from: Annotated[
        Literal["context", "cluster"],
        typer.Option("--name-from", help="With --all-contexts: what a connected cluster is named after."),
    ] = "context"
    fleet: Annotated[
        str | None, typer.Option("--fleet", help="With --all-contexts: name of the fleet. Default: contexts-TIME.")
    ] = None


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """What is done with every context: the defaults of the fleet, and what a credential must be able to do."""

    defaults: Json
    kubeconfig: Kubeconfig
    needs: Needs
    proxy: Proxy
    following: Following


def connect_contexts(client: ArcwayClient, contexts: Contexts, job: Job) -> int:
    """Show what will be connected, ask, make the credentials, start the fleet and follow it; returns the exit code.

    A context whose credential cannot be made is left out and named. Raises `CommandError`.
    """
    chosen = _chosen(contexts, job.kubeconfig)
    output.stderr.print(_table(chosen))
    if not job.kubeconfig.yes and not typer.confirm(f"Connect {counted(len(chosen), 'cluster')}?", err=True):
        raise CommandError("Nothing was connected.", FAILED)
    with ExitStack() as undo:
        credentials, failures = _credentials(client, undo, chosen, job)
        for context, error in failures:
            output.stderr.print(f"{context}: {error}", markup=False, style="red")
        if not credentials:
            raise CommandError("No credential could be made, so that nothing was connected.", FAILED)
        members = [
            {"name": name, "kubeconfig": credential.kubeconfig, "proxy": credential.proxy}
            for name, credential in credentials
        ]
        name = contexts.fleet or f"contexts-{int(time.time())}"
        # Each context has a cluster, a network and a credential of its own: what is wrong with one is not with others.
        body = {"fleet": name, "defaults": job.defaults, "members": members, "maxFailures": "100%"}
        operation = "check" if job.following.dry_run else "onboard"
        fleet = client.start("fleets", {**body, "operation": operation})
        for _, credential in credentials:
            credential.accepted()
    output.stderr.print(f"Fleet {fleet['id']}", markup=False)
    if job.following.no_wait:
        output.stderr.print(f"arcway fleet show {fleet['name']} --follow", markup=False)
        return PARTLY_FAILED if failures else OK
    following = job.following
    code = follow_fleet(client, fleet, following.timeout, following.format_, quiet=following.quiet)
    return PARTLY_FAILED if code == OK and failures else code


def _chosen(contexts: Contexts, kubeconfig: Kubeconfig) -> list[tuple[str, str]]:
    """The contexts and the name of the connected cluster for each. Raises `CommandError`."""
    if kubeconfig.secret or kubeconfig.context:
        raise CommandError("--all-contexts cannot be given with --kubeconfig-secret or --kube-context.", USAGE)
    chosen: list[tuple[str, str]] = []
    for context, cluster in context_names(kubeconfig.file):
        if _matches(context, contexts.only or ["*"]) and not _matches(context, contexts.left_out or []):
            chosen.append((context, _name_of(context if contexts.name_from == "context" else cluster)))
    if not chosen:
        raise CommandError(
            "The kubeconfig has no such context.", USAGE, remedy="List them: kubectl config get-contexts"
        )
    names = [name.lower() for _, name in chosen]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        message = f"Several contexts give the name {', '.join(twice)}."
        raise CommandError(message, USAGE, remedy="Leave some out with --except, or change --name-from.")
    return chosen


def _matches(context: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(context, pattern) for pattern in patterns)


def _name_of(text: str) -> str:
    """A name that Azure accepts, made from a context's: what is after the last slash, as in the contexts of EKS."""
    plain = re.sub(r"[^0-9A-Za-z_.-]+", "-", text.rpartition("/")[2] or text)
    return plain[-_NAME_LENGTH:].strip("_.-") or "cluster"


def _credentials(
    client: ArcwayClient, undo: ExitStack, chosen: list[tuple[str, str]], job: Job
) -> tuple[list[tuple[str, ProvidedCredential]], list[tuple[str, CommandError]]]:
    """A credential for each context that one can be made for, and the errors of the others."""

    def make(context: str, name: str) -> ProvidedCredential | CommandError:
        ttl = job.kubeconfig.ttl or _TTL
        options = dataclasses.replace(job.kubeconfig, context=context, ttl=ttl)
        own = ExitStack()
        try:
            provided = provided_credential(
                client, name, options, job.needs, job.proxy, agents_look=not job.following.dry_run
            )
            credential = own.enter_context(provided)
        except CommandError as error:
            return error
        undo.push(own)
        return credential

    # A plug-in may ask something of the user: one after the other, unless everything was confirmed.
    with ThreadPoolExecutor(_AT_ONCE if job.kubeconfig.yes else 1) as threads:
        results = list(threads.map(lambda item: make(*item), chosen))
    pairs = list(zip(chosen, results, strict=True))
    failures = [(context, result) for (context, _), result in pairs if isinstance(result, CommandError)]
    return [(name, result) for (_, name), result in pairs if isinstance(result, ProvidedCredential)], failures


def _table(chosen: list[tuple[str, str]]) -> Table:
    table = Table(box=None, header_style="bold")
    for column in ("Context", "ConnectedCluster"):
        table.add_column(column, overflow="fold")
    for row in chosen:
        table.add_row(*map(output.cell, row))
    return table
