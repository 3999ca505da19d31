"""Fleets on the whole stack: many clusters by one request, what is in the way of some, and what can be asked of it."""

import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.fleets.member_map import MemberState, decode
from arcway.domain.json_values import Json
from arcway_local.stack import Stack
from tests.e2e.conftest import Arcway, Command, Control, SimulatedCluster
from tests.e2e.test_messages import Bus, bus, event, kind, open_bus  # noqa: F401 - fixtures

_SECONDS = 240


class Fleets:
    """The fleets of a test, each with a name of its own."""

    def __init__(self, arcway: Arcway) -> None:
        self.arcway = arcway
        self.name = f"fleet-{uuid.uuid4().hex[:8]}"

    def body(self, *members: Json, **fields: Any) -> Json:
        defaults = {
            "subscriptionId": self.arcway.subscription,
            "resourceGroup": "clusters",
            "createResourceGroup": True,
            "location": "eastus",
        }
        return {"fleet": self.name, "defaults": defaults, "members": list(members), **fields}

    def member(self, cluster: SimulatedCluster, **fields: Any) -> Json:
        return {"name": f"c-{cluster.name}", "kubeconfig": {"secret": cluster.secret}, **fields}

    def start(self, body: Json, **options: Any) -> Json:
        answer = self.arcway.http.post("/fleets", json=body, **options)
        assert answer.status_code == 202, answer.text
        fleet: Json = answer.json()
        assert answer.headers["Location"] == f"/api/fleets/{fleet['id']}"
        return fleet

    def command(self, name: str, body: Json | None = None, status: int = 202) -> Json:
        answer = self.arcway.http.post(f"/fleets/{self.name}/{name}", json=body or {})
        assert answer.status_code == status, answer.text
        document: Json = answer.json()
        return document

    def until(self, condition: Callable[[Json], bool]) -> Json:
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            fleet: Json = self.arcway.http.get(f"/fleets/{self.name}").raise_for_status().json()
            if condition(fleet):
                return fleet
            time.sleep(0.2)
        raise AssertionError(f"not met in {_SECONDS} s: {fleet}")

    def finish(self) -> Json:
        return self.until(lambda fleet: bool(fleet["finishedAt"]))

    def members(self, **query: Any) -> list[Json]:
        answer = self.arcway.http.get(f"/fleets/{self.name}/members", params=query).raise_for_status().json()
        value: list[Json] = answer["value"]
        return value


@pytest.fixture
def fleets(arcway: Arcway) -> Fleets:
    return Fleets(arcway)


@pytest.fixture
def clusters(cluster_control: Control, stack: Stack) -> list[SimulatedCluster]:
    return [SimulatedCluster(cluster_control, stack) for _ in range(3)]


def counts(fleet: Json) -> dict[str, int]:
    return {state: count for state, count in fleet["counts"].items() if count}


def test_many_clusters_are_connected_by_one_request(
    arcway: Arcway, fleets: Fleets, clusters: list[SimulatedCluster]
) -> None:
    members = [fleets.member(cluster, tags={"number": str(number)}) for number, cluster in enumerate(clusters)]
    body = fleets.body(*members)
    body["defaults"]["tags"] = {"team": "shop"}
    started = fleets.start(body)
    finished = fleets.finish()
    assert (finished["state"], counts(finished), finished["id"]) == ("Succeeded", {"succeeded": 3}, started["id"])
    assert list(decode(finished["map"], 3)) == [MemberState.SUCCEEDED] * 3
    for number, cluster in enumerate(clusters):
        resource = arcway.resource(cluster)
        assert resource
        assert (resource["properties"]["connectivityStatus"], resource["tags"]) == (
            "Connected",
            {"team": "shop", "number": str(number)},
        )
    listed = fleets.members()
    assert [member["name"] for member in listed] == [member["name"] for member in members]
    runs = [arcway.http.get(f"/runs/{member['run']}").json() for member in listed]
    assert {(run["state"], run["correlationId"]) for run in runs} == {("Succeeded", finished["correlationId"])}
    fleets.start(body)
    assert counts(fleets.finish()) == {"unchanged": 3}


def test_what_is_in_the_way_of_one_member_does_not_hold_up_the_others(
    arcway: Arcway, fleets: Fleets, clusters: list[SimulatedCluster], request: pytest.FixtureRequest
) -> None:
    busy, broken, well = clusters
    arcway.finish(arcway.start(arcway.request(well)).json()["id"])
    # A connection that is in progress until it is canceled.
    arcway.azure.put("paces", {"connection": {"seconds": 3600}})
    request.addfinalizer(lambda: arcway.azure.put("paces", {"connection": {"seconds": 0}}))
    blocking = arcway.start(arcway.request(busy, tags={"other": "request"})).json()["id"]
    arcway.wait_until(blocking, lambda run: run["phase"] == "waitForMetadata")
    missing = fleets.member(broken) | {"kubeconfig": {"secret": "arcway-missing"}}
    wrong = fleets.member(well) | {"resourceGroup": "none", "createResourceGroup": False, "name": "w"}
    wrong["kubeconfig"] = {"secret": clusters[1].secret}
    fleets.start(fleets.body(fleets.member(busy), missing, fleets.member(well), wrong))
    fleet = fleets.until(lambda fleet: counts(fleet) == {"parked": 2, "unchanged": 1, "failed": 1})
    assert {group["code"] for group in fleet["failures"]} == {
        Code.RUN_IN_PROGRESS,
        Code.SECRET_UNUSABLE,
        Code.RESOURCE_GROUP_NOT_FOUND,
    }
    assert fleet["nextTryAt"]
    (failed,) = fleets.members(state="failed")
    assert (failed["name"], failed["error"]["code"]) == ("w", Code.RESOURCE_GROUP_NOT_FOUND)
    assert fleets.members(code=Code.RESOURCE_GROUP_NOT_FOUND) == [failed]
    arcway.http.post(f"/runs/{blocking}/cancel").raise_for_status()
    arcway.finish(blocking)
    fleets.command("skip", {"members": [missing["name"]]})
    fleets.command("retry", {"members": [f"C-{busy.name}"]})
    fleets.until(lambda fleet: bool(fleet["finishedAt"]) or counts(fleet).get("running") == 1)
    fleets.command("cancel", {"running": "cancel"})
    finished = fleets.finish()
    (retried,) = (member for member in fleets.members() if member["name"].lower() == f"c-{busy.name}".lower())
    assert retried["state"] == "canceled"
    assert (counts(finished)["skipped"], counts(finished)["failed"]) == (1, 1)


def test_an_extension_is_applied_to_many_clusters_and_waits_for_those_that_are_not_connected(
    arcway: Arcway, fleets: Fleets, clusters: list[SimulatedCluster]
) -> None:
    for cluster in clusters:
        assert arcway.connect(cluster)["state"] == "Succeeded"
    arcway.say(clusters[2], "Expired")
    defaults: Json = {"subscriptionId": arcway.subscription, "resourceGroup": "clusters"}
    defaults["extension"] = {"name": "flux", "type": "microsoft.flux"}
    members = [{"name": f"c-{cluster.name}"} for cluster in clusters]
    body: Json = {"fleet": fleets.name, "operation": "applyExtension", "defaults": defaults, "members": members}
    plan = arcway.http.post("/fleets", params={"dryRun": "true", "depth": "azure"}, json=body).json()
    assert {name: count for name, count in plan["counts"].items() if count} == {"change": 2, "unreachable": 1}, plan
    fleets.start(body)
    fleet = fleets.until(lambda fleet: counts(fleet) == {"succeeded": 2, "parked": 1})
    assert [group["code"] for group in fleet["failures"]] == [Code.CLUSTER_NOT_CONNECTED]
    for cluster in clusters[:2]:
        path = f"/connectedClusters/{arcway.subscription}/clusters/c-{cluster.name}/extensions"
        (extension,) = arcway.http.get(path).json()["value"]
        assert extension["properties"]["provisioningState"] == "Succeeded"
    fleets.command("cancel")
    assert counts(fleets.finish())["succeeded"] == 2


def test_configurations_and_policy_are_applied_to_many_clusters(
    arcway: Arcway, fleets: Fleets, clusters: list[SimulatedCluster]
) -> None:
    for cluster in clusters[:2]:
        assert arcway.connect(cluster)["state"] == "Succeeded"
    source = {"url": "https://git.example/fleet", "branch": "main"}
    configuration = {"name": "apps", "gitRepository": source, "kustomizations": {"apps": {"path": "./apps"}}}
    members = [{"name": f"c-{cluster.name}"} for cluster in clusters[:2]]
    where = {"subscriptionId": arcway.subscription, "resourceGroup": "clusters"}
    for operation, fields in (("applyGitops", {"configuration": configuration}), ("enablePolicy", {})):
        fleets.name = f"fleet-{uuid.uuid4().hex[:8]}"
        body: Json = {"operation": operation, "defaults": {**where, **fields}, "members": members}
        fleets.start({"fleet": fleets.name, **body})
        assert counts(fleets.finish()) == {"succeeded": 2}
    for cluster in clusters[:2]:
        path = f"/connectedClusters/{arcway.subscription}/clusters/c-{cluster.name}"
        (item,) = arcway.http.get(f"{path}/fluxConfigurations").json()["value"]
        assert item["properties"]["complianceState"] == "Compliant"
        names = [item["name"] for item in arcway.http.get(f"{path}/extensions").json()["value"]]
        assert names == ["azurepolicy", "flux"]


def test_a_fleet_that_has_ended_continues_with_what_failed(
    arcway: Arcway, fleets: Fleets, clusters: list[SimulatedCluster]
) -> None:
    one, other, _ = clusters
    wrong = fleets.member(other, resourceGroup="later", createResourceGroup=False)
    first = fleets.start(fleets.body(fleets.member(one), wrong))
    assert counts(fleets.finish()) == {"succeeded": 1, "failed": 1}
    arcway.arm(
        "PUT", f"/subscriptions/{arcway.subscription}/resourceGroups/later", {"location": "eastus"}, "2022-09-01"
    )
    again = fleets.command("retry")
    assert again["id"] != first["id"]
    finished = fleets.finish()
    assert (finished["id"], finished["state"], counts(finished)) == (again["id"], "Succeeded", {"succeeded": 2})
    gone = arcway.http.get(f"/fleets/{first['id']}")
    assert (gone.status_code, gone.json()["code"]) == (410, Code.FLEET_SUPERSEDED)
    assert fleets.command("retry", status=409)["code"] == Code.FLEET_COMMAND_NOT_POSSIBLE


def test_what_members_share_is_never_older_than_a_fix(
    fleets: Fleets, arcway: Arcway, clusters: list[SimulatedCluster]
) -> None:
    one, other, _ = clusters
    subscription, write = f"subscriptions/{arcway.subscription}", "Microsoft.Kubernetes/connectedClusters/write"
    arcway.azure.put(subscription, {"notActions": [write]})
    fleets.start(fleets.body(fleets.member(one), fleets.member(other), start="all"))
    assert fleets.finish()["counts"]["failed"] == 2
    # What was wrong is not kept: the retry of a moment later sees the role.
    arcway.azure.put(subscription, {"notActions": []})
    fleets.command("retry")
    assert fleets.until(lambda fleet: fleet["state"] == "Succeeded")["counts"]["succeeded"] == 2
    # What was good is kept for a minute; a write that Azure refuses ends that.
    arcway.azure.put(subscription, {"notActions": [write]})
    tags: Json = {
        "operation": "update",
        "defaults": {"subscriptionId": arcway.subscription, "resourceGroup": "clusters"},
    }
    tag = Fleets(arcway)
    members = [{"name": f"c-{cluster.name}", "tags": {"a": "b"}} for cluster in (one, other)]
    tag.start({"fleet": tag.name, **tags, "members": members})
    assert tag.finish()["counts"]["failed"] == 2
    assert {member["error"]["code"] for member in tag.members()} == {Code.AZURE_PERMISSION_MISSING}
    arcway.azure.put(subscription, {"notActions": []})
    tag.command("retry")
    assert tag.until(lambda fleet: fleet["state"] == "Succeeded")["counts"]["succeeded"] == 2


def test_the_same_request_is_the_same_fleet_and_another_one_waits(fleets: Fleets, arcway: Arcway) -> None:
    members = [{"name": f"m{number}", "kubeconfig": {"secret": f"arcway-missing-{number}"}} for number in range(3)]
    body, key = fleets.body(*members), {"Idempotency-Key": str(uuid.uuid4())}
    with ThreadPoolExecutor(8) as pool:
        started = list(pool.map(lambda _: fleets.start(body, headers=key), range(8)))
    assert len({fleet["id"] for fleet in started}) == 1
    assert fleets.start(body)["id"] == started[0]["id"]
    other = arcway.http.post("/fleets", json={**body, "window": 7})
    assert (other.status_code, other.json()["code"]) == (409, Code.FLEET_IN_PROGRESS)
    reused = arcway.http.post("/fleets", json={**body, "window": 7}, headers=key)
    assert (reused.status_code, reused.json()["code"]) == (409, Code.IDEMPOTENCY_KEY_REUSED)
    fleets.until(lambda fleet: counts(fleet) == {"parked": 3})
    fleets.command("pause")
    fleets.until(lambda fleet: fleet["state"] == "Paused")
    fleets.command("cancel")
    finished = fleets.finish()
    assert (finished["state"], counts(finished)) == ("Canceled", {"canceled": 3})
    finished_again = arcway.http.post("/fleets", json=body, headers=key)
    assert (finished_again.status_code, finished_again.json()["id"]) == (200, started[0]["id"])


def test_nothing_is_started_of_a_request_with_one_wrong_member(fleets: Fleets, arcway: Arcway) -> None:
    body = fleets.body({"name": "a", "kubeconfig": {"secret": "arcway-a"}}, {"name": "b"})
    answer = arcway.http.post("/fleets", json=body)
    assert (answer.status_code, answer.json()["details"]) == (
        400,
        [{"field": "members.1.kubeconfig", "message": "Field required"}],
    )
    assert arcway.http.get(f"/fleets/{fleets.name}").status_code == 404


def test_a_message_starts_a_fleet(
    arcway: Arcway,
    fleets: Fleets,
    bus: Bus,  # noqa: F811
    clusters: list[SimulatedCluster],
) -> None:
    correlation = bus.send(fleets.body(*(fleets.member(cluster) for cluster in clusters[:2])))
    deadline = time.monotonic() + _SECONDS
    while arcway.http.get(f"/fleets/{fleets.name}").status_code == 404:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    finished = fleets.finish()
    assert (counts(finished), finished["correlationId"]) == ({"succeeded": 2}, correlation)
    heard = bus.heard(correlation, until={"fleet.succeeded"})
    fleet_events = [event(message) for message in heard if ".fleet." in event(message)["type"]]
    assert fleet_events[0]["type"] == "arcway.fleet.accepted.v1"
    assert fleet_events[-1]["data"]["fleet"] == {name: finished[name] for name in finished if name != "map"}
    rejected = bus.heard(bus.send(fleets.body({"name": "!"})))
    assert kind(rejected[-1]) == "rejected"
    fields = {item["field"] for item in event(rejected[-1])["data"]["error"]["details"]}
    assert fields == {"members.0.name", "members.0.kubeconfig"}


def test_the_command_line(
    arcway: Arcway, fleets: Fleets, clusters: list[SimulatedCluster], command: Command, tmp_path: Path
) -> None:
    lines = ["name,kubeconfig.secret,tags.number"]
    lines += [f"c-{cluster.name},{cluster.secret},{number}" for number, cluster in enumerate(clusters[:2])]
    lines.append("sleeping,arcway-missing,2")
    (tmp_path / "fleet.csv").write_text("\n".join(lines))
    options = ["--set", f"subscriptionId={arcway.subscription}", "--set", "resourceGroup=clusters"]
    options += ["--set", "location=eastus", "--set", "createResourceGroup=true", "--name", fleets.name]
    started = command("fleet", "apply", "-f", str(tmp_path / "fleet.csv"), *options, "--no-wait", "-o", "json")
    assert started.returncode == 0, started.stderr
    assert json.loads(started.stdout)["name"] == fleets.name
    fleets.until(lambda fleet: counts(fleet) == {"succeeded": 2, "parked": 1})
    assert command("fleet", "skip", fleets.name, "sleeping").returncode == 0
    followed = command("fleet", "show", fleets.name, "--follow", "-o", "json")
    assert (followed.returncode, json.loads(followed.stdout)["state"]) == (3, "Incomplete")
    members = command("fleet", "members", fleets.name, "-o", "jsonl").stdout.splitlines()
    assert [json.loads(line)["state"] for line in members] == ["succeeded", "succeeded", "skipped"]
    refused = command("fleet", "pause", fleets.name)
    assert (refused.returncode, "ARC-7004" in refused.stderr) == (6, True)
    assert fleets.name in command("fleet", "list").stdout
    (tmp_path / "bad.csv").write_text("name,location\na,eastus\nb\n")
    bad = command("fleet", "apply", "-f", str(tmp_path / "bad.csv"))
    assert (bad.returncode, "bad.csv:3: 1 cells, but the header has 2." in bad.stderr) == (2, True)


def test_clusters_are_selected_by_tag_by_run_and_by_another_fleet(
    arcway: Arcway, fleets: Fleets, clusters: list[SimulatedCluster]
) -> None:
    one, other, _ = clusters
    wrong = fleets.member(other, resourceGroup="none", createResourceGroup=False)
    fleets.start(fleets.body(fleets.member(one, tags={"team": "shop"}), wrong))
    fleets.finish()
    by_tag, by_run, by_fleet = Fleets(arcway), Fleets(arcway), Fleets(arcway)
    chosen = {"connectedClusters": {"subscriptions": [arcway.subscription], "tags": {"TEAM": "shop"}}}
    by_tag.start({"fleet": by_tag.name, "operation": "update", "defaults": {"tags": {"a": "b"}}, "select": chosen})
    assert (by_tag.finish()["state"], by_tag.members()[0]["name"]) == ("Succeeded", f"c-{one.name}")
    left_out = [f"c-{one.name}"]
    for fleet, selection in (
        (by_run, {"runs": {"since": "1h", "subscriptions": [arcway.subscription]}, "except": left_out}),
        (by_fleet, {"fleet": {"id": fleets.name}}),
    ):
        body = fleet.body(select=selection)
        answer = arcway.http.post("/fleets", json=body)
        assert answer.status_code == 202, answer.text
        assert f"c-{other.name}" in {member["name"] for member in fleet.members()}
    assert [member["name"] for member in by_fleet.members()] == [f"c-{other.name}"]
    by_fleet.command("cancel", {"running": "cancel"})
    by_run.command("cancel", {"running": "cancel"})
    by_run.finish()
    by_fleet.finish()
    nothing = {**fleets.body(), "fleet": "none", "select": {"fleet": {"id": by_tag.name}}}
    refused = arcway.http.post("/fleets", json=nothing)
    assert (refused.status_code, refused.json()["details"][0]["field"]) == (400, "select")
