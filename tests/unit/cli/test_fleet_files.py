"""What a fleet's file says: YAML, JSON and CSV, and the line that is wrong."""

import io
from pathlib import Path

import pytest

from arcway.cli.client import USAGE, CommandError
from arcway.cli.fleet_files import read_fleet, with_options
from arcway.domain.json_values import Json

EXPECTED: Json = {
    "fleet": "shops",
    "window": 20,
    "defaults": {"location": "eastus", "createResourceGroup": True, "tags": {"team": "1"}},
    "members": [{"name": "a"}, {"name": "b", "proxy": None}],
}


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_yaml_and_json_say_the_same(tmp_path: Path) -> None:
    yaml = """
fleet: shops
window: 20
defaults: {location: eastus, createResourceGroup: true, tags: {team: "1"}}
members:
- name: a
- {name: b, proxy: null}
"""
    json = """{"fleet": "shops", "window": 20, "members": [{"name": "a"}, {"name": "b", "proxy": null}],
      "defaults": {"location": "eastus", "createResourceGroup": true, "tags": {"team": "1"}}}"""
    assert read_fleet(write(tmp_path, "f.yaml", yaml)) == EXPECTED
    assert read_fleet(write(tmp_path, "f.json", json)) == EXPECTED


def test_csv_has_a_line_for_each_member(tmp_path: Path) -> None:
    text = (
        "name,resourceGroup,kubeconfig.secret,tags.stage,tags.a.b,createResourceGroup,proxy\n"
        "a,,arcway-a,true,x,true,\n"
        "\n"
        '"b",north,,,,false,\\-\n'
    )
    assert read_fleet(write(tmp_path, "f.csv", text)) == {
        "members": [
            {
                "name": "a",
                "kubeconfig": {"secret": "arcway-a"},
                "tags": {"stage": "true", "a.b": "x"},
                "createResourceGroup": True,
            },
            {"name": "b", "resourceGroup": "north", "createResourceGroup": False, "proxy": None},
        ]
    }


def test_a_file_may_have_a_byte_order_mark_and_come_from_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f.csv").write_bytes("name\na\n".encode("utf-8-sig"))
    assert read_fleet(str(tmp_path / "f.csv")) == {"members": [{"name": "a"}]}
    monkeypatch.setattr("sys.stdin", io.StringIO("fleet: x\nmembers: [{name: a}]\n"))
    assert read_fleet("-") == {"fleet": "x", "members": [{"name": "a"}]}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("f.csv", "", "f.csv:1: the header"),
        ("f.csv", "location\neastus\n", "f.csv:1: the header"),
        ("f.csv", "name,name\na,b\n", "f.csv:1: the header"),
        ("f.csv", "name,location\na,eastus\nb\n", "f.csv:3: 1 cells, but the header has 2"),
        ("f.csv", 'name\n"a\n', "f.csv:"),
        ("f.json", '{"fleet": "x",\n"members": [}', "f.json:2: not JSON"),
        ("f.yaml", "fleet: x\nmembers: &a [1]\n", "f.yaml:2: "),
        ("f.yaml", "- a\n", "does not have an object"),
        ("missing.yaml", None, "cannot be read"),
    ],
)
def test_the_line_that_is_wrong_is_named(tmp_path: Path, name: str, text: str | None, message: str) -> None:
    file = write(tmp_path, name, text) if text is not None else str(tmp_path / name)
    with pytest.raises(CommandError) as caught:
        read_fleet(file)
    assert caught.value.exit_code == USAGE
    assert message in str(caught.value)


def test_options_win_over_the_file() -> None:
    body = with_options(
        EXPECTED,
        name="other",
        operation="update",
        fields=[
            "location=westeurope",
            "kubeconfig.secret=arcway-{name}",
            "tags.stage=prod",
            "createResourceGroup=false",
        ],
        window=None,
    )
    assert body == {
        **EXPECTED,
        "fleet": "other",
        "operation": "update",
        "defaults": {
            "location": "westeurope",
            "createResourceGroup": False,
            "tags": {"team": "1", "stage": "prod"},
            "kubeconfig": {"secret": "arcway-{name}"},
        },
    }
    with pytest.raises(CommandError, match="must be FIELD=VALUE"):
        with_options({}, name=None, operation=None, fields=["location"])


def test_features_are_columns_and_defaults(tmp_path: Path) -> None:
    csv = "name,features.clusterConnect,features.customLocations.enabled,features.customLocations.objectId\n"
    csv += "a,false,,\nb,,true,51dfe1e8\nc,,,\n"
    members = read_fleet(write(tmp_path, "f.csv", csv))["members"]
    assert members == [
        {"name": "a", "features": {"clusterConnect": False}},
        {"name": "b", "features": {"customLocations": {"enabled": True, "objectId": "51dfe1e8"}}},
        {"name": "c"},
    ]
    body = with_options({}, name="f", operation=None, fields=["features.oidcIssuer.enabled=true"])
    assert body["defaults"] == {"features": {"oidcIssuer": {"enabled": True}}}
