"""Plan files, what differs between two of them, and the exit code of a plan."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from arcway.cli import fleet_plan
from arcway.cli.client import USAGE, ArcwayClient, CommandError
from arcway.cli.main import main
from arcway.cli.plan_files import PlanFile, read_plan_file, write_plan_file
from arcway.domain.codes import Code
from arcway.domain.fleets.expectations import ExpectedPlan, plan_problems
from arcway.domain.fleets.plan import Depth, Forecast
from arcway.domain.fleets.plan_document import plan_document
from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
A, B, C = (ClusterId(SUBSCRIPTION, "clusters", name).key for name in ("a", "b", "ü"))
FORECASTS = {A: Forecast("create"), B: Forecast("change", ("tags",)), C: Forecast("busy", code=Code.RUN_IN_PROGRESS)}
BODY: Json = {"fleet": "shops", "members": []}


def document(forecasts: dict[str, Forecast] = FORECASTS, depth: Depth = "cluster", **fields: str) -> Json:
    return {**plan_document("shops", "onboard", depth, forecasts, []), **fields}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shops.plan"
    write_plan_file(path, PlanFile.of(document()))
    return path


def test_a_plan_file_is_read_as_it_was_written(file: Path) -> None:
    plan = read_plan_file(file)
    assert (plan.fleet, plan.operation, plan.depth) == ("shops", "onboard", "cluster")
    assert plan.members == FORECASTS
    assert plan.text() == file.read_text(encoding="utf-8")
    assert len(file.read_text(encoding="utf-8").splitlines()) == 4


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"create"', '"unchanged"', "was edited"),
        ("\n", "\n\n", "was edited"),
        ('"digest":"', '"digest":"0', "was edited"),
        ('"depth"', '"deep"', ":1: not the first line of a plan"),
        ('{"depth"', '["depth"', ":1: not JSON"),
        ('{"depth', '1\n{"depth', ":1: not a JSON object"),
    ],
)
def test_a_file_that_was_edited_is_refused_and_named(file: Path, old: str, new: str, message: str) -> None:
    file.write_text(file.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(CommandError, match=message) as caught:
        read_plan_file(file)
    assert str(file) in str(caught.value)
    assert caught.value.exit_code == USAGE


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"none\.plan cannot be read"):
        read_plan_file(tmp_path / "none.plan")
    with pytest.raises(CommandError, match="cannot be written"):
        write_plan_file(tmp_path / "none" / "x.plan", PlanFile.of(document()))


def test_a_line_that_is_not_a_members_is_named(file: Path) -> None:
    plan = PlanFile("shops", "onboard", "cluster", "", {})
    head, lines = plan.text(), '{"class":"create"}\n'
    file.write_text(head.replace('"digest":""', f'"digest":"{hashlib.sha256(lines.encode()).hexdigest()}"') + lines)
    with pytest.raises(CommandError, match=":2: not a member's line"):
        read_plan_file(file)


def test_the_request_has_the_plan_as_the_service_takes_it(file: Path) -> None:
    expected = read_plan_file(file).expected_by(file, BODY)
    assert expected["members"][A] == "create"
    assert expected["members"][B] == {"class": "change", "changes": ["tags"], "code": None}
    plan = ExpectedPlan.model_validate(expected)
    assert [*plan_problems(plan, [A, B, C])] == []
    assert {key: plan.forecast(key) for key in (A, B, C)} == FORECASTS


@pytest.mark.parametrize("body", [{**BODY, "fleet": "banks"}, {**BODY, "operation": "update"}, {"members": []}])
def test_a_plan_of_another_fleet_or_operation_is_refused(file: Path, body: Json) -> None:
    with pytest.raises(CommandError, match=r"shops\.plan is a plan of (fleet shops|operation onboard), not of"):
        read_plan_file(file).expected_by(file, body)


def test_a_difference_is_a_member_whose_line_differs(file: Path) -> None:
    d = ClusterId(SUBSCRIPTION, "clusters", "d").key
    later = PlanFile.of(document({A: Forecast("create"), B: Forecast("change", ("tags", "x")), d: Forecast("adopt")}))
    assert [*later.differences(file, read_plan_file(file))] == [
        (B, Forecast("change", ("tags",)), Forecast("change", ("tags", "x"))),
        (d, None, Forecast("adopt")),
        (C, FORECASTS[C], None),
    ]
    assert [*PlanFile.of(document()).differences(file, read_plan_file(file))] == []
    with pytest.raises(CommandError, match="is a plan of depth cluster, not of azure"):
        [*PlanFile.of(document(depth="azure")).differences(file, read_plan_file(file))]


# --- the command ---


class Answers:
    """Stands for the service: what it returned for the dry run, the check and the plan."""

    def __init__(self, plan: Json) -> None:
        self.plan, self.requests = plan, list[tuple[str, Json]]()

    def start(self, path: str, body: Json, **query: Any) -> Json:
        self.requests.append((path, query))
        check = {"id": "fleet-1.2", "updatedAt": "1", "finishedAt": "1", "state": "Succeeded", "counts": {}}
        return self.plan if query.get("depth") == "azure" else {**check, "failures": []}

    def follow_fleet(self, document: Json, timeout: float) -> Any:
        yield document

    def get(self, path: str) -> Json:
        self.requests.append((path, {}))
        return self.plan


@pytest.fixture
def shops(tmp_path: Path) -> str:
    (tmp_path / "shops.json").write_text(json.dumps(BODY))
    return str(tmp_path / "shops.json")


def answered(monkeypatch: pytest.MonkeyPatch, plan: Json) -> Answers:
    answers = Answers(plan)
    monkeypatch.setattr(ArcwayClient, "find", lambda url: answers)
    return answers


@pytest.mark.parametrize(
    ("forecasts", "code"),
    [
        ({A: Forecast("unchanged")}, 0),
        ({A: Forecast("unchanged"), B: Forecast("create")}, 2),
        ({A: Forecast("unreachable", code=Code.API_SERVER_TIMEOUT)}, 2),
        ({A: Forecast("busy", code=Code.RUN_IN_PROGRESS), B: Forecast("unchanged")}, 2),
        ({A: Forecast("refused", code=Code.SUBSCRIPTION_DISABLED), B: Forecast("create")}, 1),
    ],
)
def test_the_exit_code(monkeypatch: pytest.MonkeyPatch, shops: str, forecasts: dict[str, Forecast], code: int) -> None:
    answers = answered(monkeypatch, document(forecasts))
    assert main(["fleet", "plan", "-f", shops, "--depth", "azure"]) == code
    assert answers.requests == [("fleets", {"dryRun": "true", "depth": "azure"})]
    assert fleet_plan.exit_code(document(forecasts)["counts"]) == code


def test_a_plan_of_each_cluster_is_read_when_its_check_has_ended(monkeypatch: pytest.MonkeyPatch, shops: str) -> None:
    answers = answered(monkeypatch, document())
    assert main(["fleet", "plan", "-f", shops, "--quiet"]) == 2
    assert answers.requests == [("fleets", {"dryRun": "true", "depth": "cluster"}), ("fleets/fleet-1.2/plan", {})]


def test_the_outputs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shops: str, tmp_path: Path
) -> None:
    answered(monkeypatch, document())
    command = ["fleet", "plan", "-f", shops, "--depth", "azure"]
    main([*command, "-o", "jsonl", "--out", str(tmp_path / "plan")])
    assert capsys.readouterr().out == (tmp_path / "plan").read_text(encoding="utf-8") == PlanFile.of(document()).text()
    main([*command, "-o", "json"])
    assert json.loads(capsys.readouterr().out) == document()
    main(command)
    printed = capsys.readouterr()
    assert [line.split() for line in printed.out.splitlines()[1:]][:2] == [
        ["a", "clusters", "create"],
        ["b", "clusters", "change", "tags"],
    ]
    assert "shops (onboard): 1 create, 1 change, 1 busy; 2 writes" in printed.err


def test_a_plan_is_compared_with_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shops: str, file: Path
) -> None:
    answered(monkeypatch, document({**FORECASTS, A: Forecast("unchanged")}))
    command = ["fleet", "plan", "-f", shops, "--diff", str(file), "--out", str(file), "--quiet"]
    assert main([*command, "-o", "jsonl"]) == 2
    assert json.loads(capsys.readouterr().out) == {
        "resourceId": A,
        "before": Forecast("create").as_json(),
        "after": Forecast("unchanged").as_json(),
    }
    # The new plan took the file's place.
    assert main([*command, "-o", "json"]) == 2
    assert json.loads(capsys.readouterr().out) == {"value": []}
    answered(monkeypatch, document({A: Forecast("adopt"), B: FORECASTS[B]}))
    main(command)
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["Member", "Group", "Before", "After"],
        ["~", "a", "clusters", "unchanged", "adopt"],
        ["-", "ü", "clusters", "busy", "(ARC-6003)"],
    ]
