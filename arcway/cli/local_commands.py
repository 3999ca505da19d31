"""`arcway up`, `down`, `demo` and `local …`: the embedded stack, as a whole and in parts."""

import json
import signal
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from arcway.cli import embedded, output, progress
from arcway.cli.bus import open_bus
from arcway.cli.client import FAILED, OK, PARTLY_FAILED, REFUSED, ArcwayClient, CommandError
from arcway.cli.embedded import CONTROL_PLANE, BuildError, Options, Stack, StackError
from arcway.cli.runs import failure
from arcway.domain.ids import ClusterId


class ClusterKind(StrEnum):
    """The kind of cluster that the demo connects."""

    SIMULATED = "simulated"
    REAL = "real"


SIMULATED = ClusterKind.SIMULATED
local = typer.Typer(help="Run one part of the embedded stack.", no_args_is_help=True)

_ANYTHING = {"allow_extra_args": True, "ignore_unknown_options": True}
_DEMO_SECONDS = 2.0
_LOOK_SECONDS = 0.5
_HOW_TO_SIGN_IN = """`arcway` in this folder is signed in.
Page: {page} (sign in as alice, who has every role, or bob, who has Arcway.Read).
A token: curl --cacert {caFile} {tokenEndpoint} -d grant_type=client_credentials -d scope={scope} \\
  -d client_id={clientId} -d client_secret={clientSecret}"""


def up(
    clusters: Annotated[int, typer.Option(min=0, max=2000, help="Number of simulated clusters.")] = 1,
    port: Annotated[int, typer.Option(help="Port of the function app; 0 takes a free one.")] = 0,
    seconds: Annotated[float, typer.Option(help="Duration of the simulated Azure's long-running operations.")] = 1.0,
    sign_in: Annotated[bool, typer.Option("--sign-in", help="Require sign-in to the simulated tenant.")] = False,
    telemetry: Annotated[
        bool, typer.Option("--telemetry", help="Traces and metrics: to OTEL_EXPORTER_OTLP_ENDPOINT, or else the log.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print one line of JSON when ready.")] = False,
) -> int:
    """Start the embedded stack and keep it until Ctrl-C. Example: arcway up"""
    state = embedded.state_dir()
    stack = _start(Options(clusters=clusters, port=port, seconds=seconds, sign_in=sign_in, telemetry=telemetry))
    if json_:
        sys.stdout.write(json.dumps(_described(stack)) + "\n")
        sys.stdout.flush()
    else:
        output.stdout.print(f"Arcway is up at {stack.url}/api, its page at {stack.url}/; Ctrl-C stops it.")
        if sign_in:
            output.stdout.print(_HOW_TO_SIGN_IN.format(**_sign_in(stack)), markup=False)
    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, frame: stopped.append(received))
    while not stopped and embedded.is_known(state):
        if (dead := stack.dead_parts()) and embedded.is_known(state):
            output.stderr.print(f"{', '.join(dead)} ended and is being restarted; see {state / 'logs'}.", markup=False)
            stack = _start(None)
        time.sleep(_LOOK_SECONDS)
    embedded.stop(state)
    return OK


def down() -> int:
    """Stop the embedded stack of this clone. Example: arcway down"""
    stopped = embedded.stop(embedded.state_dir())
    output.stderr.print("Stopped." if stopped else "No stack was running.")
    return OK


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Keep the stack running afterwards.")] = False,
    clusters: Annotated[int, typer.Option(min=1, max=200, help="Number of simulated clusters to connect.")] = 1,
    cluster: Annotated[
        ClusterKind, typer.Option(help="Kind of cluster: simulated, or a real control plane.")
    ] = SIMULATED,
) -> int:
    """Start the stack, connect clusters, show them Connected, stop. Example: arcway demo --keep"""
    state = embedded.state_dir()
    existing = embedded.running(state)
    if existing and existing.is_orphan():
        embedded.stop(state)
        existing = None
    real = cluster is ClusterKind.REAL
    if real and existing:
        raise CommandError("A stack is already running; `arcway down` stops it.", REFUSED)
    stack = existing or _start(Options(clusters=clusters + 1, seconds=_DEMO_SECONDS, real=real))
    try:
        return _connect_all(stack, min(clusters, len(stack.cluster["kubeconfigs"])))
    finally:
        if keep:
            embedded.keep(state)
        if keep or existing:
            output.stderr.print(
                f"The stack is up at {stack.url}/api, its page at {stack.url}/; `arcway down` stops it."
            )
        else:
            embedded.stop(state)


def _connect_all(stack: Stack, count: int) -> int:
    server = ArcwayClient(stack.url, stack)
    runs = [server.post("onboardings", _request(stack, number)) for number in range(1, count + 1)]
    by_message = _send(stack, count) if count + 1 <= len(stack.cluster["kubeconfigs"]) else None
    results = []
    for started in runs:
        output.stderr.print(f"Run {started['id']}", markup=False)
        run = progress.show(server.follow(started, timeout=300))
        if run["state"] == "Succeeded":
            results.append(run["result"])
        else:
            output.show_error(failure(run))
    failed = count - len(results)
    if by_message:
        results.append(_heard(server, *by_message))
    output.print_json(output.flat(results[0]) if len(results) == 1 else [output.flat(result) for result in results])
    output.stdout.print(output.clusters_table(results))
    return OK if not failed else PARTLY_FAILED if results else FAILED


def _send(stack: Stack, count: int) -> tuple[dict[str, object], str, str]:
    """Ask for one more cluster by a message; returns the request, the message id and the time."""
    body, now = _request(stack, count + 1), datetime.now(UTC).isoformat()
    with open_bus() as bus:
        return body, bus.send(body), now


def _heard(server: ArcwayClient, body: dict[str, object], message_id: str, since: str) -> dict[str, Any]:
    """Print the events of the run that the message led to, and return the connected cluster."""
    output.stderr.print(f"Message {message_id} requested {body['name']}; events on the topic:", markup=False)
    cluster = ClusterId(str(body["subscriptionId"]), str(body["resourceGroup"]), str(body["name"]))
    with open_bus() as bus:
        for event in bus.events(cluster.resource_id, since):
            place = (event["data"].get("phase") or {}).get("name", "")
            output.stderr.print(f"{event['time']} {event['type']} {event['id']} {place}".rstrip(), markup=False)
    return server.get(f"connectedClusters/{body['subscriptionId']}/{body['resourceGroup']}/{body['name']}")


def _request(stack: Stack, number: int) -> dict[str, object]:
    # The clusters of a stack are new each time that it starts, but the simulated Azure still has their records.
    return {
        "subscriptionId": stack.azure["subscriptionId"],
        "resourceGroup": "AzureArcTest",
        "createResourceGroup": True,
        "name": f"AzureArcTest{number}",
        "takeOver": True,
        "location": "eastus",
        "kubeconfig": {"secret": f"arcway-cluster-{number:03}"},
    }


def _start(options: Options | None) -> Stack:
    if options and options.real and not CONTROL_PLANE.is_built():
        output.stderr.print("Building the control plane, which takes some minutes the first time ...")
        try:
            CONTROL_PLANE.build()
        except BuildError as error:
            raise CommandError(str(error), FAILED) from error
    try:
        return embedded.start(embedded.state_dir(), options)
    except StackError as error:
        raise CommandError(str(error), REFUSED if "already" in str(error) else FAILED) from error


def _described(stack: Stack) -> dict[str, object]:
    description = {"url": stack.url, "api": f"{stack.url}/api", **asdict(stack)}
    return {**description, "signIn": _sign_in(stack)} if stack.options.sign_in else description


def _sign_in(stack: Stack) -> dict[str, str]:
    azure = stack.azure
    return {
        "page": f"{stack.url}/api/page/sign-in",
        "tokenEndpoint": f"{azure['endpoint']}/{azure['tenantId']}/oauth2/v2.0/token",
        "scope": f"api://{azure['apiClientId']}/.default",
        "clientId": azure["commandLineClientId"],
        "clientSecret": azure["commandLineClientSecret"],
        "caFile": azure["caFile"],
    }


def _run_part(part: str, arguments: list[str]) -> int:
    sys.argv = [f"arcway local {part}", *arguments]
    try:
        embedded.run_part(part)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else OK
    return OK


@local.command(context_settings=_ANYTHING, add_help_option=False)
def functions(context: typer.Context) -> int:
    """Host a Python v2 function app. Example: arcway local functions --app . --port 7071"""
    return _run_part("functions", context.args)


@local.command(context_settings=_ANYTHING, add_help_option=False)
def azure(context: typer.Context) -> int:
    """Simulate Azure. Example: arcway local azure --clusters kubeconfigs --dir state"""
    return _run_part("azure", context.args)


@local.command(context_settings=_ANYTHING, add_help_option=False, name="service-bus")
def service_bus(context: typer.Context) -> int:
    """Serve a Service Bus. Example: arcway local service-bus --config Config.json --data DIR"""
    return _run_part("service_bus", context.args)


@local.command(context_settings=_ANYTHING, add_help_option=False)
def cluster(context: typer.Context) -> int:
    """Simulate clusters. Example: arcway local cluster --count 3 --dir kubeconfigs"""
    return _run_part("cluster", context.args)
