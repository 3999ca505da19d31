"""POST /api/extensions, gitops and their deletions: start a run about extensions or Flux configurations, or plan one
with ?dryRun=true.
"""

from collections.abc import Mapping
from typing import Any

import azure.functions as func

from arcway.domain.extension_request import ApplyExtensionRequest, DeleteExtensionRequest
from arcway.domain.gitops_request import ApplyGitopsRequest, DeleteGitopsRequest
from arcway.domain.request import parse_request
from triggers import http
from triggers.access.callers import OFFBOARD, ONBOARD, Caller
from triggers.endpoints import endpoint
from triggers.services import Invocation
from triggers.start_routes import ANSWERS, CODES, EXAMPLE, KEY_HEADERS, DryRun, start_and_respond

_CONFIGURATION: Mapping[str, Any] = {
    "name": "cluster-config",
    "namespace": "cluster-config",
    "gitRepository": {"url": "https://git.example/fleet", "branch": "main"},
    "kustomizations": {
        "infra": {"path": "./infrastructure", "prune": True},
        "apps": {"path": "./apps", "prune": True, "dependsOn": ["infra"]},
    },
}


@endpoint(
    "POST extensions",
    ONBOARD,
    name="applyExtension",
    parameters=DryRun,
    headers=KEY_HEADERS,
    body=ApplyExtensionRequest,
    examples={
        "GitOps": {**EXAMPLE, "extension": {"name": "flux", "type": "microsoft.flux"}},
        "a version, a setting and a secret": {
            **EXAMPLE,
            "extension": {
                "name": "monitor",
                "type": "microsoft.azuremonitor.containers",
                "version": "3.1.28",
                "settings": {"amalogs.useAADAuth": "true"},
                "protectedSettings": {"amalogs.secret.key": {"secret": "arcway-extension-monitor"}},
            },
        },
    },
    answers=ANSWERS,
    codes=CODES,
)
async def _apply_extension(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: DryRun
) -> func.HttpResponse:
    """Create or change an extension of a connected cluster; omitted fields stay unchanged."""
    request = parse_request(http.json_body(req), "applyExtension")
    return await start_and_respond(req, invocation, request, caller, dry_run=parameters.dry_run)


@endpoint(
    "POST extensionDeletions",
    OFFBOARD,
    name="deleteExtension",
    parameters=DryRun,
    headers=KEY_HEADERS,
    body=DeleteExtensionRequest,
    examples={"GitOps": {**EXAMPLE, "extension": {"name": "flux"}}},
    answers=ANSWERS,
    codes=CODES,
)
async def _delete_extension(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: DryRun
) -> func.HttpResponse:
    """Delete an extension of a connected cluster, and its release in the cluster."""
    request = parse_request(http.json_body(req), "deleteExtension")
    return await start_and_respond(req, invocation, request, caller, dry_run=parameters.dry_run)


@endpoint(
    "POST gitops",
    ONBOARD,
    name="applyGitops",
    parameters=DryRun,
    headers=KEY_HEADERS,
    body=ApplyGitopsRequest,
    examples={
        "a public repository": {**EXAMPLE, "configuration": _CONFIGURATION},
        "a repository with a token": {
            **EXAMPLE,
            "configuration": {
                **_CONFIGURATION,
                "gitRepository": {"url": "https://git.example/fleet", "branch": "main", "httpsUser": "reader"},
                "protectedSettings": {"httpsKey": {"secret": "arcway-git-fleet"}},
            },
        },
        "a repository over SSH with a deploy key of the cluster": {
            **EXAMPLE,
            "configuration": {
                **_CONFIGURATION,
                "gitRepository": {"url": "ssh://git@git.example/fleet", "branch": "main"},
            },
        },
    },
    answers=ANSWERS,
    codes=CODES,
)
async def _apply_gitops(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: DryRun
) -> func.HttpResponse:
    """Create or change a Flux configuration of a connected cluster, and wait until it is Compliant.

    The extension microsoft.flux is installed if there is none. Omitted fields stay unchanged.
    """
    request = parse_request(http.json_body(req), "applyGitops")
    return await start_and_respond(req, invocation, request, caller, dry_run=parameters.dry_run)


@endpoint(
    "POST gitopsDeletions",
    OFFBOARD,
    name="deleteGitops",
    parameters=DryRun,
    headers=KEY_HEADERS,
    body=DeleteGitopsRequest,
    examples={
        "the configuration": {**EXAMPLE, "configuration": {"name": "cluster-config"}},
        "the extension, too": {**EXAMPLE, "configuration": {"name": "cluster-config"}, "withExtension": True},
    },
    answers=ANSWERS,
    codes=CODES,
)
async def _delete_gitops(
    req: func.HttpRequest, invocation: Invocation, caller: Caller, parameters: DryRun
) -> func.HttpResponse:
    """Delete a Flux configuration of a connected cluster, and what its kustomizations with prune have applied."""
    request = parse_request(http.json_body(req), "deleteGitops")
    return await start_and_respond(req, invocation, request, caller, dry_run=parameters.dry_run)
