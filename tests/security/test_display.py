"""What servers say steers no terminal, no log and no page, however it gets there."""

import io
import json
import logging
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from durabletask.client import OrchestrationStatus
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Group

from arcway import queries
from arcway.cli import agents as agents_command
from arcway.cli import output, progress, runs
from arcway.cli.client import CommandError
from arcway.domain.codes import Code
from arcway.domain.events import encode, run_event
from arcway.domain.findings import finding
from arcway.domain.ids import Origin
from arcway.domain.request import parse_request
from arcway.domain.run import STATUS_LIMIT, new_run, truncate_for_status
from arcway.domain.text import excerpt, json_text, listed, presentable, sentence, visible
from arcway.runs.index import RunIndex
from arcway.runs.reader import get_run, list_runs
from arcway.telemetry import correlated, log, log_one_line_each
from tests.installations import invocation, local_installation
from tests.security.test_steps import CONNECT
from triggers.access.callers import Role
from triggers.access.session import Viewer
from triggers.page import views

_SEQUENCES = ["\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "\x9d0;x\x9c", "a\rb", "a\nb", "a\x0bb\x0cc"]
_CONTROLS = "\x00\x7f\x85\u2028\u2029\u202e\u2066\u200e\u061c\U000e0041"
_INVISIBLE = "\u200b\u200d\u2060\ufeff\u00ad\u180e\u3164\ufe0f\u034f\u115f\U000fffff"
ODD = [*_SEQUENCES, *_CONTROLS, *_INVISIBLE, "\ud800", "\udfff"]
HARMLESS = "Zoë 中文 naïve 🚀 a b [red]x[/red] {y} <b> & \\ \" '"


@pytest.mark.parametrize("odd", ODD)
def test_what_steers_or_does_not_show_is_escaped_and_not_dropped(odd: str) -> None:
    for line in (visible(odd), excerpt(odd), sentence(f"x{odd}y"), presentable([{odd: odd}])[0].popitem()[1]):
        assert line.isprintable()
        assert not set("\u200b\u3164\ufe0f\u034f\u115f\u2028").intersection(line)
    assert "\\" in visible(odd)
    assert f"{ord(odd.strip('a')[0]):x}"[-2:] in visible(odd) or odd[:2] in ("a\r", "a\n")


def test_what_people_write_stays() -> None:
    assert visible(HARMLESS) == HARMLESS
    assert json.loads(json_text({"a": HARMLESS})) == {"a": HARMLESS}


@given(st.text(st.characters(codec=None), max_size=300))
def test_any_text_is_shown_within_its_limit(text: str) -> None:
    for limit in (10, 100):
        result = excerpt(text, limit)
        assert len(result) <= limit
        result.encode()
    assert excerpt(visible(text), 5000) == excerpt(text, 5000)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(st.characters(codec=None)), st.lists))
def test_json_for_a_terminal_is_the_same_json(value: Any) -> None:
    content = json_text(value, 2)
    assert json.loads(content) == json.loads(json.dumps(value))
    assert all(character == "\n" or visible(character) == character for character in content)


def test_lists_are_cut_with_a_count() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed([f"n{number}" for number in range(100_000)], 2) == "n0, n1 and 99998 more"


# --- the command line ----------------------------------------------------------------------------------------------


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a terminal would get on standard output and on standard error."""
    written = io.StringIO()
    for console in (output.stdout, output.stderr):
        monkeypatch.setattr(console, "_file", written)
    monkeypatch.setattr("sys.stdout", written)
    return written


def steers(message: str) -> bool:
    return any(odd in message for odd in ODD if odd not in ("a\nb",))


NOTHING = dict.fromkeys(("kind", "name", "namespace", "reason", "code"))
RUN: Any = new_run("cluster-x.y", parse_request(CONNECT), ("checkCluster",), {"createdAt": "t", "correlationId": "c"})


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("format_", ["table", "json", "jsonl"])
def test_a_terminal_gets_nothing_that_steers_it(terminal: io.StringIO, odd: str, format_: Any) -> None:
    run = RUN.as_json()
    odd = f"{odd}[bold]{odd}"
    run["phases"][0] |= {"detail": odd, "error": {"code": odd, "message": odd}, "state": "Running"}
    run |= {"state": "Succeeded", "operation": "offboard", "findings": [], "changed": True, "phase": odd}
    run["leftovers"] = [{**NOTHING, "name": odd}]
    run["findings"] = [{"level": "warning", "code": odd, "message": odd, "remedy": odd}]
    run["result"] = {"resource": odd, "agents": odd, odd: odd}
    run["cluster"] = {**run["cluster"], "name": odd}
    resource = {"id": odd, "name": odd, "properties": {"kubernetesVersion": odd}, "tags": {odd: odd}}
    letter = dict.fromkeys(("messageId", "reason", "description", "enqueuedTime", "deliveryCount"), odd)
    row = dict.fromkeys(("name", "ready", "status", "restarts", "upToDate", "available"), odd) | {"ageSeconds": 5}
    output.show([run], format_, lambda: output.runs_table([run]))
    output.show(run, format_, lambda: output.run_for_people(run))
    output.show([resource], format_, lambda: output.clusters_table([resource]))
    output.show([letter], format_, lambda: output.dead_letters_table([letter]))
    output.show(odd, format_, lambda: f"plan {odd}\nnext")
    output.show(row, format_, lambda: Group(agents_command._table({"NAME": "name", "STATUS": "status"}, [row])))
    output.show_error(
        CommandError(odd, 1, remedy=odd, details=[{"field": odd, "message": odd}, {"href": 1, "run": odd}])
    )
    output.print_json({odd: odd})
    runs.show_outcome(run, format_)
    progress._lines([{**run, "updatedAt": odd}])
    output.stderr.print(progress._table(run, 1.0))
    assert not steers(terminal.getvalue())
    assert "[bold]" in terminal.getvalue()


# --- logs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("odd", ODD)
def test_a_record_is_one_line(odd: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "arcway")
    with correlated(Origin(odd)):
        log.warning("it says %s", odd)
        log.info(f"{odd} says")
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    assert all(line.isprintable() and len(line) < 5000 for line in lines)


def test_records_of_libraries_are_one_line_each_in_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    value_before = logging.getLogRecordFactory()
    try:
        log_one_line_each()
        created = logging.getLogger("urllib3").makeRecord("urllib3", 30, "f", 1, "unparsed %s", ("\x1b[2J\nx",), None)
    finally:
        logging.setLogRecordFactory(value_before)
    assert created.getMessage() == "unparsed \\x1b[2J\\nx"


# --- events and runs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("odd", ODD)
def test_an_event_can_always_be_encoded(odd: str) -> None:
    run = {**RUN.as_json(), "leftovers": [{**NOTHING, "kind": odd, "name": odd}], "result": {odd: [odd]}}
    event = run_event("succeeded", run, source="s", number=1, time="t", trace=None)
    reread = json.loads(encode(event).decode())
    json.dumps(reread, ensure_ascii=False).encode()
    assert encode(event) == encode(event)


def test_a_status_fits_whatever_is_in_it() -> None:
    run = RUN.as_json()
    run["leftovers"] = [{**NOTHING, "kind": "中" * 8000, "name": "中" * 8000}] * 100
    run["findings"] = [finding(Code.KUBERNETES_CHANGE_REFUSED, "中" * 5000) for _ in range(500)]
    run["phases"][0] |= {"detail": "中" * 5000, "error": {"code": "ARC-4007", "message": "中" * 5000}}
    assert len(json.dumps(truncate_for_status(run))) <= STATUS_LIMIT


class State(SimpleNamespace):
    """What the engine knows of an instance."""

    def __init__(self, status: Any, payload: Any, number: int = 1) -> None:
        time = datetime.now(UTC)
        super().__init__(
            instance_id=f"cluster-{number:026x}",
            runtime_status=OrchestrationStatus.RUNNING,
            created_at=time,
            last_updated_at=time,
            status=status,
            serialized_custom_status=json.dumps(status),
            given=payload,
        )

    def get_custom_status(self) -> Any:
        return self.status

    def get_input(self) -> Any:
        return self.given

    def get_output(self) -> Any:
        return self.status


GIVEN = {"runId": "0123456789ab", "request": parse_request(CONNECT).as_json(), "createdAt": "2026-03-01T00:00:00Z",
         "correlationId": "c"}  # fmt: skip
SHOWN = {**RUN.as_json(), "id": f"cluster-{1:026x}.0123456789ab", "createdAt": "2026-03-01T00:00:00.000Z"}
SHOWN["updatedAt"] = SHOWN["createdAt"]
BROKEN: list[Any] = [
    State({**SHOWN, "phases": [{**SHOWN["phases"][0], "detail": "\ud800"}]}, GIVEN),
    State({**SHOWN, "cluster": {**SHOWN["cluster"], "name": "\ud800"}}, GIVEN),
    State({**SHOWN, "createdAt": "\ud800"}, GIVEN),
    State({**SHOWN, "state": "Odd"}, GIVEN),
    State({**SHOWN, "phases": 5}, GIVEN),
    State({**SHOWN, "cluster": None}, GIVEN),
    State({}, GIVEN),
    State([], {}),
    State(None, None),
    State("text", {"runId": 5}),
    State({**SHOWN, "error": {"code": 5}}, GIVEN),
    State({**SHOWN, "leftovers": [{}]}, GIVEN),
    State({**SHOWN, "leftovers": 5}, GIVEN),
]


@pytest.mark.parametrize("broken", BROKEN, ids=range(len(BROKEN)))
async def test_one_runs_odd_texts_hide_no_other_run(broken: State) -> None:
    good = State({**SHOWN, "id": f"cluster-{2:026x}.0123456789ab"}, GIVEN, 2)

    async def states(_query: object) -> list[Any]:
        return [broken, good]

    async def one(instance: str) -> Any:
        return broken if instance == broken.instance_id else good

    client: Any = SimpleNamespace(get_all_orchestration_states=states, get_orchestration_state=one)
    documents = [run.document() for run in await list_runs(RunIndex(), client, datetime(2026, 1, 1, tzinfo=UTC))]
    assert len(documents) == 2
    json.dumps(documents, ensure_ascii=False).encode()
    import azure.functions as func

    request = func.HttpRequest("GET", "http://127.0.0.1/api/page", body=b"")
    response = await views.overview_page(
        request, invocation(client), Viewer("Rita", None, frozenset({Role.READ}), "token")
    )
    assert response.status_code == 200
    assert f"{2:026x}" in response.get_body().decode()
    if isinstance(broken.given, dict) and broken.given.get("runId") == "0123456789ab":
        json.dumps(await get_run(client, f"{broken.instance_id}.0123456789ab"), ensure_ascii=False).encode()


def test_what_azure_says_is_made_visible_where_it_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = {"id": "/s/x/r/g/p/n/t/x", "name": "\u202e", "tags": {"\x1b[2J": "\ud800"}, "properties": {}}
    monkeypatch.setattr("arcway.azure.connected_clusters.list_in", lambda *_: [resource])
    (result,) = queries.connected_clusters_in(local_installation(), "s", None)
    json.dumps(result, ensure_ascii=False).encode()
    assert all(line.isprintable() for line in (result["name"], *result["tags"], *result["tags"].values()))
