"""Runs whose credential was made for them alone: what they are given, and what must be gone after them."""

from dataclasses import replace

from arcway.cluster.access import temporary_account
from arcway.cluster.access.api import open_cluster
from arcway.cluster.checks.permissions import role_for
from arcway.domain.json_values import Json
from arcway.domain.leftovers import describe_all
from tests.chaos.fault_matrix.world import Case

_ROOT = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
# The answer was that there is nothing, where there is something.
_LIED_TO = {("discard_credential", "vanished"), ("discard_secret", "vanished")}


def name_of(case: Case) -> str:
    """What secret, ServiceAccount and binding of the case are called."""
    return f"arcway-tmp-{case.cluster}"


def temporary(case: Case) -> Json:
    """Make a credential as the command line does, in the vault; the request's reference to it."""
    own = case.access()
    with open_cluster(own) as api:
        token = temporary_account.make(api, name_of(case), 3600, role_for("check"))
    access = replace(own, token=token.value, certificate=None, key=None)
    case.vault("PUT", name_of(case), access.as_kubeconfig()).raise_for_status()
    return {"secret": name_of(case), "context": None, "temporary": True}


def check_credential(case: Case, step: str, fault: str, status: Json, *, harmless: bool) -> None:
    """It is gone, or named in `left`, and the run does not fail by that."""
    assert status["state"] != "Failed", status["error"]
    assert status["leftovers"] == [] or not harmless
    if (step, fault) in _LIED_TO:
        return
    role = case.get(f"{_ROOT}/{name_of(case)}")["kind"] != "Status"
    secret = case.vault("GET", name_of(case)).status_code != 404
    assert role == any(item.startswith("ServiceAccount ") for item in describe_all(status["leftovers"]))
    assert secret == any(item.startswith("secret ") for item in describe_all(status["leftovers"]))
