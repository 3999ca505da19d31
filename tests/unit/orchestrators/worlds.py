"""Canned outcomes of every step of a run in which everything goes well, by operation."""

import secrets
from typing import Any

from arcway.domain.leftovers import leftover
from arcway.domain.secret_names import temporary_name
from tests.unit.orchestrators.in_memory import InMemory, Json, Outcome, ok

CLUSTER: Json = {"distribution": "kind", "infrastructure": "kind", "publicKey": None, "owner": None}
RESOURCE: Json = {"id": "x", "properties": {"connectivityStatus": "Connected"}}
RELEASE = leftover("HelmRelease", "azure-arc", namespace="azure-arc-release", reason="NotRemovedYet")
_PROOF = secrets.token_urlsafe(32)
SECRET = temporary_name("shop", _PROOF)
TEMPORARY: Json = {"secret": SECRET, "temporary": True, "proof": _PROOF}

CONNECT: dict[str, Outcome] = {
    "check_cluster": ok(findings=[], facts={"cluster": CLUSTER, "releaseDeployed": False}),
    "check_azure": ok(
        findings=[],
        facts={"tenantId": "t", "resourceGroupExists": True, "resourceExists": False, "toRegister": []},
    ),
    "register_providers": ok(states={"Microsoft.Kubernetes": "Registered"}, asked=[]),
    "ensure_resource_group": ok(created=False),
    "await_removal": ok(done=True, detail=None, remedy=None),
    "ensure_key_pair": ok(publicKey="key", created=True),
    "deploy_agents": ok(created=True, changed=True, chart={"reference": "r", "digest": "d"}),
    "poll_agents": ok(done=True, detail="7 of 7 ready"),
    "create_resource": ok(created=True, changed=True, operation=None, done=True),
    "configure_agents": ok(changed=False, differing=0),
    "wait_for_metadata": ok(done=True, detail="Connected", resource=RESOURCE),
    "delete_resource": ok(done=True, detail="deleted"),
    "uninstall_agents": ok(done=True, detail="uninstalled", leftovers=[], remedy=None),
}
DISCONNECT: dict[str, Outcome] = {
    "check_agents": ok(
        findings=[],
        facts={"agents": [RELEASE], "publicKey": "key"},
    ),
    "check_resource": ok(findings=[], facts={"resourceExists": True}),
    "delete_resource": ok(done=True, detail="deleted"),
    "uninstall_agents": ok(done=True, detail="uninstalled", leftovers=[], remedy=None),
}
_CONNECTED = ok(findings=[], facts={"resource": RESOURCE, "location": "eastus", "resourceChanges": ["tags"]})
_RELEASE: Json = {"revision": 3, "version": "1.2.3", "uid": "u"}
UPDATE: dict[str, Outcome] = {
    "check_connected_cluster": _CONNECTED,
    "check_release": ok(findings=[], facts={"release": _RELEASE, "agentChanges": ["proxy"], "inside": ["10.0.0.0/8"]}),
    "update_resource": ok(changed=True, operation="u"),
    "poll_resource": ok(done=True, detail="provisioning is Succeeded", retryAfter=None),
    "update_agents": ok(changed=True, differing=1),
    "poll_agents": ok(done=True, detail="7 of 7 ready"),
}
UPGRADE: dict[str, Outcome] = {
    "check_connected_cluster": ok(
        findings=[], facts={"resource": RESOURCE, "location": "eastus", "resourceChanges": []}
    ),
    "check_release": ok(findings=[], facts={"release": _RELEASE, "wanted": "1.3.0"}),
    "upgrade_agents": ok(changed=True),
    "poll_agents": ok(done=True, detail="7 of 7 ready"),
    "wait_for_metadata": ok(done=True, detail="Connected", resource=RESOURCE),
    "roll_back_agents": ok(done=True, detail="rolled back", restored=leftover("Agents", "1.2.3", reason="Restored")),
}


def world(outcomes: dict[str, Outcome], **changes: Any) -> InMemory:
    """A context in which every step succeeds but those that are named."""
    return InMemory({**outcomes, **changes})
