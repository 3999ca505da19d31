"""What a bad server or a long life may not do to Helm: hang a worker, show a secret, grow without end."""

import dataclasses
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median

import pytest

from arcway.cluster.access.kubeconfig import Access
from arcway.cluster.helm import Helm, cli, interface, pool
from arcway.cluster.helm.pool import WorkerPool
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json
from arcway_local.certificates import CertificateAuthority
from tests.contract.helm.conftest import THREE_OBJECTS
from tests.contract.kubernetes_api.conftest import Api

_DEADLINE = 2.0
_SECRET = "planted-5Hq2"


def _shorten_calls(patch: pytest.MonkeyPatch) -> None:
    for module in (pool, cli):
        patch.setattr(module, "CALL_SECONDS", _DEADLINE)


@pytest.fixture
def short_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    _shorten_calls(monkeypatch)


@pytest.fixture(params=["before TLS", "after TLS"])
def silent(request: pytest.FixtureRequest, access: Access, tmp_path: Path) -> Iterator[Access]:
    """A server that accepts connections and says nothing, or completes TLS and then says nothing."""
    authority = CertificateAuthority.open(tmp_path / "ca")
    stopped, connections = threading.Event(), []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)

        def accept() -> None:
            while not stopped.is_set():
                with suppress(TimeoutError, OSError):
                    connection, _ = listener.accept()
                    connections.append(connection)
                    if request.param == "after TLS":
                        connection.settimeout(5)
                        connections.append(context.wrap_socket(connection, server_side=True))

        context: ssl.SSLContext = authority.server_context()
        thread = threading.Thread(target=accept)
        thread.start()
        server = f"https://127.0.0.1:{listener.getsockname()[1]}"
        yield dataclasses.replace(access, server=server, ca=authority.certificate_pem.decode())
        stopped.set()
        thread.join()
    for connection in connections:
        connection.close()


def test_a_silent_server_holds_a_call_no_longer_than_its_deadline(
    helm: Helm, silent: Access, access: Access, api: Api
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        _shorten_calls(patch)
        with pytest.raises(ArcError) as caught:
            helm.install(silent, "agents", api.namespace, THREE_OBJECTS, {"value": "x"})
    assert caught.value.code == Code.HELM_TIMEOUT
    # The next call, which may take as long as ever, is answered.
    assert helm.release(access, "agents", api.namespace) is None


@pytest.mark.usefixtures("short_calls")
def test_a_call_shows_no_secret_to_others(helm: Helm, silent: Access, tmp_path_factory: pytest.TempPathFactory) -> None:
    token = f"{_SECRET}-token"
    access = dataclasses.replace(silent, token=token, certificate=None, key=None)
    observed: list[str] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.05):
            observed.extend(_command_lines())

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        with pytest.raises(ArcError):
            helm.install(access, "agents", "test-none", THREE_OBJECTS, {"value": f"{_SECRET}-value"})
        files = _files_with(tmp_path_factory.getbasetemp(), _SECRET)
    finally:
        over.set()
        watcher.join()
    assert any("helm" in line for line in observed)
    assert [line for line in observed if _SECRET in line] == []
    assert files == []


def _command_lines() -> list[str]:
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return lines


def _files_with(folder: Path, message: str) -> list[Path]:
    collected = []
    for path in folder.rglob("*"):
        with suppress(OSError):
            if path.is_file() and path.stat().st_size < 1 << 20 and message.encode() in path.read_bytes():
                collected.append(path)
    return collected


def test_closing_the_pool_ends_a_call_in_progress(silent: Access, tmp_path: Path) -> None:
    helm = WorkerPool(tmp_path / "work", 1, None)
    messages: list[ArcError] = []

    def call() -> None:
        try:
            helm.release(silent, "agents", "test-none")
        except ArcError as error:
            messages.append(error)

    caller = threading.Thread(target=call)
    caller.start()
    deadline = time.monotonic() + 240
    never = threading.Event()
    while not list((tmp_path / "work").glob("helm-*/helm")):
        assert time.monotonic() < deadline
        never.wait(0.02)
    helm.close()
    caller.join(timeout=240)
    assert not caller.is_alive()
    assert [error.code for error in messages] == [Code.HELM_TIMEOUT]
    assert list((tmp_path / "work").glob("helm-*")) == []


def test_worker_that_cannot_load_says_why(tmp_path: Path) -> None:
    (tmp_path / "wrong.so").write_text("not a library")
    helm = WorkerPool(tmp_path / "work", 1, None, {"HELM_C_LIB": str(tmp_path / "wrong.so")})
    try:
        with pytest.raises(
            ArcError, match=r"The Helm worker died during check: .*(file too short|invalid ELF)"
        ) as caught:
            helm.check()
    finally:
        helm.close()
    assert (caught.value.code, caught.value.retryable) == (Code.HELM_TIMEOUT, True)


def test_secret_on_standard_error_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / f"password={_SECRET}").write_text("not a library")
    helm = WorkerPool(tmp_path / "work", 1, None, {"HELM_C_LIB": str(tmp_path / f"password={_SECRET}")})
    try:
        with pytest.raises(ArcError, match=r"The Helm worker died during check: .*\[redacted\]") as caught:
            helm.check()
    finally:
        helm.close()
    assert _SECRET not in str(caught.value)


def test_helm_loads(helm: Helm) -> None:
    helm.check()


def test_wait_for_a_slot_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interface, "SLOT_SECONDS", 0.01)
    slots = interface.Slots(1)
    with (
        slots.slot("install"),
        pytest.raises(ArcError, match="All 1 Helm workers were busy") as caught,
        slots.slot("x"),
    ):
        pass
    assert (caught.value.code, caught.value.retryable) == (Code.HELM_TIMEOUT, True)
    with slots.slot("install"):
        pass


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from /proc")
def test_two_hundred_cycles_do_not_grow_a_worker(access: Access, api: Api, azure: Json, tmp_path: Path) -> None:
    helm = WorkerPool(tmp_path / "work", 1, azure["caFile"])
    try:
        sizes = []
        for _ in range(200):
            helm.install(access, "agents", api.namespace, THREE_OBJECTS, {"value": "x"})
            helm.uninstall(access, "agents", api.namespace)
            sizes.append(_resident_kilobytes())
    finally:
        helm.close()
    # A heap that is collected breathes by some 15 % from one cycle to the next, so growth is measured by medians.
    early, late = median(sizes[30:60]), median(sizes[-30:])
    assert late <= early * 1.25, sizes[::10]


def _resident_kilobytes() -> int:
    """The resident memory of this process's Helm workers."""
    total = 0
    for path in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):
            fields = dict(line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
            if int(fields["PPid"]) == os.getpid() and "arcway.cluster.helm.worker" in _command_line(path.parent):
                total += int(fields["VmRSS"].split()[0])
    assert total
    return total


def _command_line(process: Path) -> str:
    return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
