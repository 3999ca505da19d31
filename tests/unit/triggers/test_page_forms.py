"""The form that connects a cluster, from its fields to the request of the check and the stored kubeconfig."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from arcway.domain.json_values import Json
from tests.installations import local_installation
from tests.unit.cluster.test_contexts import CONFIG
from tests.unit.triggers.pages import Page, text
from tests.unit.triggers.task_hub import SUBSCRIPTION, TaskHub
from triggers.access.callers import Role

FIELDS: Json = {
    "name": " shop ",
    "resourceGroup": "clusters",
    "location": "eastus",
    "subscriptionId": SUBSCRIPTION,
    "kubeconfig": json.dumps(CONFIG),
}
OPTIONS: Json = {
    "context": "one",
    "tags": "a=b=c\n\n d=e ",
    "proxy.https": "https://proxy.example:8443",
    "proxy.http": "http://proxy.example:8080",
    "proxy.skipRange": "10.0.0.0/8",
    "createResourceGroup": "true",
    "checkNetwork": "true",
    "failFast": "true",
    "takeOver": "true",
    "order": "resource-first",
    "onFailure": "rollback",
}


@pytest.fixture
def page(hub: TaskHub, tmp_path: Path) -> Page:
    return Page(hub, *Role, installation=local_installation(ARCWAY_SECRETS_DIR=str(tmp_path)))


def stored_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("arcway-"))


def content_of(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.iterdir() if path.is_file())


def value_of(document: str, field: str) -> str | None:
    found = re.search(rf'<input [^>]*name="{re.escape(field)}" value="([^"]*)"', document)
    return found.group(1) if found else None


def is_checked(document: str, field: str) -> bool:
    found = re.search(rf'<input type="checkbox" id="{field}"[^>]*>', document)
    assert found
    return " checked" in found.group(0)


async def test_the_form_starts_a_check_and_keeps_one_context(page: Page, hub: TaskHub, tmp_path: Path) -> None:
    response = await page.send("POST page/start", form=FIELDS)
    run = hub.only
    assert (response.status_code, response.headers["Location"]) == (
        303,
        f"/api/page/runs/{run.instance_id}.{run.payload['runId']}",
    )
    request = run.payload["request"]
    assert (request["operation"], request["name"], request["location"]) == ("check", "shop", "eastus")
    assert (request["resourceGroup"], request["subscriptionId"]) == ("clusters", SUBSCRIPTION)
    assert [request[name] for name in ("createResourceGroup", "checkNetwork", "failFast", "takeOver")] == [False] * 4
    assert run.payload["startedBy"] == {"name": "Olga", "objectId": "x"}
    (secret,) = {name.removesuffix(".json") for name in stored_in(tmp_path)}
    assert request["kubeconfig"]["secret"] == secret
    kept = content_of(tmp_path)
    assert "token-of-b" in kept
    assert "token-of-a" not in kept
    assert "token-of-b" not in json.dumps(run.payload)


async def test_the_form_has_all_options(page: Page, hub: TaskHub) -> None:
    await page.send("POST page/start", form={**FIELDS, **OPTIONS})
    request = hub.only.payload["request"]
    assert request["tags"] == {"a": "b=c", "d": "e"}
    assert {name: request["proxy"][name] for name in ("https", "http", "skipRange")} == {
        "https": "https://proxy.example:8443",
        "http": "http://proxy.example:8080",
        "skipRange": "10.0.0.0/8",
    }
    assert [request[name] for name in ("createResourceGroup", "checkNetwork", "failFast", "takeOver")] == [True] * 4
    assert (request["order"], request["onFailure"]) == ("resource-first", "rollback")


async def test_the_form_comes_back_as_it_was_with_all_problems(page: Page, hub: TaskHub, tmp_path: Path) -> None:
    wrong = {**FIELDS, **OPTIONS, "name": "a/b", "location": "", "tags": "a=b\nodd", "kubeconfig": ""}
    response = await page.send("POST page/start", form=wrong)
    document = text(response)
    assert response.status_code == 400
    listed = re.findall(r"<li>([\w.]+): ", document)
    assert sorted(listed) == ["kubeconfig", "location", "name", "tags"]
    assert "is required, as a file or as text" in document
    assert "must be lines of name=value" in document
    for field in ("resourceGroup", "subscriptionId", "proxy.https", "proxy.http", "proxy.skipRange"):
        assert value_of(document, field) == wrong[field]
    assert value_of(document, "name") == "a/b"
    for field in ("createResourceGroup", "checkNetwork", "failFast", "takeOver"):
        assert is_checked(document, field)
    assert '<option value="resource-first" selected>' in document
    assert '<option value="rollback" selected>' in document
    assert "<details open>" in document
    assert not hub.instances
    assert not stored_in(tmp_path)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kubeconfig": "a: ["}, "kubeconfig"),
        ({"context": "missing"}, "context"),
        ({"kubeconfig": json.dumps(CONFIG).replace('"token": "token-of-b"', '"exec": {"command": "x"}')}, "kubeconfig"),
    ],
)
async def test_what_is_wrong_with_a_kubeconfig_is_beside_its_field(
    page: Page, hub: TaskHub, tmp_path: Path, changes: Json, field: str
) -> None:
    response = await page.send("POST page/start", form={**FIELDS, **changes})
    assert response.status_code == 400
    assert f'<p class="problem" id="{field}-problem-1">' in text(response)
    assert "token-of" not in text(response)
    assert not hub.instances
    assert not stored_in(tmp_path)


async def test_a_kubeconfig_is_not_kept_if_the_check_is_refused(page: Page, hub: TaskHub, tmp_path: Path) -> None:
    hub.is_down = True
    assert (await page.send("POST page/start", form=FIELDS)).status_code == 503
    assert not stored_in(tmp_path)


async def test_the_empty_form_is_empty(page: Page) -> None:
    document = text(await page.send("GET page/start"))
    assert "<details>" in document
    assert value_of(document, "name") == ""
    assert not is_checked(document, "takeOver")
    assert f'<option value="{SUBSCRIPTION}">' not in document


async def test_the_form_offers_the_subscriptions_of_runs(page: Page, hub: TaskHub) -> None:
    await page.send("POST page/start", form=FIELDS)
    hub.only.created_at = hub.only.last_updated_at = datetime.now(UTC)
    assert f'<option value="{SUBSCRIPTION}"></option>' in text(await page.send("GET page/start"))


@pytest.mark.parametrize(
    ("kubeconfig", "names"),
    [(json.dumps(CONFIG), ["one", "two"]), ("", []), ("[]", [])],
)
async def test_contexts_are_offered_while_the_form_is_filled(
    page: Page, tmp_path: Path, kubeconfig: str, names: list[Any]
) -> None:
    response = await page.send("POST page/start/contexts", form={"kubeconfig": kubeconfig})
    document = text(response)
    assert response.status_code == 200
    assert [name for name in ("one", "two") if f'value="{name}"' in document] == names
    assert ('<option value="two" selected' in document) is bool(names)
    assert ('class="problem"' in document) is (kubeconfig == "[]")
    assert not stored_in(tmp_path)
