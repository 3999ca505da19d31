"""The API's description and the function app's routes are the same, and the HTML reference is made from it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.api_reference import FILE, page
from triggers.access.callers import Role

ROOT = Path(__file__).parents[3]

_SHOW = """
import json, function_app
from triggers.api_description.document import document, is_described
routes = [f.get_trigger().route for f in function_app.app.get_functions() if f.get_trigger().type == "httpTrigger"]
authority = function_app.installation.settings.authority
print(json.dumps({"described": [route for route in routes if is_described(route)],
    "left out": [route for route in routes if not is_described(route)], "document": document(authority)}))
"""


def shown(**settings: str) -> dict[str, Any]:
    completed = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _SHOW],
        capture_output=True,
        text=True,
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), "WEBSITE_HOSTNAME": "127.0.0.1", **settings},
        cwd=ROOT,
        timeout=240,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
    document: dict[str, Any] = json.loads(completed.stdout)
    return document


@pytest.fixture(scope="module")
def local() -> dict[str, Any]:
    return shown(ARCWAY_LOCAL="1")


def test_every_route_is_described_and_every_described_route_exists(local: dict[str, Any]) -> None:
    assert sorted(local["document"]["paths"]) == sorted(f"/{route}" for route in local["described"])
    assert len(local["described"]) > 10


def test_only_the_page_and_unknown_paths_are_left_out(local: dict[str, Any]) -> None:
    page_routes = [route for route in local["left out"] if route == "page" or route.startswith("page/")]
    assert [route for route in local["left out"] if route not in page_routes] == ["{*path}"]
    assert page_routes


def test_every_operation_says_what_it_needs_takes_and_answers(local: dict[str, Any]) -> None:
    names = []
    for path, methods in local["document"]["paths"].items():
        for method, operation in methods.items():
            names.append(operation["operationId"])
            assert operation["summary"], path
            assert {"400", "500"} < operation["responses"].keys()
            assert [item["name"] for item in operation["parameters"] if item["in"] == "path"] == [
                part[1:-1] for part in path.split("/") if part.startswith("{")
            ]
            if body := operation.get("requestBody"):
                assert body["content"]["application/json"]["examples"], path
                assert "415" in operation["responses"]
            assert ("requestBody" in operation) <= (method in ("post", "patch"))
    assert len(names) == len(set(names))


def test_examples_are_requests(local: dict[str, Any]) -> None:
    from arcway.domain.request import parse_request

    count = 0
    for path, operation in (("on", "onboard"), ("off", "offboard")):
        content = local["document"]["paths"][f"/{path}boardings"]["post"]["requestBody"]["content"]
        for example in content["application/json"]["examples"].values():
            parse_request({"operation": operation, **example["value"]})
            count += 1
    for operation in ("update", "upgrade"):
        content = local["document"]["paths"][f"/{operation}s"]["post"]["requestBody"]["content"]
        for example in content["application/json"]["examples"].values():
            parse_request({"operation": operation, **example["value"]})
            count += 1
    assert count >= 6


def test_with_an_authority_each_operation_names_its_roles() -> None:
    tenant, client = "99999999-8888-7777-6666-555555555555", "cccccccc-4444-5555-6666-777777777777"
    document = shown(ARCWAY_TENANT_ID=tenant, ARCWAY_CLIENT_ID=client)["document"]
    (scheme,) = document["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    assert tenant in scheme["description"]
    assert client in scheme["description"]
    open_ = []
    for path, methods in document["paths"].items():
        for operation in methods.values():
            roles = {role for item in operation.get("security", ()) for names in item.values() for role in names}
            assert roles <= {str(role) for role in Role}
            assert bool(roles) == ("401" in operation["responses"]), path
            open_ += [path] if not roles else []
    assert open_ == ["/health", "/openapi.json"]
    assert [*document["paths"]["/offboardings"]["post"]["security"][0].values()] == [["Arcway.Offboard"]]


def test_without_an_authority_nothing_is_said_of_tokens(local: dict[str, Any]) -> None:
    assert "securitySchemes" not in local["document"]["components"]


def test_the_html_reference_is_current_and_loads_nothing(local: dict[str, Any]) -> None:
    document = FILE.read_text()
    assert document == page(local["document"]), "run scripts/write-api-reference"
    for loading in ("<script", "<link", "<img", "<iframe", "@import", "url("):
        assert loading not in document
