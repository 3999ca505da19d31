"""The function app as Azure loads it: Microsoft's worker library indexes it in a process of its own."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from activities.blueprint import FLEET_STEPS, STEPS

ROOT = Path(__file__).parents[3]

# The worker library itself, driven as the embedded host drives it; nothing is served.
_INDEX = """
import asyncio, json, sys
from pathlib import Path
from arcway_local.functions.errors import HostError
from arcway_local.functions.worker import Worker
async def main():
    worker = Worker()
    try:
        await worker.load(Path(sys.argv[1]))
    except HostError as error:
        sys.exit(str(error))
    print(json.dumps({f.name: f.trigger["type"] for f in worker.functions}))
asyncio.run(main())
"""


def run_python(*arguments: str, cwd: Path = ROOT, **settings: str) -> subprocess.CompletedProcess[str]:
    local = {"ARCWAY_LOCAL": "1", "WEBSITE_HOSTNAME": "127.0.0.1"}
    environment = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), **local, **settings}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment, cwd=cwd, timeout=240, check=False
    )


def test_azures_own_worker_library_accepts_the_app() -> None:
    completed = run_python("-c", _INDEX, str(ROOT))
    assert completed.returncode == 0, completed.stderr
    kinds = json.loads(completed.stdout)
    steps = {step.__name__ for step in (*STEPS, *FLEET_STEPS)}
    assert {name for name, kind in kinds.items() if kind == "activityTrigger"} - {"BuiltIn__HttpActivity"} == steps
    assert {kinds[name] for name in ("operation", "fleet", "fleet_page")} == {"orchestrationTrigger"}
    assert max(name for name, kind in kinds.items() if kind == "httpTrigger") == "zz_path"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("payload: dict) -> dict:", "payload: dict[str, object]) -> dict:"),
        ('input_name="payload"', 'input_name="other"'),
    ],
)
def test_what_azure_would_refuse_fails_this_test(tmp_path: Path, old: str, new: str) -> None:
    ignore = shutil.ignore_patterns(".*", "__pycache__", "tests", "docs")
    shutil.copytree(ROOT, tmp_path / "app", ignore=ignore)
    for path in (tmp_path / "app" / "activities").glob("*.py"):
        path.write_text(path.read_text().replace(old, new))
    completed = run_python("-c", _INDEX, str(tmp_path / "app"), cwd=tmp_path / "app", PYTHONPATH=str(tmp_path / "app"))
    assert completed.returncode != 0


def test_wrong_settings_keep_the_app_from_starting_and_are_all_named() -> None:
    completed = run_python("-c", "import function_app", ARCWAY_ARM_ENDPOINT="http://x", ARCWAY_HELM_WORKERS="many")
    assert completed.returncode != 0
    assert "ARCWAY_ARM_ENDPOINT must be an https address; ARCWAY_HELM_WORKERS must be" in completed.stderr


def test_importing_the_app_loads_no_heavy_sdk() -> None:
    code = (
        "import function_app, sys, json;"
        "print(json.dumps([name for name in ('kubernetes', 'azure.mgmt', 'azure.identity', 'azure.keyvault',"
        " 'msal', 'jwt', 'helm_python', 'azure.servicebus', 'aiohttp.web') if name in sys.modules]))"
    )
    completed = run_python("-W", "ignore", "-c", code)
    assert json.loads(completed.stdout) == [], completed.stderr


def test_deployed_requirements_do_not_hold_the_embedded_stack() -> None:
    deployed = (ROOT / "requirements.txt").read_text()
    for package in ("typer", "rich", "pytest", "azure-functions-runtime"):
        assert f"\n{package}==" not in deployed
    for line in deployed.splitlines():
        assert "://" not in line


def sample(message: str) -> Any:
    return json.loads((ROOT / message).read_text())


def test_every_setting_that_is_read_is_in_the_sample() -> None:
    read = set(re.findall(r'environ(?:ment)?\.get\(\s*"([A-Z_]+)"', (ROOT / "arcway" / "settings.py").read_text()))
    read |= set(re.findall(r'_count\(environment, "([A-Z_]+)"', (ROOT / "arcway" / "settings.py").read_text()))
    assert read
    assert read <= sample("local.settings.sample.json")["Values"].keys()


@pytest.mark.parametrize("name", ["host.json", "local.settings.sample.json"])
def test_configuration_files_are_json(name: str) -> None:
    assert isinstance(sample(name), dict)
