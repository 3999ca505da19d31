"""host.json and local.settings.json."""

import json
import os
from pathlib import Path

import pytest

from arcway_local.functions.errors import HostError
from arcway_local.functions.settings import load_host_json, load_values, resolve


def test_defaults(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text('\ufeff{"version": "2.0"}')
    settings = load_host_json(tmp_path)
    cores = os.process_cpu_count() or 1
    assert (settings.route_prefix, settings.default_version) == ("api", None)
    assert settings.concurrency.activities == settings.concurrency.orchestrators == 10 * cores


def test_the_hub_name_may_be_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB", "Mine")
    document = {"version": "2.0", "extensions": {"durableTask": {"hubName": "%HUB%1"}, "http": {"routePrefix": "/v1/"}}}
    (tmp_path / "host.json").write_text(json.dumps(document))
    settings = load_host_json(tmp_path)
    assert (settings.hub_name, settings.route_prefix) == ("Mine1", "v1")


def test_a_missing_host_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"has no host\.json"):
        load_host_json(tmp_path)


@pytest.mark.parametrize(
    ("message", "seconds"),
    [("", 1800.0), (', "functionTimeout": "00:05:30"', 330.0), (', "functionTimeout": "-1"', None)],
)
def test_the_timeout_of_functions(tmp_path: Path, message: str, seconds: float | None) -> None:
    (tmp_path / "host.json").write_text(f'{{"version": "2.0"{message}}}')
    assert load_host_json(tmp_path).function_timeout == seconds


@pytest.mark.parametrize("message", ["soon", "00:00:00", "5"])
def test_a_timeout_that_is_none_is_refused(tmp_path: Path, message: str) -> None:
    (tmp_path / "host.json").write_text(f'{{"version": "2.0", "functionTimeout": "{message}"}}')
    with pytest.raises(HostError, match="functionTimeout"):
        load_host_json(tmp_path)


def test_values_do_not_override_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"KEPT": "old"})
    (tmp_path / "local.settings.json").write_text('{"Values": {"KEPT": "new", "ADDED": "1"}}')
    load_values(tmp_path)
    assert os.environ == {"KEPT": "old", "ADDED": "1", "FUNCTIONS_WORKER_RUNTIME": "python"}


@pytest.mark.parametrize("message", ['{"Values": []}', '{"Values": {"A": 1}}', "{", '{"IsEncrypted": true}'])
def test_a_wrong_settings_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, message: str) -> None:
    monkeypatch.setattr(os, "environ", {})
    (tmp_path / "local.settings.json").write_text(message)
    with pytest.raises(HostError, match=r"local\.settings\.json"):
        load_values(tmp_path)


def test_text_without_a_reference_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A", "1")
    assert resolve("0 %A% 100") == "0 1 100"
    assert resolve("100%") == "100%"


def test_settings_override_host_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "host.json").write_text('{"version": "2.0", "functionTimeout": "00:05:00"}')
    monkeypatch.setenv("AzureFunctionsJobHost__extensions__durableTask__maxConcurrentActivityFunctions", "7")
    monkeypatch.setenv("AzureFunctionsJobHost__functionTimeout", "00:00:30")
    settings = load_host_json(tmp_path)
    assert (settings.concurrency.activities, settings.function_timeout) == (7, 30.0)


def test_an_override_within_a_value_that_is_not_an_object_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    monkeypatch.setenv("AzureFunctionsJobHost__version__part", "1")
    with pytest.raises(HostError, match="version is not an object"):
        load_host_json(tmp_path)
