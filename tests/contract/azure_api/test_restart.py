"""A simulated Azure that was killed continues as if nothing had been: same tokens, resources, secrets, operations."""

import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import jwt

from tests.contract.azure_api.conftest import ROOT
from tests.contract.azure_api.test_flux_configurations import KEY, git
from tests.contract.azure_api.test_onboarding_sequence import body
from tests.contract.azure_api.test_policies import assignment
from tests.contract.azure_api.test_source_control import LEGACY
from tests.contract.azure_api.versions import add_version


@contextmanager
def running(folder: Path, port: int) -> Iterator[tuple[dict[str, str], httpx.Client]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "arcway_local.azure", "--dir", str(folder), "--port", str(port)],
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    ready = json.loads(process.stdout.readline())
    tls = ssl.create_default_context(cafile=ready["caFile"])
    with httpx.Client(base_url=ready["endpoint"], verify=tls, event_hooks={"request": [add_version]}) as http:
        yield ready, http
    process.send_signal(signal.SIGKILL)
    process.wait(240)
    process.stdout.close()


def test_nothing_that_had_a_response_is_forgotten(tmp_path: Path) -> None:
    with running(tmp_path, 0) as (ready, http):
        header = {"X-IDENTITY-HEADER": ready["identityHeader"]}
        token = http.get("/msi/token", params={"resource": ready["endpoint"]}, headers=header).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        subscription = f"/subscriptions/{ready['subscriptionId']}"
        http.post(f"{subscription}/providers/Microsoft.Kubernetes/register")
        assert http.get(f"{subscription}/providers/Microsoft.Kubernetes").json()["registrationState"] == "Registered"
        http.put(f"{subscription}/resourceGroups/group", json={"location": "eastus"})
        url = f"{subscription}/resourceGroups/group/providers/Microsoft.Kubernetes/connectedClusters/one"
        put = http.put(url, json=body())
        http.put("/secrets/arcway-one", json={"value": "kept"})
        http.put("/control/users", json={"eve": {"name": "Eve Example", "roles": ["Arcway.Read"]}})
        http.put("/control/applications", json={"robot": {"secret": "kept too"}})
        http.post("/control/rotate-key", json={"keep": True})
        keys = http.get(f"/{ready['tenantId']}/discovery/v2.0/keys").json()
    with running(tmp_path, int(ready["endpoint"].rpartition(":")[2])) as (reread, http):
        assert reread == ready
        http.headers["Authorization"] = f"Bearer {token}"
        assert http.get(f"{subscription}/providers/Microsoft.Kubernetes").json()["registrationState"] == "Registered"
        assert http.get(put.headers["Azure-AsyncOperation"]).json()["status"] == "Succeeded"
        document = http.get(url).json()
        assert (document["id"], document["identity"]) == (put.json()["id"], put.json()["identity"])
        assert document["properties"]["provisioningState"] == "Succeeded"
        assert http.get("/secrets/arcway-one").json()["value"] == "kept"
        assert http.get(f"/{ready['tenantId']}/discovery/v2.0/keys").json() == keys
        assert len(keys["keys"]) == 2
        claims = _claims(http.post("/control/tokens", json={"user": "eve"}).json()["access_token"])
        assert (claims["name"], claims["roles"]) == ("Eve Example", ["Arcway.Read"])
        form = {"grant_type": "client_credentials", "client_id": "robot", "client_secret": "kept too", "scope": "x"}
        assert http.post(f"/{ready['tenantId']}/oauth2/v2.0/token", data=form).status_code == 200


def test_extensions_and_their_operations_survive_a_restart(tmp_path: Path) -> None:
    with running(tmp_path, 0) as (ready, http):
        header = {"X-IDENTITY-HEADER": ready["identityHeader"]}
        token = http.get("/msi/token", params={"resource": ready["endpoint"]}, headers=header).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        subscription = f"/subscriptions/{ready['subscriptionId']}"
        for namespace in ("Microsoft.Kubernetes", "Microsoft.KubernetesConfiguration"):
            control = f"/control/providers/{ready['subscriptionId']}/{namespace}"
            http.put(control, json={"state": "Registered"}).raise_for_status()
        http.put(f"{subscription}/resourceGroups/group", json={"location": "eastus"})
        url = f"{subscription}/resourceGroups/group/providers/Microsoft.Kubernetes/connectedClusters/one"
        http.put(url, json=body()).raise_for_status()
        extension = f"{url}/providers/Microsoft.KubernetesConfiguration/extensions/flux"
        settings = {"configurationProtectedSettings": {"password": "hidden"}}
        put = http.put(extension, json={"properties": {"extensionType": "microsoft.flux", **settings}})
        assert put.status_code == 201
    with running(tmp_path, int(ready["endpoint"].rpartition(":")[2])) as (_, http):
        http.headers["Authorization"] = f"Bearer {token}"
        assert http.get(extension).json() == put.json()
        operation = http.get(put.headers["Azure-AsyncOperation"])
        assert (operation.status_code, operation.json()["status"]) == (200, "Creating")


def test_configurations_and_policies_survive_a_restart(tmp_path: Path) -> None:
    with running(tmp_path, 0) as (ready, http):
        header = {"X-IDENTITY-HEADER": ready["identityHeader"]}
        token = http.get("/msi/token", params={"resource": ready["endpoint"]}, headers=header).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        subscription = f"/subscriptions/{ready['subscriptionId']}"
        for namespace in ("Microsoft.Kubernetes", "Microsoft.KubernetesConfiguration"):
            control = f"/control/providers/{ready['subscriptionId']}/{namespace}"
            http.put(control, json={"state": "Registered"}).raise_for_status()
        http.put(f"{subscription}/resourceGroups/group", json={"location": "eastus"})
        clusters = f"{subscription}/resourceGroups/group/providers/Microsoft.Kubernetes/connectedClusters"
        for name in ("one", "two"):
            http.put(f"{clusters}/{name}", json=body()).raise_for_status()
        namespace = "providers/Microsoft.KubernetesConfiguration"
        flux = f"{clusters}/one/{namespace}/fluxConfigurations/fleet"
        protected = git({"httpsUser": "reader"}, configurationProtectedSettings={"httpsKey": KEY})
        operation = http.put(flux, json=protected).headers["Azure-AsyncOperation"]
        legacy = f"{clusters}/two/{namespace}/sourceControlConfigurations/fleet"
        http.put(legacy, json=LEGACY).raise_for_status()
        policy = f"{clusters}/two/providers/Microsoft.Authorization/policyAssignments/one"
        http.put(policy, json=assignment()).raise_for_status()
        documents = [http.get(url).raise_for_status().json() for url in (flux, legacy, policy)]
    with running(tmp_path, int(ready["endpoint"].rpartition(":")[2])) as (_, http):
        http.headers["Authorization"] = f"Bearer {token}"
        assert [http.get(url).json() for url in (flux, legacy, policy)] == documents
        assert http.get(operation).json()["status"] == "Creating"
        # What a GET hides is there, too: a PATCH that does not name the key leaves it valid.
        response = http.patch(flux, json={"properties": {"suspend": True}})
        assert (response.status_code, http.get(operation).json()["status"]) == (202, "Canceled")


def _claims(token: str) -> dict[str, Any]:
    document: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return document
