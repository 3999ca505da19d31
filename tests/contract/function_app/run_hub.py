"""A task hub with runs behind an engine over gRPC that remembers what it told: lists of runs are read from it."""

import json
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, override

import azure.durable_functions as df
import durabletask.internal.orchestrator_service_pb2 as pb

from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json
from arcway.domain.request import parse_request, phases_of_request
from arcway.domain.run import new_run
from arcway.domain.timestamps import timestamp
from arcway.runs.reader import Filter, list_page
from arcway_local.functions.engine import Engine
from arcway_local.functions.records import LOCAL, OrchestrationWork
from tests.arcway_local.functions.driving import complete, raise_event, take
from tests.installations import invocation
from triggers.services import Invocation

SUBSCRIPTION = "aaaaaaaa-0000-4000-8000-000000000001"
FOUR_MIB = 4 * 1024 * 1024
OUTCOMES = {"Succeeded": pb.ORCHESTRATION_STATUS_COMPLETED, "Failed": pb.ORCHESTRATION_STATUS_FAILED}


class Recorder(Engine):
    """An engine that remembers what it told."""

    def __init__(self) -> None:
        super().__init__({"operation": "operation"})
        self.pages: list[pb.QueryInstancesResponse] = []
        self.single: list[pb.GetInstanceRequest] = []
        self.between_pages: Callable[[], None] = lambda: None
        self.is_sorted = True

    @override
    def QueryInstances(self, request: pb.QueryInstancesRequest, context: Any) -> pb.QueryInstancesResponse:
        if request.query.continuationToken.value:
            self.between_pages()
        assert not request.query.fetchInputsAndOutputs
        page = super().QueryInstances(request, context)
        if not self.is_sorted:
            states = list(page.orchestrationState)
            del page.orchestrationState[:]
            page.orchestrationState.extend(sorted(states, key=lambda state: state.instanceId))
        self.pages.append(page)
        return page

    @override
    def GetInstance(self, request: pb.GetInstanceRequest, context: Any) -> pb.GetInstanceResponse:
        if context is not LOCAL:
            self.single.append(request)
        return super().GetInstance(request, context)

    def rows(self) -> int:
        """Instances in the pages since the last call."""
        rows = sum(len(page.orchestrationState) for page in self.pages)
        self.pages.clear()
        return rows


class Hub:
    """A task hub with runs; `begin` and `show` are what the function app does to them."""

    def __init__(self) -> None:
        self.engine = Recorder()
        self.services = invocation().services
        self._work: dict[str, OrchestrationWork] = {}
        self._runs: dict[str, Json] = {}
        self._created_at = datetime.now(UTC)
        address = self.engine.start()
        configuration = {"taskHubName": "hub", "rpcBaseUrl": f"http://{address}", "requiredQueryStringParameters": ""}
        self._configuration = json.dumps(configuration)

    def begin(self, name: str, group: str = "clusters", operation: str = "onboard", **fields: Any) -> str:
        """Start a run, which shows no status yet; returns its instance."""
        body: Json = {"subscriptionId": SUBSCRIPTION, "resourceGroup": group, "name": name, **fields}
        body["kubeconfig"] = {"secret": "arcway-nothing"}
        self._created_at += timedelta(milliseconds=1)
        request = parse_request(body | ({"location": "eastus"} if operation == "onboard" else {}), operation)  # type: ignore[call-overload]
        payload = {
            "runId": uuid.uuid4().hex[:12],
            "operation": operation,
            "requestKey": str(uuid.uuid4()),
            "keys": [],
            "request": request.as_json(),
            "createdAt": timestamp(self._created_at),
            "correlationId": str(uuid.uuid4()),
        }
        instance = ClusterId(SUBSCRIPTION, group, name).instance()
        call = pb.CreateInstanceRequest(instanceId=instance, name="operation")
        call.input.value = json.dumps(payload)
        self.engine.StartInstance(call, LOCAL)
        self._work[instance] = take(self.engine)
        run_id = f"{instance}.{payload['runId']}"
        self._runs[instance] = new_run(run_id, request, phases_of_request(request), payload).as_json()
        return instance

    def show(self, instance: str, *actions: pb.OrchestratorAction, status: str | None = None, **changes: Any) -> None:
        """Let the run's orchestration make a step, after which it shows this."""
        self._runs[instance] |= changes
        if (work := self._work.pop(instance, None)) is None:
            raise_event(self.engine, instance)
            work = take(self.engine)
        response = pb.OrchestratorResponse(instanceId=instance, completionToken=work.token, actions=actions)
        response.customStatus.value = json.dumps(self._runs[instance]) if status is None else status
        self.engine.CompleteOrchestratorTask(response, LOCAL)

    def end(self, instance: str, state: str = "Succeeded") -> None:
        self.show(instance, complete(OUTCOMES[state]), state=state, finishedAt=timestamp(datetime.now(UTC)))

    def run(self, name: str, **fields: Any) -> str:
        """A run that has ended."""
        instance = self.begin(name, **fields)
        self.end(instance)
        return instance

    async def call[T](self, read: Callable[[Invocation], Awaitable[T]]) -> T:
        """What `read` returns with a client of its own, as every invocation has one."""
        client = df.DurableFunctionsClient(self._configuration)
        try:
            return await read(Invocation(self.services, client))
        finally:
            await client.close()

    async def page(self, top: int = 100, token: str | None = None, **chosen: str) -> tuple[list[Json], str | None]:
        """A page of the runs of the last day."""
        since = Filter(datetime.now(UTC) - timedelta(days=1), **chosen)
        return await self.call(lambda own: list_page(self.services.runs, own.client, since, top, token))

    async def names(self, **chosen: str) -> list[str]:
        documents, _ = await self.page(100, None, **chosen)
        return [document["cluster"]["name"] for document in documents]
