"""The embedded stack as a whole: the unmodified function app, a Service Bus, a simulated Azure, simulated clusters.

Every part is a process of its own that announces itself with one line of JSON. What runs where is kept in `stack.json`
of the state folder: the command line finds the stack by it, and a part that died is started again at the same
address, where it continues.
"""

import json
import os
import re
import secrets
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from arcway.private_file import write_private
from arcway_local import processes
from arcway_local.json_documents import Json
from arcway_local.processes import PartError

APP_DIR = Path(__file__).resolve().parents[1]
ENTITIES = Path(__file__).parent / "entities.json"
_FILE = "stack.json"
_PAGE_SECRET = "arcway-page-client-secret"  # noqa: S105 - its name
_SESSION_KEYS = "arcway-page-session"


class StackError(Exception):
    """The stack cannot start; one sentence."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the stack was asked for: how many simulated clusters (or one real control plane), the port of the function
    app (0: a free one), how many seconds Azure's own operations take, whether the function app asks its callers to
    sign in with the simulated authority, what it is to know of Azure's limits (ARCWAY_ARM_LIMITS), and that one of so
    many events between orchestrations is lost.
    """

    clusters: int = 1
    real: bool = False
    port: int = 0
    seconds: float = 0.0
    sign_in: bool = False
    limits: str = ""
    lost_events: int = 0
    telemetry: bool = False
    """Whether the function app sends traces and metrics to OTEL_EXPORTER_OTLP_ENDPOINT, or else to its log."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A running embedded stack."""

    url: str
    azure: dict[str, str]
    cluster: Json
    service_bus: dict[str, str]
    secrets: str
    clusters: str
    options: Options = Options()
    pids: dict[str, int] = field(default_factory=dict)
    owner: int | None = None
    """The process that stops the stack at its end; None when it is to stay."""

    def is_orphan(self) -> bool:
        """Whether the process that was to stop the stack has died."""
        return self.owner is not None and not processes.is_alive(self.owner)

    def dead_parts(self) -> list[str]:
        """The parts whose process is gone."""
        return [part for part, pid in self.pids.items() if not processes.is_ours(pid)]


def state_dir() -> Path:
    """Where the stack of this clone keeps its state: ARCWAY_STATE, or `.state` beside the function app."""
    return Path(os.environ.get("ARCWAY_STATE") or APP_DIR / ".state").absolute()


def running(state: Path) -> Stack | None:
    """The stack of this state folder, if any part of it is alive; dead parts may be about to restart."""
    stack = _known(state)
    return stack if stack and len(stack.dead_parts()) < len(stack.pids) else None


def is_known(state: Path) -> bool:
    """Whether a stack was started here and not stopped."""
    return _known(state) is not None


def start(state: Path, options: Options | None = None) -> Stack:
    """Start the stack, or its missing parts. Raises `StackError` if all of it is running."""
    stack = _known(state)
    if stack and not stack.dead_parts() and not stack.is_orphan() and stack.owner != os.getpid():
        raise StackError(f"The stack is up already at {stack.url}; `arcway down` stops it.")
    for name in ("logs", "secrets", "clusters", "work"):
        (state / name).mkdir(parents=True, exist_ok=True, mode=0o700)
    (state / "work").chmod(0o700)  # the function app refuses one that an earlier version made for all to read
    if stack and len(stack.dead_parts()) < len(stack.pids):
        return _bring_up(state, replace(stack, owner=os.getpid()))
    chosen = options or (stack.options if stack else Options())
    fresh = Stack("", {}, {}, {}, str(state / "secrets"), str(state / "clusters"), chosen, _NO_PROCESSES, os.getpid())
    # Ports, keys and the journal of an earlier start are kept: runs that it left open continue.
    return _bring_up(state, replace(stack, options=chosen, owner=os.getpid()) if stack else fresh)


def start_another_host(state: Path, stack: Stack) -> tuple[str, int]:
    """Start one more function app on the other parts of a running stack; returns its URL and its process id.

    Its journal is in `state`, so that its runs are its own. The caller stops the process. Raises `StackError`.
    """
    for name in ("logs", "work"):
        (state / name).mkdir(parents=True, exist_ok=True, mode=0o700)
    own = replace(stack, url="", options=replace(stack.options, port=0))
    try:
        ready, pid = _launch(state, "functions", own)
    except PartError as error:
        raise StackError(str(error)) from error
    return ready["url"], pid


def keep(state: Path) -> None:
    """Keep the stack running when the process that started it ends."""
    if stack := _known(state):
        _write(state, replace(stack, owner=None))


def stop(state: Path) -> bool:
    """Stop the stack of this state folder, or its remaining parts; returns whether there was one."""
    stack = _known(state)
    if stack is None:
        return False
    # First of all, so that what is being stopped is not restarted.
    (state / _FILE).unlink(missing_ok=True)
    # The function app before the others, so that it does not see them go.
    processes.stop([stack.pids[part] for part in reversed(stack.pids)])
    return True


_NO_PROCESSES = {"cluster": 0, "azure": 0, "service_bus": 0, "functions": 0}


def _known(state: Path) -> Stack | None:
    try:
        state_file = json.loads((state / _FILE).read_text())
        return Stack(**{**state_file, "options": Options(**state_file["options"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _bring_up(state: Path, stack: Stack) -> Stack:
    """Start every part that is not alive, each at its old place if it had one."""
    pids, started = dict(stack.pids), []
    try:
        for part in stack.dead_parts():
            ready, pids[part] = _launch(state, part, stack)
            started.append(pids[part])
            stack = replace(stack, pids=dict(pids), **_place(part, ready))
            if part == "cluster":
                _hand_out_kubeconfigs(state, ready)
    except PartError as error:
        processes.stop(started)
        raise StackError(str(error)) from error
    _write(state, stack)
    return stack


def _write(state: Path, stack: Stack) -> None:
    write_private(state / _FILE, json.dumps(asdict(stack), indent=1).encode())


def _place(part: str, ready: Json) -> Json:
    return {"url": ready["url"]} if part == "functions" else {part: ready}


def _launch(state: Path, part: str, stack: Stack) -> tuple[Json, int]:
    module, settings = part, dict[str, str]()
    if part == "cluster" and stack.options.real:
        module, arguments = "cluster.real", ["--dir", str(state / "control-plane"), "run"]
    elif part == "cluster":
        arguments = ["--count", str(stack.options.clusters), "--dir", stack.clusters, "--port", _port(stack.cluster)]
    elif part == "azure":
        arguments = ["--dir", str(state / "azure"), "--clusters", stack.clusters, "--port", _port(stack.azure)]
        # Where the page keeps kubeconfigs: the cluster of one may be nowhere else.
        arguments += ["--clusters", stack.secrets]
        arguments += ["--seconds", str(stack.options.seconds)]
    elif part == "service_bus":
        connection, control = stack.service_bus.get("connectionString", ""), stack.service_bus.get("control", "")
        arguments = ["--config", str(ENTITIES), "--data", str(state / "service-bus")]
        arguments += ["--port", _port_in(connection), "--control-port", _port_in(control)]
    else:
        port = stack.url.rpartition(":")[2] if stack.url else str(stack.options.port)
        arguments = ["--app", str(APP_DIR), "--port", port, "--data", str(state), "--home", "/api/page"]
        arguments += ["--lose-events", str(stack.options.lost_events)]
        settings = (
            _settings(state, stack) | _telemetry(stack) | (_authority(state, stack) if stack.options.sign_in else {})
        )
    return processes.launch(module, arguments, APP_DIR, state / "logs" / f"{part}.log", settings)


def _port_in(log: str) -> str:
    match = re.search(r"127\.0\.0\.1:(\d+)", log)
    return match[1] if match else "0"


def _port(ready: Json) -> str:
    return str(ready["endpoint"]).rpartition(":")[2] if ready else "0"


def _hand_out_kubeconfigs(state: Path, ready: Json) -> None:
    for number, kubeconfig in enumerate(ready["kubeconfigs"], 1):
        content = Path(kubeconfig).read_bytes()
        write_private(state / "secrets" / f"arcway-cluster-{number:03}", content)
        if Path(kubeconfig).parent != state / "clusters":
            write_private(state / "clusters" / f"cluster-{number:03}.yaml", content)


def _settings(state: Path, stack: Stack) -> dict[str, str]:
    return {
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "FUNCTIONS_WORKER_PROCESS_COUNT": "2",
        # One interpreter replays all orchestrations: more threads at once only wait for one another.
        "AzureFunctionsJobHost__extensions__durableTask__maxConcurrentOrchestratorFunctions": "2",
        "ARCWAY_LOCAL": "1",
        "ARCWAY_ARM_ENDPOINT": stack.azure["endpoint"],
        "ARCWAY_CA_FILE": stack.azure["caFile"],
        "ARCWAY_REGISTRIES": stack.azure["registry"],
        "ARCWAY_VAULTS": stack.azure["endpoint"],
        "ARCWAY_SECRETS_DIR": str(state / "secrets"),
        "ARCWAY_WORK_DIR": str(state / "work"),
        "ServiceBusConnection": stack.service_bus["connectionString"],
        "ONBOARDING_QUEUE": "onboarding-requests",
        "IDENTITY_ENDPOINT": stack.azure["identityEndpoint"],
        "IDENTITY_HEADER": stack.azure["identityHeader"],
        "ARCWAY_ARM_LIMITS": stack.options.limits,
        # host.json is for an instance with one core and 2 GB; here one process has the whole machine.
        "AzureFunctionsJobHost__extensions__durableTask__maxConcurrentActivityFunctions": "32",
    }


def _telemetry(stack: Stack) -> dict[str, str]:
    if not stack.options.telemetry:
        return {}
    endpoint = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint} if endpoint else {"ARCWAY_TELEMETRY": "console"}


def _authority(state: Path, stack: Stack) -> dict[str, str]:
    write_private(state / "secrets" / _PAGE_SECRET, stack.azure["apiClientSecret"].encode())
    if not (state / "secrets" / _SESSION_KEYS).exists():
        write_private(state / "secrets" / _SESSION_KEYS, secrets.token_urlsafe(32).encode())
    return {
        "ARCWAY_AUTHORITY": stack.azure["endpoint"],
        "ARCWAY_TENANT_ID": stack.azure["tenantId"],
        "ARCWAY_CLIENT_ID": stack.azure["apiClientId"],
        "ARCWAY_CLIENT_SECRET_NAME": _PAGE_SECRET,
        "ARCWAY_SESSION_KEYS_NAME": _SESSION_KEYS,
    }
