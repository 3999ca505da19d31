"""POST /api/policies and policyDeletions: enable and disable Azure Policy in a connected cluster.

GET /api/connectedClusters/{subscriptionId}/{resourceGroup}/{name}/policy: its extension and assignments as Azure has
them now.
"""

import asyncio

import azure.functions as func

from arcway import queries
from arcway.domain.policy_request import DisablePolicyRequest, EnablePolicyRequest
from arcway.domain.request import parse_request
from triggers import http
from triggers.access.callers import OFFBOARD, ONBOARD, READ, Caller
from triggers.connected_cluster_routes import AZURE_CODES
from triggers.endpoints import Answer, endpoint
from triggers.extension_routes import OfCluster
from triggers.response_models import Policy
from triggers.services import Invocation
from triggers.start_routes import ANSWERS, CODES, EXAMPLE, KEY_HEADERS, DryRun, start_and_respond

_PRIVILEGED = "/providers/Microsoft.Authorization/policyDefinitions/95edb821-ddaf-4404-9732-666045e056b4"


@endpoint(
    "POST policies",
    ONBOARD,
    name="enablePolicy",
    parameters=DryRun,
    headers=KEY_HEADERS,
    body=EnablePolicyRequest,
    examples={
        "the extension alone": EXAMPLE,
        "no privileged containers": {
            **EXAMPLE,
            "assignment": {
                "name": "no-privileged-containers",
                "definitionId": _PRIVILEGED,
                "parameters": {
                    "effect": {"value": "Deny"},
                    "excludedNamespaces": {"value": ["kube-system", "gatekeeper-system", "azure-arc"]},
                },
            },
        },
    },
    answers=ANSWERS,
    codes=CODES,
)
async def _enable_policy(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: DryRun
) -> func.HttpResponse:
    """Enable Azure Policy in a connected cluster and assign a policy; omitted fields stay unchanged."""
    request = parse_request(http.json_body(req), "enablePolicy")
    return await start_and_respond(req, invocation, request, caller, dry_run=parameters.dry_run)


@endpoint(
    "POST policyDeletions",
    OFFBOARD,
    name="disablePolicy",
    parameters=DryRun,
    headers=KEY_HEADERS,
    body=DisablePolicyRequest,
    examples={"with an assignment": {**EXAMPLE, "assignment": {"name": "no-privileged-containers"}}},
    answers=ANSWERS,
    codes=CODES,
)
async def _disable_policy(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: DryRun
) -> func.HttpResponse:
    """Delete the extension of Azure Policy and its release, and the assignment that the request names."""
    request = parse_request(http.json_body(req), "disablePolicy")
    return await start_and_respond(req, invocation, request, caller, dry_run=parameters.dry_run)


@endpoint(
    "GET connectedClusters/{subscription}/{group}/{name}/policy",
    READ,
    name="getPolicy",
    parameters=OfCluster,
    answers={200: Answer("Azure Policy of the connected cluster as Azure has it now.", Policy)},
    codes=AZURE_CODES,
)
async def _get(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: OfCluster
) -> func.HttpResponse:
    """Read the extension of Azure Policy in a connected cluster, and the policy assignments that apply to it."""
    return http.respond(await asyncio.to_thread(queries.policy_of, invocation.installation, parameters.cluster))
