"""The engine's client is kept between invocations, and made again for another configuration or event loop."""

import asyncio
import json

import azure.durable_functions as df

from arcway.engine_client import EngineClients


def _configuration(port: int) -> str:
    return json.dumps({"taskHubName": "hub", "rpcBaseUrl": f"http://127.0.0.1:{port}"})


def test_client_is_reused_by_invocations_of_one_configuration() -> None:
    clients = EngineClients()

    async def invocations() -> tuple[df.DurableFunctionsClient, df.DurableFunctionsClient]:
        return clients.client_of(_configuration(1)), clients.client_of(_configuration(1))

    first, second = asyncio.run(invocations())
    assert first is second
    assert first.rpcBaseUrl == "http://127.0.0.1:1"


def test_another_configuration_has_another_client() -> None:
    clients = EngineClients()

    async def invocations() -> list[str]:
        return [clients.client_of(_configuration(port)).rpcBaseUrl for port in (1, 2, 1)]

    assert asyncio.run(invocations()) == ["http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:1"]


def test_another_event_loop_has_another_client() -> None:
    """A channel of grpc.aio belongs to the loop on which it was made."""
    clients = EngineClients()

    async def invocation() -> df.DurableFunctionsClient:
        return clients.client_of(_configuration(1))

    assert asyncio.run(invocation()) is not asyncio.run(invocation())


def test_function_gets_the_client_in_place_of_the_configuration() -> None:
    clients, blueprint = EngineClients(), df.Blueprint()

    async def function(payload: dict, client: df.DurableFunctionsClient) -> tuple[object, str]:  # type: ignore[type-arg]
        return payload, client.rpcBaseUrl

    blueprint.activity_trigger(input_name="payload")(clients.input(blueprint)(function))
    registered = next(item for item in _functions(blueprint) if item.get_function_name() == "function")
    bound = registered.get_user_function()
    assert asyncio.run(bound(payload={"a": 1}, client=_configuration(7))) == ({"a": 1}, "http://127.0.0.1:7")
    # The host's worker reads the annotations, and hands over a configuration only where text is expected.
    assert bound.__annotations__["client"] is str
    (binding,) = (item for item in registered.get_dict_repr()["bindings"] if item["name"] == "client")
    assert (binding["type"], binding["durableRequiresGrpc"]) == ("durableClient", True)


def _functions(blueprint: df.Blueprint) -> list:  # type: ignore[type-arg]
    app = df.DFApp()
    app.register_functions(blueprint)
    return list(app.get_functions())
