"""Provider namespaces of a subscription: their registration and the locations they offer.

Registration belongs to a subscription, not to a cluster, and takes minutes; many runs ask at the same time. So per
process one read per subscription and namespace each 5 s and one registration a minute, for all callers.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from arcway.azure.constants import KEPT_SECONDS
from arcway.azure.errors import azure_errors
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.extension_request import ApplyExtensionRequest
from arcway.domain.features import namespaces_of
from arcway.domain.gitops_request import ApplyGitopsRequest
from arcway.domain.policy_request import EnablePolicyRequest
from arcway.domain.request import AnyRequest, OnboardRequest, UpdateRequest

if TYPE_CHECKING:
    from azure.mgmt.resource.resources import ResourceManagementClient

NAMESPACES = ("Microsoft.Kubernetes", "Microsoft.KubernetesConfiguration")
REGISTERED = "Registered"
UNDER_WAY = (REGISTERED, "Registering", "Unregistering")
"""Azure refuses to register what it is just unregistering; when that is done, it is asked again."""
_LOOK_SECONDS = 5.0
_REGISTER_SECONDS = 60.0
_MOST_KNOWN = 1000


@dataclass(slots=True)
class _Known:
    lock: threading.Lock = field(default_factory=threading.Lock)
    read_at: float = float("-inf")
    asked_at: float = float("-inf")
    provider: dict[str, Any] = field(default_factory=dict)


def needed_namespaces(request: AnyRequest) -> tuple[str, ...]:
    """The namespaces that the request needs registered: an update only those of its features."""
    if isinstance(request, ApplyGitopsRequest):
        return ("Microsoft.KubernetesConfiguration",)
    if isinstance(request, EnablePolicyRequest):
        return ("Microsoft.KubernetesConfiguration", "Microsoft.PolicyInsights")
    if isinstance(request, ApplyExtensionRequest):
        is_policy = request.extension.type == "microsoft.policyinsights"
        return ("Microsoft.KubernetesConfiguration", *(("Microsoft.PolicyInsights",) if is_policy else ()))
    if isinstance(request, UpdateRequest):
        return namespaces_of(request.features)
    return (*NAMESPACES, *(namespaces_of(request.features) if isinstance(request, OnboardRequest) else ()))


class Providers:
    """What this process knows of provider namespaces.

    `resources` returns the client of a subscription, `clock` seconds that only grow. An answer counts for
    `look_seconds`.
    """

    def __init__(
        self,
        resources: Callable[[str], "ResourceManagementClient"],
        *,
        clock: Callable[[], float] = time.monotonic,
        look_seconds: float = _LOOK_SECONDS,
    ) -> None:
        self._resources = resources
        self._look_seconds = look_seconds
        self._clock = clock
        self._known: OrderedDict[tuple[str, str], _Known] = OrderedDict()  # the longest unused first
        self._lock = threading.Lock()

    def state(self, subscription_id: str, namespace: str, *, shared: bool = False) -> str:
        """The registration state, as Azure spells it; with `shared` Registered counts for a minute."""
        return str(self._look(subscription_id, namespace, shared=shared).get("registrationState", "NotRegistered"))

    def locations(self, subscription_id: str, resource_type: str, *, shared: bool = False) -> list[str]:
        """The locations that `Namespace/type` is offered in, as Azure shows them (`East US`)."""
        namespace, _, kind = resource_type.partition("/")
        types = self._look(subscription_id, namespace, shared=shared).get("resourceTypes", [])
        return next((item.get("locations", []) for item in types if item["resourceType"].lower() == kind.lower()), [])

    def register(self, subscription_id: str, namespace: str) -> bool:
        """Ask for registration unless this process did within the last minute; returns whether it was asked now.

        Raises `ArcError`, ARC-4002 when the caller may not register.
        """
        entry = self._entry(subscription_id, namespace)
        with entry.lock:
            if self._clock() - entry.asked_at < _REGISTER_SECONDS:
                return False
            with azure_errors():
                self._resources(subscription_id).providers.register(namespace)
            entry.asked_at = self._clock()
            entry.read_at = float("-inf")
            return True

    def _look(self, subscription_id: str, namespace: str, *, shared: bool = False) -> dict[str, Any]:
        entry = self._entry(subscription_id, namespace)
        with entry.lock:
            is_kept = shared and entry.provider.get("registrationState") == REGISTERED
            if self._clock() - entry.read_at >= (KEPT_SECONDS if is_kept else self._look_seconds):
                with azure_errors():
                    entry.provider = self._resources(subscription_id).providers.get(namespace).as_dict()
                entry.read_at = self._clock()
            return entry.provider

    def _entry(self, subscription_id: str, namespace: str) -> _Known:
        with self._lock:
            entry = self._known.setdefault((subscription_id, namespace), _Known())
            self._known.move_to_end((subscription_id, namespace))
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
            return entry


def ask(providers: Providers, subscription_id: str, namespace: str) -> bool:
    """Request registration; returns whether it was requested now. Raises `ArcError` ARC-4005 if it is not allowed."""
    try:
        return providers.register(subscription_id, namespace)
    except ArcError as error:
        if error.code != Code.AZURE_PERMISSION_MISSING:
            raise
        raise may_not_register(subscription_id, namespace) from error


def register_action(namespace: str) -> str:
    """The action that the identity needs on the subscription to register a namespace."""
    return f"{namespace}/register/action"


def may_not_register(subscription_id: str, namespace: str) -> ArcError:
    """The error that says which command an administrator must run."""
    command = f"az provider register --namespace {namespace} --subscription {subscription_id}"
    return ArcError(
        Code.PROVIDER_NOT_REGISTERED,
        f"{namespace} is not registered, and Arcway's identity lacks the permission to register it.",
        remedy=f"Ask an administrator of the subscription to run `{command}`, then start a new run.",
    )
