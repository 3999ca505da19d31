"""What an operation would do with the members of a fleet by Azure's lists: no request is for one member alone.

For each subscription it reads the connected clusters and what the members share, once. What a cluster alone knows is
not in it (`arcway.domain.fleets.plan`, depth `azure`).
"""

import contextvars
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from arcway.azure import connected_clusters, subscriptions
from arcway.azure.clients import AzureClients
from arcway.azure.connected_clusters import DELETE_ACTIONS, RESOURCE_TYPE
from arcway.azure.extensions import EXTENSIONS
from arcway.azure.flux_configurations import FLUX_CONFIGURATIONS
from arcway.azure.onboard_findings import (
    group_findings,
    location_findings,
    needed_actions,
    permission_findings,
    state_findings,
    subscription_findings,
)
from arcway.azure.policies import assignment_action
from arcway.azure.providers import REGISTERED, needed_namespaces
from arcway.azure.requested_changes import update_change
from arcway.azure.resource_change import Change
from arcway.domain.codes import Code
from arcway.domain.connected_cluster import has_expired, is_being_deleted, managed_elsewhere, not_connected
from arcway.domain.errors import ArcError
from arcway.domain.extension_request import ApplyExtensionRequest, DeleteExtensionRequest, ExtensionRequest
from arcway.domain.feature_findings import azure_findings
from arcway.domain.features import resource_settings
from arcway.domain.findings import finding, not_allowed
from arcway.domain.fleets.plan import Forecast, forecast
from arcway.domain.gitops_request import ApplyGitopsRequest, DeleteGitopsRequest, GitopsRequest
from arcway.domain.json_values import Json
from arcway.domain.policy_request import DisablePolicyRequest, EnablePolicyRequest, PolicyRequest
from arcway.domain.request import AnyRequest, OffboardRequest, OnboardRequest, UpdateRequest, UpgradeRequest

# With more groups than this the subscription is listed as a whole: a listing has pages of 100.
_MOST_GROUPS = 4
_AT_ONCE = 8

type Facts = Json
type Checked = tuple[Facts, list[Json]]


def forecasts_by_lists(azure: AzureClients, requests: Sequence[AnyRequest]) -> dict[str, Forecast]:
    """The forecast of each request's cluster, by resource id in lower case. The requests are of one operation.

    Raises `ArcError` for what may pass: ARC-4007 when Azure throttles, ARC-3003 when it does not respond. What Azure
    refuses is the forecast of the members that it is about.
    """
    by_subscription: defaultdict[str, list[AnyRequest]] = defaultdict(list)
    for request in requests:
        by_subscription[request.subscription_id.lower()].append(request)
    forecasts: dict[str, Forecast] = {}
    for subscription_id, members in by_subscription.items():
        try:
            view = _view_of(azure, subscription_id, members)
        except ArcError as error:
            forecasts |= {request.cluster.key: _refused(error) for request in members}
        else:
            forecasts |= {request.cluster.key: view.forecast(request) for request in members}
    return forecasts


def _refused(error: ArcError) -> Forecast:
    """The forecast of members about which Azure refuses to tell. Raises what may pass."""
    if error.retryable:
        raise error
    return Forecast.of_error(error.code)


@dataclass(slots=True)
class _View:
    """What Azure shows of one subscription, as far as the members need it. Names of groups are in lower case."""

    resources: dict[str, Json]
    """The connected clusters, by resource id in lower case."""
    refused: dict[str, Forecast]
    """Of groups whose connected clusters are not shown, why."""
    missing: dict[str, list[str]] = field(default_factory=dict)
    """The actions that are not allowed, by group."""
    groups: dict[str, Json] = field(default_factory=dict)
    state: str = ""
    states: Mapping[str, str] = field(default_factory=dict)
    """Of the provider namespaces that some member needs."""
    locations: Sequence[str] = ()

    def forecast(self, request: AnyRequest) -> Forecast:
        """The forecast of one member, by the same rules as that of its check."""
        if (refused := self.refused.get(request.resource_group.lower())) is not None:
            return refused
        resource = self.resources.get(request.cluster.key)
        if isinstance(request, OnboardRequest):
            facts, findings = self._onboard(request, resource)
        elif isinstance(request, OffboardRequest):
            facts, findings = self._offboard(request, resource)
        else:
            facts, findings = self._change(request, resource)
        return forecast(request, facts, findings, "azure")

    def _onboard(self, request: OnboardRequest, resource: Json | None) -> Checked:
        group = self.groups.get(request.resource_group.lower())
        findings = subscription_findings(request.subscription_id, self.state)
        findings += location_findings(request.location, self.locations)
        findings += group_findings(request, group)
        findings += managed_elsewhere(resource) + state_findings(request, resource)
        states = self._states(request)
        findings += azure_findings(request.features, resource, request.distribution)
        findings += permission_findings(request.subscription_id, states, self._missing(request))
        change = Change(
            tags=request.tags,
            distribution=request.distribution,
            infrastructure=request.infrastructure,
            auto_upgrade=request.agents.auto_upgrade,
            features=resource_settings(request.features),
        )
        facts = {
            "resourceGroupExists": group is not None,
            "resourceExists": resource is not None,
            "resourceChanges": [] if resource is None else [*change.differing(resource)],
            "toRegister": _unregistered(states),
        }
        return facts, findings

    def _offboard(self, request: OffboardRequest, resource: Json | None) -> Checked:
        if resource is None or request.agents_only:
            return {"resourceExists": False}, []
        return {"resourceExists": True}, managed_elsewhere(resource) + not_allowed(self._missing(request))

    def _change(
        self,
        request: UpdateRequest | UpgradeRequest | ExtensionRequest | GitopsRequest | PolicyRequest,
        resource: Json | None,
    ) -> Checked:
        if resource is None:
            message = f"Connected cluster {request.cluster.resource_id} does not exist."
            return {}, [finding(Code.CONNECTED_CLUSTER_NOT_FOUND, message)]
        findings, changes = managed_elsewhere(resource), list[str]()
        if is_being_deleted(resource):
            message = f"Connected cluster {request.cluster.resource_id} is being deleted."
            findings.append(finding(Code.CONNECTED_CLUSTER_DELETING, message))
        if isinstance(request, UpgradeRequest):
            return {"resource": resource, "resourceChanges": changes}, findings + has_expired(resource)
        if not isinstance(request, UpdateRequest):
            forced = DeleteExtensionRequest | DeleteGitopsRequest | DisablePolicyRequest
            is_forced = isinstance(request, forced) and request.force
            findings += ([] if is_forced else not_connected(resource)) + not_allowed(self._missing(request))
            return {"resource": resource, "resourceChanges": changes}, findings
        changes, states = sorted(update_change(request).differing(resource)), self._states(request)
        distribution = request.distribution or (resource.get("properties") or {}).get("distribution")
        findings += azure_findings(request.features, resource, distribution)
        needed = needed_actions(request, states, writes=bool(changes))
        missing = [action for action in self._missing(request) if action in needed]
        findings += permission_findings(request.subscription_id, states, missing)
        return {"resource": resource, "resourceChanges": changes, "toRegister": _unregistered(states)}, findings

    def _missing(self, request: AnyRequest) -> list[str]:
        return self.missing.get(request.resource_group.lower(), [])

    def _states(self, request: OnboardRequest | UpdateRequest) -> dict[str, str]:
        """Of the provider namespaces that the member needs."""
        return {name: self.states[name] for name in needed_namespaces(request)}


def _unregistered(states: Mapping[str, str]) -> list[str]:
    return [name for name, state in states.items() if state != REGISTERED]


def _view_of(azure: AzureClients, subscription_id: str, requests: Sequence[AnyRequest]) -> _View:
    """Raises `ArcError` for what Azure does not tell of the subscription."""
    names = {request.resource_group.lower(): request.resource_group for request in requests}
    first = requests[0]
    if isinstance(first, OnboardRequest):
        state = subscriptions.subscription(azure, subscription_id).state
        groups = subscriptions.resource_groups(azure, subscription_id)
        states = _states(azure, subscription_id, requests)
        there = {key: name for key, name in names.items() if key in groups}
        view = _View(*_resources(azure, subscription_id, there), groups=groups, state=state, states=states)
        view.locations = azure.providers.locations(subscription_id, RESOURCE_TYPE)
        actions = {action: None for item in requests for action in _actions(item, view)}
        view.missing = _missing(azure, subscription_id, there.values(), tuple(actions))
        return view
    view = _View(*_resources(azure, subscription_id, names), states=_states(azure, subscription_id, requests))
    by_group: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for item in requests:
        by_group[item.resource_group.lower()] |= dict.fromkeys(_actions(item, view))
    writing = {key for key, needed in by_group.items() if needed} - view.refused.keys()
    actions = {action: None for key in sorted(writing) for action in by_group[key]}
    view.missing = _missing(azure, subscription_id, [names[key] for key in sorted(writing)], tuple(actions))
    return view


def _states(azure: AzureClients, subscription_id: str, requests: Iterable[AnyRequest]) -> dict[str, str]:
    """The states of the provider namespaces that some of the members need."""
    changing = (item for item in requests if isinstance(item, OnboardRequest | UpdateRequest))
    names = dict.fromkeys(name for item in changing for name in needed_namespaces(item))
    return {name: azure.providers.state(subscription_id, name) for name in names}


def _actions(request: AnyRequest, view: _View) -> tuple[str, ...]:
    """What the operation needs to be allowed, as far as Azure's lists show what it writes."""
    resource = view.resources.get(request.cluster.key)
    if isinstance(request, OffboardRequest):
        return DELETE_ACTIONS if resource is not None and not request.agents_only else ()
    if isinstance(request, ApplyExtensionRequest | DeleteExtensionRequest):
        return (EXTENSIONS.action("write" if isinstance(request, ApplyExtensionRequest) else "delete"),)
    if isinstance(request, ApplyGitopsRequest | DeleteGitopsRequest):
        return (FLUX_CONFIGURATIONS.action("write" if isinstance(request, ApplyGitopsRequest) else "delete"),)
    if isinstance(request, EnablePolicyRequest | DisablePolicyRequest):
        verb = "write" if isinstance(request, EnablePolicyRequest) else "delete"
        return (EXTENSIONS.action(verb), *((assignment_action(verb),) if request.assignment else ()))
    if isinstance(request, UpgradeRequest) or (resource is None and isinstance(request, UpdateRequest)):
        return ()
    writes = isinstance(request, OnboardRequest) or bool(update_change(request).differing(resource or {}))
    states = {name: view.states[name] for name in needed_namespaces(request)}
    return needed_actions(request, states, writes=writes)


def _resources(
    azure: AzureClients, subscription_id: str, names: Mapping[str, str]
) -> tuple[dict[str, Json], dict[str, Forecast]]:
    """The connected clusters in the groups by resource id, and the groups that Azure refuses to list."""
    if len(names) > _MOST_GROUPS:
        try:
            return connected_clusters.list_by_key(azure, subscription_id), {}
        except ArcError as error:
            if error.code != Code.AZURE_PERMISSION_MISSING:
                raise
            # The identity may hold its role in the groups alone.
    resources: dict[str, Json] = {}
    refused: dict[str, Forecast] = {}

    def listed(name: str) -> dict[str, Json] | Forecast:
        try:
            return connected_clusters.list_by_key(azure, subscription_id, name)
        except ArcError as error:
            return _refused(error)

    for key, result in zip(names, _at_once(listed, names.values()), strict=True):
        if isinstance(result, Forecast):
            refused[key] = result
        else:
            resources |= result
    return resources, refused


def _missing(
    azure: AzureClients, subscription_id: str, names: Iterable[str], actions: tuple[str, ...]
) -> dict[str, list[str]]:
    """The actions that are not allowed, by group. Raises `ArcError`."""
    groups = [*names]
    missing = _at_once(lambda name: subscriptions.missing_actions(azure, subscription_id, name, actions), groups)
    return {name.lower(): items for name, items in zip(groups, missing, strict=True)}


def _at_once[T](read: Callable[[str], T], names: Iterable[str]) -> list[T]:
    """What `read` returns for each name, a few at a time. Raises what one of them raises."""
    names = [*names]
    if len(names) <= 1:
        return [read(name) for name in names]
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="plan") as threads:
        # Requests carry what the caller is known by, which belongs to the context.
        tasks = [threads.submit(contextvars.copy_context().run, read, name) for name in names]
        return [task.result() for task in tasks]
