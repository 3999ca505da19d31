"""Whatever a cluster answers, a step ends with an outcome or a named error that fits everywhere and steers nothing."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import activities.cluster_session as cluster_session
from activities import check_agents, check_cluster, check_release, poll_agents, poll_network_check, uninstall_agents
from activities.step import Call, perform
from arcway.azure.cloud import Cloud
from arcway.cluster.access.api import cluster_api
from arcway.cluster.access.connections import Connections
from arcway.cluster.agents import agent_status
from arcway.cluster.helm import Helm, Release
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json
from arcway.domain.request import parse_request
from tests.installations import local_installation
from tests.security import worlds
from tests.security.worlds import ACCESS, Client, places, spoilt, texts

CLUSTER = {"subscriptionId": worlds.SUBSCRIPTION, "resourceGroup": "clusters", "name": "shop"}
KUBECONFIG = {"kubeconfig": {"secret": "arcway-x"}}
CONNECT: Json = {**CLUSTER, **KUBECONFIG, "location": "eastus", "proxy": {"https": "http://proxy:3128"}}
REQUESTS: dict[str, Json] = {
    "check_cluster": CONNECT,
    "poll_agents": CONNECT,
    "poll_network_check": CONNECT,
    "check_agents": {**CLUSTER, **KUBECONFIG, "operation": "offboard"},
    "uninstall_agents": {**CLUSTER, **KUBECONFIG, "operation": "offboard"},
    "check_release": {**CLUSTER, **KUBECONFIG, "operation": "update", "autoUpgrade": True},
}
STEPS: dict[str, Callable[[Call[Any]], Mapping[str, Any]]] = {
    "check_cluster": check_cluster.check_cluster,
    "poll_agents": poll_agents.poll_agents,
    "poll_network_check": poll_network_check.poll_network_check,
    "check_agents": check_agents.check_agents,
    "uninstall_agents": uninstall_agents.uninstall_agents,
    "check_release": check_release.check_release,
}
JUNK: list[Any] = [
    *(
        None,
        True,
        5,
        -1,
        10**30,
        10**4000,
        1.5,
        "",
        "x",
        "9" * 5000,
        "1e999999",
        "\ud800",
        "\x1b[31m\x9b2J",
        "a\nb\r\u2028c",
    ),
    *("\u202edoc", "../../x", "a/b", "?x=y#z", "x" * 300_000, [], {}, [[]], [None], ["x"], {"a": {"b": []}}, "[bold]"),
    *("9999-99-99", "0001-01-01T00:00:00", "2026-01-01T00:00:00", {"x" * 9000: "\x00"}, [5] * 2000),
]


class NoHelm:
    """A release as Helm would read it."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: Release("deployed", 1, "1.30.0", {}) if name == "release" else None


def outcome_of(name: str, world: Json, paths: list[str] | None = None) -> Json:
    request = parse_request({**REQUESTS[name]}).as_json()
    extra = {"identityIssued": True, "location": "eastus", "force": True}
    addresses = [{"address": "a:443", "purpose": "p", "optional": False}]
    payload = {"request": request, "correlationId": "c", "traceparent": None, "runId": "r", "createdAt": worlds.NOW}
    with pytest.MonkeyPatch.context() as patch:
        installation = local_installation()
        installation.connections = cast("Connections", Client(world, paths))
        installation.helm = cast("Helm", NoHelm())
        installation.azure.cloud = cast("Cloud", SimpleNamespace(domain="com", agents_name="A"))
        patch.setattr(
            "arcway.cluster.access.server_certificate.expiry", lambda access: datetime.now(UTC) + timedelta(days=99)
        )
        patch.setattr(cluster_session, "open_access", lambda call: ACCESS)
        return perform(STEPS[name], {**payload, **extra, "addresses": addresses}, installation)


def assert_harmless(value: Any) -> None:
    data = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    assert len(data) <= 64 * 1024
    for line in texts(value):
        assert line.isprintable(), line[:200]


@pytest.mark.parametrize("name", STEPS)
def test_a_cluster_that_is_well_gives_an_outcome(name: str) -> None:
    world = worlds.cluster()
    del world["/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/arcway"]
    result = outcome_of(name, world)
    assert "ok" in result or result["error"]["code"] in (
        Code.POD_UNSCHEDULABLE,
        Code.CRASH_LOOP,
        Code.KUBERNETES_API_ERROR,
    ), result
    assert_harmless(result)


@pytest.mark.parametrize("name", STEPS)
@given(data=st.data())
@settings(max_examples=120, deadline=None, suppress_health_check=[*HealthCheck])
def test_any_answer_gives_an_outcome_or_a_named_error(name: str, data: st.DataObject) -> None:
    world = worlds.cluster()
    for path in data.draw(st.lists(st.sampled_from(sorted(world)), min_size=1, max_size=3, unique=True)):
        place = data.draw(st.sampled_from(list(places(world[path]))))
        world[path] = spoilt(world[path], place, data.draw(st.sampled_from(JUNK)))
    assert_harmless(outcome_of(name, world))


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[*HealthCheck])
def test_any_answer_gives_a_table_of_agents_or_a_named_error(data: st.DataObject) -> None:
    world = worlds.cluster()
    path = data.draw(st.sampled_from([f"{worlds.ARC}/pods", "/apis/apps/v1/namespaces/azure-arc/deployments"]))
    place = data.draw(st.sampled_from(list(places(world[path]))))
    world[path] = spoilt(world[path], place, data.draw(st.sampled_from(JUNK)))
    world["log"] = "\x1b]0;title\x07\ud800"
    try:
        with cluster_api(cast("Connections", Client(world)), ACCESS) as api:
            assert_harmless(agent_status.read(api))
    except ArcError as error:
        assert_harmless(error.as_dict())


def many(kind: Callable[[str], Json], count: int) -> Json:
    return worlds.of(*(kind(f"{kind.__name__}-{number:06}") for number in range(count)))


@pytest.mark.parametrize(
    ("step", "path", "kind", "count"),
    [
        ("check_cluster", "/api/v1/nodes", worlds.node, 15_000),
        ("check_agents", "/apis/rbac.authorization.k8s.io/v1/clusterroles", worlds.named, 10_000),
        ("check_agents", worlds.CRDS, worlds.definition, 5_000),
        ("uninstall_agents", worlds.CRDS, worlds.definition, 2_000),
        ("poll_agents", f"{worlds.ARC}/pods", worlds.pod, 4_000),
        ("poll_agents", "/apis/apps/v1/namespaces/azure-arc/deployments", worlds.deployment, 5_000),
    ],
)
def test_however_many_there_are_an_outcome_is_small(
    step: str, path: str, kind: Callable[[str], Json], count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = worlds.cluster()
    del world["/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/arcway"]
    world[path] = many(kind, count)
    for item in world[path]["items"]:
        item["metadata"]["annotations"] = {
            "meta.helm.sh/release-name": "azure-arc",
            "meta.helm.sh/release-namespace": "azure-arc-release",
        }
        if kind is worlds.node:
            item["status"]["conditions"] = []
    monkeypatch.setattr("arcway.cluster.access.api.ANSWER_BYTES", 10**9, raising=False)
    assert_harmless(outcome_of(step, world))


def test_an_object_with_an_odd_name_leads_no_request_elsewhere() -> None:
    for name in ("../../../api/v1/nodes/x", "x?dryRun=All", "x#y", "a b\r\nHost: z"):
        world = worlds.cluster()
        del world["/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/arcway"]
        item = worlds.definition("arccertificates.clusterconfig.azure.com")
        del item["metadata"]["deletionTimestamp"]
        item["metadata"].update(
            name=name,
            annotations={
                "meta.helm.sh/release-name": "azure-arc",
                "meta.helm.sh/release-namespace": "azure-arc-release",
            },
        )
        world[worlds.CRDS] = worlds.of(item)
        paths: list[str] = []
        outcome_of("uninstall_agents", world, paths)
        deleted = [path for path in paths if path.startswith("DELETE") and worlds.CRDS in path]
        assert all(path.removeprefix(f"DELETE {worlds.CRDS}/").count("/") == 0 for path in deleted)
        assert all(path.isascii() and " " not in path.removeprefix("DELETE ") for path in deleted)
        assert not any("/nodes/x" in path or path.endswith(f"{worlds.CRDS}/x") for path in paths)


@pytest.mark.parametrize(
    "outcome",
    [
        {"detail": "\ud800"},
        {"\ud800": 1},
        {"number": float("nan")},
        {"number": float("inf")},
        {"large": ["x" * 1000] * 100},
        {"deep": json.loads("[" * 500 + "]" * 500)},
        {"long": "x" * 300_000},
        {"huge": 10**5000},
    ],
)
def test_what_leaves_a_step_can_be_written_anywhere(outcome: Json) -> None:
    request = parse_request({**REQUESTS["check_cluster"]}).as_json()
    payload = {"request": request, "correlationId": "c", "traceparent": None, "runId": "r"}
    result = perform(lambda call: outcome, payload, local_installation())
    assert_harmless(result)
    assert "ok" in result or result["error"]["code"] == Code.STEP_RESULT_TOO_LARGE


def test_an_error_with_details_without_number_leaves_a_step() -> None:
    def fails(call: Call[Any]) -> Json:
        raise ArcError(
            Code.KUBERNETES_CHANGE_REFUSED,
            "\x1b[2J\n" + "x" * 100_000,
            details=[{"field": "\ud800", "message": "y" * 500}] * 9000,
        )

    request = parse_request({**REQUESTS["check_cluster"]}).as_json()
    result = perform(
        fails, {"request": request, "correlationId": "c", "traceparent": None, "runId": "r"}, local_installation()
    )
    assert result["error"]["code"] == Code.KUBERNETES_CHANGE_REFUSED
    assert_harmless(result)
