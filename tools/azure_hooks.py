"""What azd calls around its own steps: `python -m tools.azure_hooks preprovision|postprovision|prepackage|postdeploy`.

Registers the API in Entra ID, puts the secrets of the page into the vault, builds the package, and waits until the
service is healthy. Each may be repeated: it reads what is there and changes what differs. Secrets go through private
files, never through a command line. Needs Azure's command line (`az`) and azd. Exits with 1 and a sentence on failure.
"""

import base64
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tools import package

ROOT = Path(__file__).resolve().parents[1]
CLIENT_SECRET, SESSION_KEYS = "arcway-page-client", "arcway-page-session"
SECRET_DAYS, RENEWAL_DAYS = 180, 30
HEALTH_SECONDS, ROLE_SECONDS, PAUSE_SECONDS = 600.0, 300.0, 10.0
_AZURE_COMMAND_LINE = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
_FIELDS = ("id", "appId", "displayName", "identifierUris", "api", "appRoles", "web")
_OF_DEPLOYER = ("Arcway.Read", "Arcway.Onboard", "Arcway.Offboard")


class HookError(Exception):
    """One sentence why the hook failed."""


class Azure:
    """Azure's command line and azd, as the user who deploys is signed in to them."""

    def __init__(self, pause: Callable[[float], None] = time.sleep) -> None:
        self.pause = pause

    def run(self, program: str, *arguments: str) -> str:
        """What a program prints. Raises `HookError` with the last line of its errors."""
        path = shutil.which(program)
        if path is None:
            raise HookError(f"{program} is not installed; see docs/deploy.md.")
        completed = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)
        if completed.returncode:
            lines = completed.stderr.strip().splitlines() or ["no message"]
            raise HookError(f"{program} {arguments[0]} failed: {lines[-1]}")
        return completed.stdout.strip()

    def graph(self, method: str, path: str, body: Mapping[str, Any] | None = None, *headers: str) -> dict[str, Any]:
        """A request to Microsoft Graph; an empty object when the response has no body."""
        host = self.run("az", "cloud", "show", "--query", "endpoints.microsoftGraphResourceId", "--output", "tsv")
        command = ["rest", "--method", method, "--url", f"{host.rstrip('/')}/v1.0/{path}", "--output", "json"]
        # Before the body: az adds its own content type when it has none.
        command += ["--headers", "Content-Type=application/json", *headers]
        with tempfile.TemporaryDirectory() as folder:
            if body is not None:
                # In a file: shells of different systems quote JSON differently.
                file = Path(folder) / "body.json"
                file.write_text(json.dumps(body), encoding="utf-8")
                command += ["--body", f"@{file}"]
            output = self.run("az", *command)
        document: dict[str, Any] = json.loads(output) if output else {}
        return document


def preprovision(azure: Azure, environment: Mapping[str, str]) -> None:
    """Register the API, or bring its registration up to date, and tell azd its application id."""
    unique = f"arcway-{environment['AZURE_ENV_NAME']}-{environment['AZURE_SUBSCRIPTION_ID']}"
    document = json.loads((ROOT / "docs" / "app-registration.json").read_text(encoding="utf-8"))
    redirects = _redirects(environment)
    document |= {"displayName": f"Arcway ({environment['AZURE_ENV_NAME']})", "web": {"redirectUris": redirects}}
    current = _application(azure, unique)
    document = with_others(document, current)
    azure.graph("PATCH", f"applications(uniqueName='{unique}')", document, "Prefer=create-if-missing")
    application = _application(azure, unique)
    scope = document["api"]["oauth2PermissionScopes"][0]["id"]
    trusted = {"appId": _AZURE_COMMAND_LINE, "delegatedPermissionIds": [scope]}
    api = {**document["api"], "preAuthorizedApplications": [trusted]}
    change = with_others({"identifierUris": [f"api://{application['appId']}"], "api": api}, current)
    azure.graph("PATCH", f"applications/{application['id']}", change)
    principal = f"servicePrincipals(appId='{application['appId']}')"
    azure.graph("PATCH", principal, {"appRoleAssignmentRequired": True}, "Prefer=create-if-missing")
    _assign_roles(azure, environment, principal, document["appRoles"])
    azure.run("azd", "env", "set", "ARCWAY_CLIENT_ID", application["appId"])
    print(f"Application {application['appId']} is registered as {document['displayName']}.")


def _application(azure: Azure, unique: str) -> dict[str, Any]:
    """The registration; empty if there is none."""
    try:
        return azure.graph("GET", f"applications(uniqueName='{unique}')?$select={','.join(_FIELDS)}")
    except HookError as error:
        if "ResourceNotFound" not in str(error):
            raise
        return {}


def with_others(wanted: dict[str, Any], current: Mapping[str, Any]) -> dict[str, Any]:
    """What is wanted of a registration, and in each of its lists what others have added: Graph replaces whole lists."""
    whole: dict[str, Any] = {}
    for name, value in wanted.items():
        existing = current.get(name)
        if isinstance(value, dict):
            whole[name] = with_others(value, existing or {})
        elif isinstance(value, list):
            own = {_identity(item) for item in value}
            whole[name] = [*value, *(item for item in existing or () if _identity(item) not in own)]
        else:
            whole[name] = existing if name == "displayName" and existing else value
    return whole


def _identity(item: Any) -> str:
    """What makes an item of a list the same as another: its id, or itself if it is a text."""
    return str(item.get("id") or item.get("appId")) if isinstance(item, dict) else str(item)


def _redirects(environment: Mapping[str, str]) -> list[str]:
    """Where the page's sign-in returns to; none before the first deployment, which makes the address."""
    server = environment.get("ARCWAY_SERVER")
    return [f"{server}/api/page/callback", f"{server}/api/page"] if server else []


def _assign_roles(azure: Azure, environment: Mapping[str, str], principal: str, roles: list[dict[str, Any]]) -> None:
    """Let the user who deploys use the API; the roles of others are theirs to assign."""
    user = environment.get("AZURE_PRINCIPAL_ID")
    if not user or environment.get("AZURE_PRINCIPAL_TYPE", "User") != "User":
        return
    resource = azure.graph("GET", f"{principal}?$select=id")["id"]
    assigned = azure.graph("GET", f"{principal}/appRoleAssignedTo")["value"]
    current = {item["appRoleId"] for item in assigned if item["principalId"] == user}
    for role in roles:
        if role["value"] in _OF_DEPLOYER and role["id"] not in current:
            assignment = {"principalId": user, "resourceId": resource, "appRoleId": role["id"]}
            azure.graph("POST", f"{principal}/appRoleAssignedTo", assignment)


def postprovision(azure: Azure, environment: Mapping[str, str]) -> None:
    """Name the page's address in the registration, and put what is missing of the page's secrets into the vault."""
    unique = f"arcway-{environment['AZURE_ENV_NAME']}-{environment['AZURE_SUBSCRIPTION_ID']}"
    redirects = with_others({"web": {"redirectUris": _redirects(environment)}}, _application(azure, unique))
    azure.graph("PATCH", f"applications(uniqueName='{unique}')", redirects)
    vault = environment["ARCWAY_VAULT_NAME"]
    if _days_left(azure, vault, SESSION_KEYS) is None:
        _set_secret(azure, vault, SESSION_KEYS, base64.b64encode(secrets.token_bytes(32)).decode())
        print(f"{SESSION_KEYS} is set in {vault}.")
    days = _days_left(azure, vault, CLIENT_SECRET)
    if days is None or days < RENEWAL_DAYS:
        until = (datetime.now(UTC) + timedelta(days=SECRET_DAYS)).strftime("%Y-%m-%dT%H:%M:%SZ")
        credential = {"passwordCredential": {"displayName": "arcway-page", "endDateTime": until}}
        path = f"applications(uniqueName='{unique}')/addPassword"
        secret = azure.graph("POST", path, credential)["secretText"]
        _set_secret(azure, vault, CLIENT_SECRET, secret, "--expires", until)
        print(f"{CLIENT_SECRET} is set in {vault} until {until}; `azd provision` renews it in its last 30 days.")


def _days_left(azure: Azure, vault: str, name: str) -> float | None:
    """Days until a secret expires, many if it does not; None if there is none. Waits until roles have spread."""
    deadline = time.monotonic() + ROLE_SECONDS
    show = ("keyvault", "secret", "show", "--vault-name", vault, "--name", name, "--query", "attributes.expires")
    while True:
        try:
            expires = azure.run("az", *show, "--output", "tsv")
        except HookError as error:
            if "SecretNotFound" in str(error) or "was not found in this key vault" in str(error):
                return None
            if "Forbidden" not in str(error) or time.monotonic() > deadline:
                raise
            azure.pause(PAUSE_SECONDS)
            continue
        left = datetime.fromisoformat(expires) - datetime.now(UTC) if expires and expires != "None" else None
        return left.total_seconds() / 86400 if left is not None else float("inf")


def _set_secret(azure: Azure, vault: str, name: str, value: str, *options: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "secret"
        file.touch(mode=0o600)
        file.write_text(value, encoding="utf-8")
        command = ("keyvault", "secret", "set", "--vault-name", vault, "--name", name, "--file", str(file))
        azure.run("az", *command, "--encoding", "utf-8", "--output", "none", *options)


def prepackage(azure: Azure, environment: Mapping[str, str]) -> None:
    """Build the package with the host.json of the environment's back end."""
    try:
        sizes = package.build(ROOT / ".package", environment.get("DURABLE_BACKEND") or "scheduler")
    except (package.PackageError, KeyError) as error:
        raise HookError(f"The package cannot be built: {error}") from error
    print(f"Package: {sizes}")


def postdeploy(azure: Azure, environment: Mapping[str, str]) -> None:
    """Wait until the service is healthy: roles take some minutes to spread after the first deployment."""
    url = f"{environment['ARCWAY_SERVER']}/api/health"
    deadline = time.monotonic() + HEALTH_SECONDS
    while True:
        reason = _health(url)
        if reason is None:
            print(f"{url} is healthy. The page: {environment['ARCWAY_SERVER']}/api/page")
            return
        if time.monotonic() > deadline:
            raise HookError(f"{url} is not healthy after {HEALTH_SECONDS:.0f} s: {reason}. See docs/operations.md.")
        azure.pause(PAUSE_SECONDS)


def _health(url: str) -> str | None:
    """Why the service is not healthy, None when it is. A GET, because HEAD is not the same for every front end."""
    try:
        with urllib.request.urlopen(url, timeout=60) as response:  # noqa: S310 - azd's own output
            return None if response.status == 200 else f"it returned {response.status}"
    except urllib.error.HTTPError as error:
        return f"it returned {error.code} {error.read(200).decode(errors='replace').strip()}"
    except OSError as error:
        return f"it does not respond ({error})"


HOOKS = {hook.__name__: hook for hook in (preprovision, postprovision, prepackage, postdeploy)}


def main(arguments: list[str], environment: Mapping[str, str]) -> int:
    """Run the hook that the one argument names."""
    if len(arguments) != 1 or arguments[0] not in HOOKS:
        print(f"usage: python -m tools.azure_hooks {'|'.join(HOOKS)}", file=sys.stderr)
        return 2
    try:
        HOOKS[arguments[0]](Azure(), environment)
    except KeyError as error:
        print(f"{arguments[0]}: azd's environment has no {error.args[0]}.", file=sys.stderr)
        return 1
    except HookError as error:
        print(f"{arguments[0]}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
