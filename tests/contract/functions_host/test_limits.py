"""What the host does not let happen: functions without end, JSON without bottom, clients that stall one another."""

import json
from pathlib import Path

import pytest

from tests.contract.functions_host.hosting import MANAGEMENT, Host, hosted, sample_app

DEEP = "[" * 20_000 + "]" * 20_000


def test_a_function_that_takes_too_long_fails(tmp_path: Path) -> None:
    app = sample_app(tmp_path)
    settings = json.loads((app / "host.json").read_text())
    (app / "host.json").write_text(json.dumps(settings | {"functionTimeout": "00:00:01"}))
    with hosted(app, tmp_path / "stderr.log") as host:
        result = host.run("busy_once", "late", 600)
        assert result["runtimeStatus"] == "Failed"
        assert "Timeout value of 1 s was exceeded by function: Functions.busy" in result["output"]
        assert host.run("echo", "after", 1)["output"] == 1


@pytest.mark.parametrize(
    "path", ["instances/{}/raiseEvent/go", "orchestrators/echo", "orchestrators/echo/{}"], ids=["event", "new", "named"]
)
def test_json_without_bottom_is_a_bad_request(host: Host, name: str, path: str) -> None:
    host.start("listens", name)
    url = f"{MANAGEMENT}/{path.format(name)}"
    answer = host.http.post(url, content=DEEP, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert host.post(f"{name}/terminate").status_code == 202


def test_admin_refuses_json_without_bottom(host: Host) -> None:
    content = f'{{"input": {DEEP}}}'
    assert host.http.post("/admin/functions/shout", content=content).status_code == 400
