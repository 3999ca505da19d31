"""What tests of fleets need of a stack: a client of its Resource Manager, connected clusters, the fleet's document."""

import base64
import ssl

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from arcway.domain.json_values import Json
from arcway_local.stack import Stack

_VERSION = "2026-05-01"


def client_of(stack: Stack) -> httpx.Client:
    """A client of Resource Manager, with a token."""
    tls = ssl.create_default_context(cafile=stack.azure["caFile"])
    http = httpx.Client(base_url=stack.azure["endpoint"], verify=tls, timeout=240)
    header, query = {"X-IDENTITY-HEADER": stack.azure["identityHeader"]}, {"resource": stack.azure["endpoint"]}
    token = http.get("/msi/token", params=query, headers=header).raise_for_status().json()["access_token"]
    http.headers["Authorization"] = f"Bearer {token}"
    return http


def make_connected_clusters(http: httpx.Client, subscription: str, count: int) -> None:
    """Clusters that an update finds: a run of it is short."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    certificate = base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.PKCS1)).decode()
    properties = {"agentPublicKeyCertificate": certificate, "distribution": "k3s", "infrastructure": "generic"}
    body = {"location": "eastus", "identity": {"type": "SystemAssigned"}, "tags": {}, "properties": properties}
    for namespace in ("Microsoft.Kubernetes", "Microsoft.KubernetesConfiguration"):
        http.put(f"/control/providers/{subscription}/{namespace}", json={"state": "Registered"}).raise_for_status()
    group = f"/subscriptions/{subscription}/resourceGroups/fleet"
    http.put(group, params={"api-version": "2022-09-01"}, json={"location": "eastus"}).raise_for_status()
    for number in range(count):
        url = f"{group}/providers/Microsoft.Kubernetes/connectedClusters/m{number}"
        http.put(url, params={"api-version": _VERSION}, json=body).raise_for_status()


def fleet_of(url: str, name: str) -> Json | None:
    """The fleet, None while the host is starting again."""
    try:
        answer = httpx.get(f"{url}/api/fleets/{name}", timeout=240)
    except httpx.TransportError:
        return None
    fleet: Json | None = answer.json() if answer.status_code == 200 else None
    return fleet
