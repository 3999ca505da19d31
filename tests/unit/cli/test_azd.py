"""The command line finds what azd deployed from this clone, and nothing that could be someone else's."""

import json
from pathlib import Path

import pytest

from arcway.cli import azd, embedded
from arcway.cli.client import ArcwayClient, CommandError

SERVER = "https://func-arcway.azurewebsites.net"
SCOPE = "api://3f2504e0-4f89-41d3-9a0c-0305e82c3302/.default"


def project(folder: Path, server: str = SERVER, scope: str = SCOPE, name: object = "dev") -> Path:
    (folder / ".azure" / "dev").mkdir(parents=True)
    (folder / ".azure" / "config.json").write_text(json.dumps({"version": 1, "defaultEnvironment": name}))
    values = f'AZURE_LOCATION="westeurope"\nARCWAY_SERVER="{server}"\nARCWAY_SCOPE="{scope}"\n'
    (folder / ".azure" / "dev" / ".env").write_text(values)
    return folder


def test_deployment_is_read_from_azds_environment(tmp_path: Path) -> None:
    assert azd.deployment(project(tmp_path)) == azd.Deployment(SERVER, SCOPE)


@pytest.mark.parametrize(
    "changes",
    [
        {"server": "http://func-arcway.azurewebsites.net"},
        {"server": ""},
        {"scope": "https://management.azure.com/.default"},
        {"scope": ""},
        {"name": "../dev"},
        {"name": None},
    ],
)
def test_what_azd_would_not_write_is_not_used(tmp_path: Path, changes: dict[str, str]) -> None:
    assert azd.deployment(project(tmp_path, **changes)) is None


def test_no_deployment(tmp_path: Path) -> None:
    assert azd.deployment(tmp_path) is None


def test_command_finds_the_deployment_when_nothing_is_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARCWAY_SCOPE", raising=False)
    monkeypatch.setattr(embedded, "running", lambda _: None)
    monkeypatch.setattr(azd, "deployment", lambda: azd.Deployment(SERVER, SCOPE))
    connected = ArcwayClient.find(None)
    assert (connected.url, connected.stack) == (SERVER, None)


def test_nothing_deployed_and_nothing_running_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "running", lambda _: None)
    monkeypatch.setattr(azd, "deployment", lambda: None)
    with pytest.raises(CommandError, match="No local Arcway is running"):
        ArcwayClient.find(None)
