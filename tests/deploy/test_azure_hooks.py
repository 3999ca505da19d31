"""What azd's hooks ask of Azure: complete, the same when it is repeated, and without a secret on a command line."""

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tools import azure_hooks
from tools.azure_hooks import Azure, HookError

ENVIRONMENT = {
    "AZURE_ENV_NAME": "dev",
    "AZURE_SUBSCRIPTION_ID": "aaaaaaaa-0000-4000-8000-000000000001",
    "AZURE_PRINCIPAL_ID": "user",
    "ARCWAY_SERVER": "https://func-arcway.azurewebsites.net",
    "ARCWAY_VAULT_NAME": "kv-arcway",
}
SECRET = "planted-secret-9Zk"

# A stand-in for `az` and `azd`: it answers as the real ones do where the hooks look, and keeps what it was asked.
_PROGRAM = """#!{python}
import json, os, sys
from pathlib import Path
world = Path({world!r})
state = json.loads(world.read_text())
arguments = sys.argv[1:]
name = Path(sys.argv[0]).name
body = None
for argument in arguments:
    if argument.startswith("@"):
        body = json.loads(Path(argument[1:]).read_text())
def option(text):
    return arguments[arguments.index(text) + 1]
answer, failure = "", ""
if name == "azd":
    state["azd"][arguments[2]] = arguments[3]
elif arguments[:2] == ["cloud", "show"]:
    answer = "https://graph.example/"
elif arguments[:3] == ["keyvault", "secret", "show"]:
    if state["forbidden"]:
        state["forbidden"] -= 1
        failure = "(Forbidden) Caller is not authorized"
    elif option("--name") in state["secrets"]:
        answer = state["secrets"][option("--name")]["expires"]
    else:
        failure = "(SecretNotFound) A secret with this name was not found in this key vault."
elif arguments[:3] == ["keyvault", "secret", "set"]:
    expires = option("--expires") if "--expires" in arguments else "None"
    value = Path(option("--file")).read_text()
    state["secrets"][option("--name")] = {{"value": value, "expires": expires}}
elif arguments[0] == "rest":
    method, url = option("--method"), option("--url").partition("/v1.0/")[2]
    state["graph"].append([method, url, body, arguments])
    if url.endswith("addPassword"):
        answer = json.dumps({{"secretText": {secret!r}}})
    elif method == "GET" and url.endswith("appRoleAssignedTo"):
        answer = json.dumps({{"value": state["assigned"]}})
    elif method == "POST":
        state["assigned"].append(body)
    elif method == "GET" and url.startswith("applications(") and not state["registered"]:
        failure = 'ERROR: Not Found({{"error":{{"code":"Request_ResourceNotFound"}}}})'
    elif method == "PATCH":
        state["registered"] = True
    elif method == "GET" and url.startswith("applications("):
        own = {{"id": "object-id", "appId": "3f2504e0-4f89-41d3-9a0c-0305e82c3301"}}
        answer = json.dumps({{**own, **state["application"]}})
    elif method == "GET":
        answer = json.dumps({{"id": "object-id", "appId": "3f2504e0-4f89-41d3-9a0c-0305e82c3301"}})
state["commands"].append([name, *arguments])
world.write_text(json.dumps(state))
print(answer)
if failure:
    print(failure, file=sys.stderr)
    sys.exit(1)
"""


class World:
    """Azure as the stand-ins know it."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "world.json"
        empty: dict[str, Any] = {"azd": {}, "graph": [], "secrets": {}, "assigned": [], "commands": [], "forbidden": 0}
        empty |= {"registered": False, "application": {}}
        self._file.write_text(json.dumps(empty))
        for name in ("az", "azd"):
            program = folder / name
            program.write_text(_PROGRAM.format(python=sys.executable, world=str(self._file), secret=SECRET))
            program.chmod(0o755)

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self._file.read_text())
        return state

    def change(self, **changes: Any) -> None:
        self._file.write_text(json.dumps(self.state | changes))

    def asked(self, method: str, url: str) -> list[Any]:
        """The bodies of the requests of this kind."""
        return [body for a_method, a_url, body, _ in self.state["graph"] if (a_method, a_url) == (method, url)]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("PATH", str(tmp_path))
    return World(tmp_path)


def azure() -> Azure:
    return Azure(pause=lambda _: None)


UNIQUE = "applications(uniqueName='arcway-dev-aaaaaaaa-0000-4000-8000-000000000001')"
PRINCIPAL = "servicePrincipals(appId='3f2504e0-4f89-41d3-9a0c-0305e82c3301')"


def test_api_is_registered_with_the_roles_of_the_document(world: World) -> None:
    azure_hooks.preprovision(azure(), ENVIRONMENT)
    (registration,) = world.asked("PATCH", UNIQUE)
    assert [role["value"] for role in registration["appRoles"]] == [
        f"Arcway.{name}" for name in ("Read", "Onboard", "Offboard", "Approve")
    ]
    (change,) = world.asked("PATCH", "applications/object-id")
    assert change["identifierUris"] == ["api://3f2504e0-4f89-41d3-9a0c-0305e82c3301"]
    assert change["api"]["requestedAccessTokenVersion"] == 2
    assert world.asked("PATCH", PRINCIPAL) == [{"appRoleAssignmentRequired": True}]
    assert world.state["azd"] == {"ARCWAY_CLIENT_ID": "3f2504e0-4f89-41d3-9a0c-0305e82c3301"}
    upserts = [arguments for method, url, _, arguments in world.state["graph"] if url in (UNIQUE, PRINCIPAL)]
    assert all("Prefer=create-if-missing" in arguments for arguments in upserts if "PATCH" in arguments)


def test_what_others_added_to_the_registration_stays(world: World) -> None:
    client = {"appId": "client-of-others", "delegatedPermissionIds": ["scope-of-others"]}
    role = {"id": "role-of-others", "value": "Audit", "isEnabled": True}
    callback = "https://arcway.example.org/api/page/callback"
    application = {
        "displayName": "Arcway of the platform team",
        "identifierUris": ["api://arcway.example.org"],
        "api": {"preAuthorizedApplications": [client], "acceptMappedClaims": True},
        "appRoles": [role],
        "web": {"redirectUris": [callback], "logoutUrl": "https://arcway.example.org/out"},
    }
    world.change(registered=True, application=application)
    azure_hooks.preprovision(azure(), ENVIRONMENT)
    azure_hooks.postprovision(azure(), ENVIRONMENT)
    registration, redirects = world.asked("PATCH", UNIQUE)
    (change,) = world.asked("PATCH", "applications/object-id")
    assert registration["displayName"] == application["displayName"]
    assert (len(registration["appRoles"]), registration["appRoles"][-1]) == (5, role)
    for body in (registration, redirects):
        assert len(body["web"]["redirectUris"]) == 3
        assert body["web"]["redirectUris"][-1] == callback
    assert change["identifierUris"][1:] == application["identifierUris"]
    assert [item["appId"] for item in change["api"]["preAuthorizedApplications"]][1:] == [client["appId"]]


def test_deployer_gets_roles_once(world: World) -> None:
    azure_hooks.preprovision(azure(), ENVIRONMENT)
    azure_hooks.preprovision(azure(), ENVIRONMENT)
    assert len(world.state["assigned"]) == 3
    assert {item["principalId"] for item in world.state["assigned"]} == {"user"}


@pytest.mark.parametrize("other", [{"AZURE_PRINCIPAL_TYPE": "ServicePrincipal"}, {"AZURE_PRINCIPAL_ID": ""}])
def test_pipeline_that_deploys_gets_no_role(world: World, other: dict[str, str]) -> None:
    azure_hooks.preprovision(azure(), {**ENVIRONMENT, **other})
    assert world.state["assigned"] == []


def test_first_registration_has_no_address_and_the_next_hook_adds_it(world: World) -> None:
    first = {name: value for name, value in ENVIRONMENT.items() if name != "ARCWAY_SERVER"}
    azure_hooks.preprovision(azure(), first)
    azure_hooks.postprovision(azure(), ENVIRONMENT)
    addresses = [body["web"]["redirectUris"] for body in world.asked("PATCH", UNIQUE)]
    server = ENVIRONMENT["ARCWAY_SERVER"]
    assert addresses == [[], [f"{server}/api/page/callback", f"{server}/api/page"]]


def test_page_gets_its_secrets_and_keeps_them(world: World) -> None:
    azure_hooks.postprovision(azure(), ENVIRONMENT)
    first = world.state["secrets"]
    assert first["arcway-page-client"]["value"] == SECRET
    assert len(first["arcway-page-session"]["value"]) == 44
    azure_hooks.postprovision(azure(), ENVIRONMENT)
    assert world.state["secrets"] == first


def test_client_secret_is_renewed_in_its_last_days(world: World) -> None:
    old = {"value": "old", "expires": "2020-01-01T00:00:00+00:00"}
    world.change(secrets={"arcway-page-client": old, "arcway-page-session": {"value": "kept", "expires": "None"}})
    azure_hooks.postprovision(azure(), ENVIRONMENT)
    assert world.state["secrets"]["arcway-page-client"]["value"] == SECRET
    assert world.state["secrets"]["arcway-page-session"]["value"] == "kept"


def test_no_secret_is_on_a_command_line(world: World, tmp_path: Path) -> None:
    azure_hooks.postprovision(azure(), ENVIRONMENT)
    session = world.state["secrets"]["arcway-page-session"]["value"]
    commands = json.dumps(world.state["commands"])
    assert SECRET not in commands
    assert session not in commands


def test_roles_that_have_not_spread_are_waited_for(world: World) -> None:
    world.change(forbidden=3)
    azure_hooks.postprovision(azure(), ENVIRONMENT)
    assert set(world.state["secrets"]) == {"arcway-page-client", "arcway-page-session"}


def test_missing_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HookError, match="az is not installed"):
        azure_hooks.preprovision(azure(), ENVIRONMENT)


def test_setting_that_azd_does_not_have_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert azure_hooks.main(["postdeploy"], {}) == 1
    assert "azd's environment has no ARCWAY_SERVER" in capsys.readouterr().err


class Site:
    """A service that is unhealthy for some requests."""

    def __init__(self, failures: int) -> None:
        self.requests: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.requests.append(self.path)
                self.send_response(503 if len(site.requests) <= failures else 200)
                self.end_headers()
                self.wfile.write(b'{"engine": "failed"}')

            def log_message(self, *_: Any) -> None:
                """Nothing is logged."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    site = Site(request.param)
    yield site
    site.server.shutdown()
    site.server.server_close()


@pytest.mark.parametrize("site", [2], indirect=True)
def test_deployment_waits_until_the_service_is_healthy(site: Site) -> None:
    azure_hooks.postdeploy(azure(), {"ARCWAY_SERVER": f"http://127.0.0.1:{site.server.server_port}"})
    assert site.requests == ["/api/health"] * 3


@pytest.mark.parametrize("site", [99], indirect=True)
def test_service_that_stays_unhealthy_fails_the_deployment(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azure_hooks, "HEALTH_SECONDS", 0.0)
    with pytest.raises(HookError, match=r"it returned 503 .*engine"):
        azure_hooks.postdeploy(azure(), {"ARCWAY_SERVER": f"http://127.0.0.1:{site.server.server_port}"})


def test_azd_calls_every_hook() -> None:
    import yaml

    document = yaml.safe_load((azure_hooks.ROOT / "azure.yaml").read_text())
    assert set(document["hooks"]) == set(azure_hooks.HOOKS)
    for name, systems in document["hooks"].items():
        assert {system["run"].split()[-1] for system in systems.values()} == {name}
    assert document["services"]["api"]["dist"] == ".package/app"
