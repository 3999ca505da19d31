"""poll_compliance: reads once whether a Flux configuration complies, and which object is the cause if it does not."""

from typing import Any

from activities.absence import believe_absent
from activities.step import Call
from arcway.azure.flux_configurations import FLUX_CONFIGURATIONS
from arcway.domain.catalogue import CATALOGUE
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.gitops_status import (
    COMPLIANT,
    SUSPENDED,
    cause_of,
    deploy_key,
    failure_text,
    in_result,
    state_of_compliance,
)
from arcway.domain.json_values import Json
from arcway.domain.managed_states import ended_badly, is_in_progress, state_of
from arcway.domain.steps import ConfigurationPolled


def poll_compliance(call: Call[Any]) -> ConfigurationPolled:
    """Done when it is Compliant, or Suspended as it is asked to be; `code` and `remedy` say why it is not.

    Raises `ArcError`: ARC-4040 when the configuration is gone, ARC-5040 when another client's change of it failed.
    """
    name = call.request.configuration.name
    resource = FLUX_CONFIGURATIONS.get(call.installation.azure, call.request.cluster, name)
    if resource is None:
        believe_absent(call, f"Flux configuration {name}")
        raise ArcError(Code.GITOPS_NOT_FOUND, f"Flux configuration {name} was deleted while it was waited for.")
    if ended_badly(resource):
        raise ArcError(Code.GITOPS_FAILED, failure_text(resource), retryable=False)
    if is_in_progress(resource):
        return {"done": False, "detail": f"configuration is {state_of(resource)}"}
    state, is_suspended = state_of_compliance(resource), bool(resource["properties"].get("suspend"))
    if state == (SUSPENDED if is_suspended else COMPLIANT):
        return {"done": True, "detail": state.capitalize(), "resource": in_result(resource)}
    return _waiting(resource, state)


def _waiting(resource: Json, state: str) -> ConfigurationPolled:
    """What it waits for. A public key that the repository may not know yet is what the reader has to act on."""
    cause = cause_of(resource)
    parts = [f"configuration is {state or 'unknown'}"]
    if cause is not None:
        parts.append(cause.text)
    if (key := deploy_key(resource)) is not None and (cause is None or cause.code == Code.GITOPS_AUTHENTICATION_FAILED):
        parts.append(f"add this deploy key to the repository unless it has it: {key}")
    waiting: ConfigurationPolled = {"done": False, "detail": "; ".join(parts)}
    if cause is None:
        return waiting
    return {**waiting, "code": cause.code, "remedy": CATALOGUE[cause.code].remedy}
