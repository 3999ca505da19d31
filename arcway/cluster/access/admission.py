"""What in a cluster rejected an object, and the remedy: recognizes policies, quotas and pod security standards.

The API server answers all of them as it answers a missing permission, with 403 or 422 and a sentence; the sentences are
those of the admission plug-ins of Kubernetes and OpenShift.
"""

import re
from dataclasses import dataclass

from arcway.domain.text import excerpt

_LABELS = (
    "set the labels and annotations that it requires with agents.namespaceLabels, namespaceAnnotations, podLabels "
    "and podAnnotations (--namespace-label, --namespace-annotation, --pod-label, --pod-annotation)"
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What rejected an object, and the remedy."""

    who: str
    remedy: str


_Maker = tuple[re.Pattern[str], str, str]

# In `remedy`, {0} is what the pattern's first group found.
_KINDS: tuple[_Maker, ...] = (
    (
        re.compile(r"exceeded quota: ([^,\s]+)"),
        "a quota",
        "Raise ResourceQuota {0} of the namespace, or remove it: `kubectl get resourcequota -n azure-arc`.",
    ),
    (
        re.compile(r"failed quota: ([^,:\s]+)"),
        "a quota",
        "ResourceQuota {0} requires requests or limits that the agents do not set: remove it, or add a LimitRange with "
        "defaults to the namespace.",
    ),
    (
        re.compile(r"((?:minimum|maximum) \w+ usage per \w+|limit to request ratio)"),
        "a LimitRange",
        "Change the namespace's LimitRange ({0}): `kubectl get limitrange -n azure-arc`.",
    ),
    (
        re.compile(r"violates PodSecurity \"?([^\s\":]+)"),
        "a pod security standard",
        "The namespace enforces pod security {0}, which the agents do not meet: `kubectl label namespace azure-arc "
        "pod-security.kubernetes.io/enforce=privileged --overwrite`.",
    ),
    (
        re.compile(r"(security context constraint)"),
        "OpenShift",
        "Allow the agents' ServiceAccounts a security context constraint: `oc adm policy add-scc-to-group privileged "
        "system:serviceaccounts:azure-arc`.",
    ),
    (
        re.compile(r"ValidatingAdmissionPolicy ['\"]?([^\s'\"]+)"),
        "an admission policy",
        f"Exempt the agents' namespaces from ValidatingAdmissionPolicy {{0}}, or comply with it: {_LABELS}.",
    ),
    (
        re.compile(r"admission webhook \"?([^\s\"]+)\"? denied"),
        "an admission policy",
        f"Exempt the agents' namespaces from the policy behind webhook {{0}}, or comply with it: {_LABELS}.",
    ),
    (
        re.compile(r"failed calling webhook \"?([^\s\":]+)"),
        "a webhook that does not respond",
        "Restore the service behind webhook {0}, or delete its configuration: `kubectl get "
        "validatingwebhookconfigurations,mutatingwebhookconfigurations`.",
    ),
    (
        re.compile(r"GKE Warden\S* \[?(?:authz )?\[?(denied by [^\]:]+)?"),
        "GKE Warden",
        "GKE Autopilot does not allow this ({0}); use a standard cluster.",
    ),
    (
        re.compile(r"denied (?:the )?request"),
        "an admission policy",
        f"Exempt the agents' namespaces from the policy that the message names, or comply with it: {_LABELS}.",
    ),
)


def refusal_in(message: str) -> Refusal | None:
    """What rejected the object, by the API server's message; None when it was not admission."""
    for pattern, who, remedy in _KINDS:
        if match := pattern.search(message):
            return Refusal(who, remedy.format(excerpt(match[1] or "") if pattern.groups else ""))
    return None


def is_transient(message: str) -> bool:
    """Whether the refusal is transient: a webhook's server may come back."""
    return "failed calling webhook" in message
