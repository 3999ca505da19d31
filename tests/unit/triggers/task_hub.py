"""A task hub in memory, and handlers driven through the tables of routes: milliseconds, no host and no engine."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import azure.functions as func
import grpc
from durabletask.client import OrchestrationStatus

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.fleets.document import status_of
from arcway.domain.fleets.member import Report
from arcway.domain.fleets.state import FleetState
from arcway.domain.ids import ClusterId, fleet_instance
from arcway.domain.json_values import Json
from arcway.domain.request import phases_of_request, read_request
from arcway.domain.run import new_run
from arcway.installation import Installation
from tests.installations import invocation
from triggers import http
from triggers.access.authentication import Authentication
from triggers.access.callers import Caller, Role
from triggers.routes import ROUTES
from triggers.services import Invocation

SUBSCRIPTION = "aaaaaaaa-0000-4000-8000-000000000001"
PLACE: Json = {"subscriptionId": SUBSCRIPTION, "resourceGroup": "clusters", "name": "shop"}
BODY: Json = {**PLACE, "location": "eastus", "kubeconfig": {"secret": "arcway-shop"}}
RITA = "11111111-0000-0000-0000-000000000001"


def key(name: str) -> str:
    """The resource id in lower case of the cluster of this name."""
    return ClusterId(SUBSCRIPTION, "clusters", name).key


@dataclass(slots=True)
class Instance:
    """An orchestration as the engine's client shows it."""

    instance_id: str
    payload: Json
    custom_status: Any = None
    output: Any = None
    runtime_status: OrchestrationStatus = OrchestrationStatus.RUNNING
    created_at: datetime = datetime(2026, 3, 1, tzinfo=UTC)
    last_updated_at: datetime = datetime(2026, 3, 1, tzinfo=UTC)

    @property
    def serialized_custom_status(self) -> str | None:
        return json.dumps(self.custom_status)

    def get_input(self) -> Json:
        return self.payload

    def get_custom_status(self) -> Any:
        return self.custom_status

    def get_output(self) -> Any:
        return self.output


@dataclass(slots=True)
class TaskHub:
    """What a durable client is asked, and the instances that it knows."""

    instances: dict[str, Instance] = field(default_factory=dict)
    events: list[tuple[str, str, Any]] = field(default_factory=list)
    waits: list[tuple[str, Any]] = field(default_factory=list)
    purges: list[dict[str, Any]] = field(default_factory=list)
    is_down: bool = False
    completes: bool = True

    async def get_orchestration_state(self, instance: str) -> Any:
        if self.is_down:
            raise grpc.RpcError
        return self.instances.get(instance)

    async def get_all_orchestration_states(self, query: Any) -> list[Any]:
        return [*self.instances.values()]

    async def schedule_new_orchestration(self, name: str, *, input: Json, instance_id: str) -> None:  # noqa: A002
        self.instances[instance_id] = Instance(instance_id, json.loads(json.dumps(input)))

    async def raise_orchestration_event(self, instance: str, name: str, *, data: Any) -> None:
        self.events.append((instance, name, data))

    async def wait_for_orchestration_completion(self, instance: str, *, timeout: float) -> None:
        self.waits.append((instance, timeout))
        if not self.completes:
            raise TimeoutError
        self.end(instance)

    async def purge_orchestrations_by(self, **chosen: Any) -> Any:
        if self.is_down:
            raise grpc.RpcError
        self.purges.append(chosen)
        return type("Purged", (), {"deleted_instance_count": 3})

    def fail_member(self, fleet: str, code: str) -> None:
        """Have the fleet of this name show that its first member has failed with this code."""
        instance = self.instances[fleet_instance(fleet)]
        state = FleetState.of(instance.payload)
        state.advance(0)
        ((index, attempt), *_) = state.start(0)
        state.end(index, attempt, Report("Failed", code=code, phase="deployAgents"), 1)
        instance.custom_status = status_of(instance.payload, state, 1)

    def end(self, instance: str, state: str = "Succeeded", **fields: Any) -> Json:
        """Let a run end; returns its document."""
        run = self.instances[instance]
        request = read_request(run.payload["request"])
        run_id = f"{instance}.{run.payload['runId']}"
        document: Json = new_run(run_id, request, phases_of_request(request), run.payload).as_json()
        document |= {"state": state, "finishedAt": "2026-03-01T01:00:00Z", **fields}
        run.output, run.custom_status, run.runtime_status = document, document, OrchestrationStatus.COMPLETED
        return document

    @property
    def only(self) -> Instance:
        """The one instance."""
        (instance,) = self.instances.values()
        return instance


class Known(Authentication):
    """Every caller is Rita with these roles; without any role, anonymous."""

    def __init__(self, *roles: Role) -> None:
        super().__init__(None)
        self._roles = frozenset(roles)

    async def caller_of(self, request: func.HttpRequest) -> Caller:
        if not self._roles:
            raise ArcError(Code.NOT_SIGNED_IN)
        return Caller("Rita", RITA, self._roles)


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: Mapping[str, str]
    body: Any


class Api:
    """Sends requests to the handlers as the host does, for a caller with `roles`."""

    def __init__(self, hub: TaskHub, *roles: Role, installation: Installation | None = None) -> None:
        self.hub = hub
        self.invocation: Invocation = invocation(hub, installation, authentication=Known(*roles))

    async def send(
        self, route: str, *, path: Json | None = None, query: Json | None = None, body: Any = None, **headers: str
    ) -> Response:
        """The response to a request such as `GET runs/{id}`."""
        method, _, place = route.partition(" ")
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        request = func.HttpRequest(
            method,
            f"http://127.0.0.1/api/{place}",
            headers=sent,
            params=query or {},
            route_params=path or {},
            body=data,
        )
        response = await http.dispatch(request, self.invocation, ROUTES[place])
        content = response.get_body()
        return Response(response.status_code, response.headers, json.loads(content) if content else None)
