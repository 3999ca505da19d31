"""`arcway connect` and `arcway check`: builds the request, starts the run, follows it, shows what came of it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from arcway.cli import output, progress
from arcway.cli.kubeconfig import one_context
from arcway.cli.server import FAILED, OK, USAGE, CommandError, Server
from arcway.local.certificates import write_private

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ConnectOptions:
    """What the user asked for."""

    name: str
    resource_group: str
    location: str
    subscription: str | None = None
    kube_config: Path | None = None
    kube_context: str | None = None
    kubeconfig_secret: str | None = None
    create_resource_group: bool | None = None
    tags: list[str] = field(default_factory=list)
    distribution: str | None = None
    infrastructure: str | None = None
    order: str = "agents-first"
    on_failure: str = "keep"


def connect_cluster(
    server: Server, options: ConnectOptions, *, dry_run: bool, wait: bool, timeout: float, quiet: bool, format_: str
) -> int:
    """Start the run and show it to its end; returns the exit code."""
    body = _request(server, options)
    if dry_run:
        return show_check(server.post("onboardings", body, dryRun="true"), format_)
    run = server.post("onboardings", body)
    output.stderr.print(f"Run {run['id']}", markup=False)
    if not wait:
        output.print_json(run) if format_ == "json" else output.stderr.print(f"arcway status {run['id']} --follow")
        return OK
    run = progress.show(server.follow(run, timeout), quiet=quiet)
    return show_outcome(run, format_)


def show_outcome(run: Json, format_: str) -> int:
    """Show a run that is over; returns the exit code."""
    output.show_findings([finding for finding in run["findings"] if finding["level"] != "error"])
    if run["left"]:
        output.stderr.print(f"Left in place: {', '.join(run['left'])}", markup=False)
    if run["state"] != "Succeeded":
        error = run["error"] or {"code": "ARC-6004", "message": f"The run is {run['state']}.", "remedy": None}
        raise CommandError(
            f"{error['code']}: {error['message']}", FAILED, remedy=error["remedy"], details=error.get("details")
        )
    if run["operation"] == "offboard":
        _show_disconnected(run, format_)
    elif format_ == "json":
        output.print_json(output.flat(run["result"]))
    else:
        output.stdout.print(output.clusters_table([run["result"]]))
    return OK


def _show_disconnected(run: Json, format_: str) -> None:
    result = run["result"]
    if format_ == "json":
        output.print_json({**result, "changed": run["changed"], "left": run["left"]})
        return
    done = f"{run['cluster']['name']}: connected cluster {result['resource']}, agents {result['agents']}."
    output.stdout.print(done if run["changed"] else f"{done} Nothing was changed.", markup=False)


def show_check(run: Json, format_: str) -> int:
    if format_ == "json":
        output.print_json(run)
    else:
        output.show_findings(run["findings"])
        for line in (run["result"] or {}).get("plan", []):
            output.stdout.print(f"would {line}", markup=False)
    ready = run["result"] and run["result"]["ready"]
    if ready:
        output.stderr.print("Ready.")
    return OK if ready else FAILED


def _request(server: Server, options: ConnectOptions) -> Json:
    create = options.create_resource_group
    return {
        "subscriptionId": options.subscription or simulated_subscription(server),
        "resourceGroup": options.resource_group,
        "createResourceGroup": server.stack is not None if create is None else create,
        "name": options.name,
        "location": options.location,
        "tags": _tags(options.tags),
        "kubeconfig": {"secret": _stored_kubeconfig(server, options), "context": None},
        "distribution": options.distribution,
        "infrastructure": options.infrastructure,
        "order": options.order,
        "onFailure": options.on_failure,
    }


def _tags(given: list[str]) -> dict[str, str]:
    wrong = [item for item in given if "=" not in item]
    if wrong:
        raise CommandError(f"--tags takes name=value, not {', '.join(wrong)}.", USAGE)
    return dict(item.split("=", 1) for item in given)


def simulated_subscription(server: Server) -> str | None:
    """The subscription that a local Arcway works in unless told otherwise."""
    return server.stack.azure["subscriptionId"] if server.stack else None


def _stored_kubeconfig(server: Server, options: ConnectOptions) -> str:
    if options.kubeconfig_secret:
        return options.kubeconfig_secret
    name, text = store_kubeconfig(server, options.name, options.kube_config, options.kube_context)
    if server.stack:
        # The simulated agents find the cluster here, as real ones would be inside it.
        write_private(Path(server.stack.clusters) / f"{name.removeprefix('arcway-')}.yaml", text)
    return name


def store_kubeconfig(server: Server, name: str, file: Path | None, context: str | None) -> tuple[str, bytes]:
    """Put one context of a kubeconfig where a local Arcway finds it: the secret's name, and what is in it."""
    if server.stack is None:
        raise CommandError(
            "A remote Arcway takes a kubeconfig by reference only.",
            USAGE,
            remedy="Store it in Key Vault under a name that starts with arcway- and give --kubeconfig-secret.",
        )
    text = one_context(file, context).encode()
    plain = "".join(character if character.isalnum() and character.isascii() else "-" for character in name)
    secret = f"arcway-{plain[:60]}"
    write_private(Path(server.stack.secrets) / secret, text)
    return secret, text
