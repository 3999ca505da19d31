"""Plans of fleets on the whole stack: what would be done, nothing done for it, and fleets that are held to a plan."""

import asyncio
import hashlib
import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from arcway.domain.codes import Code
from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json
from arcway.runs.fleet_checks import start_check
from arcway_local.stack import Stack
from tests.e2e.conftest import Arcway, Command, Control, SimulatedCluster
from tests.e2e.test_fleets import Fleets, counts

_WRITES = {"PUT", "PATCH", "POST", "DELETE"}


@pytest.fixture
def fleets(arcway: Arcway) -> Fleets:
    return Fleets(arcway)


@pytest.fixture
def clusters(cluster_control: Control, stack: Stack) -> list[SimulatedCluster]:
    return [SimulatedCluster(cluster_control, stack) for _ in range(3)]


def key(arcway: Arcway, name: str, group: str = "clusters") -> str:
    return ClusterId(arcway.subscription, group, name).key


def away(cluster: SimulatedCluster) -> str:
    """The secret of a kubeconfig whose API server does not respond."""
    kubeconfig = json.loads(json.dumps(cluster.kubeconfig))
    kubeconfig["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    return cluster.store(json.dumps(kubeconfig))


def written(arcway: Arcway) -> list[Json]:
    """The requests by which something was changed in this test's subscription."""
    return [item for item in arcway.asked("/") if item["method"] in _WRITES]


def tag(arcway: Arcway, cluster: SimulatedCluster, tags: Json) -> None:
    """Change the tags of a connected cluster behind Arcway's back."""
    resource_id = ClusterId(arcway.subscription, "clusters", f"c-{cluster.name}").resource_id
    assert arcway.arm("PATCH", resource_id, {"tags": tags}).is_success


def planned(lines: str) -> dict[str, tuple[str, list[str], str | None]]:
    """The members of a plan's lines: class, changes and code."""
    members = map(json.loads, lines.splitlines()[1:])
    return {item["resourceId"]: (item["class"], item["changes"], item["code"]) for item in members}


def test_a_plan_says_what_would_be_done_and_nothing_is_done_for_it(
    arcway: Arcway, fleets: Fleets, clusters: list[SimulatedCluster], command: Command, tmp_path: Path
) -> None:
    new, tagged, same = clusters
    for cluster in (tagged, same):
        assert arcway.connect(cluster, tags={"team": "shop"})["state"] == "Succeeded"
    sleeping = {"name": "sleeping", "kubeconfig": {"secret": away(new)}}
    refused = {"name": "refused", "resourceGroup": "none", "createResourceGroup": False}
    refused["kubeconfig"] = {"secret": new.store(json.dumps(new.kubeconfig))}
    members = [fleets.member(new), fleets.member(tagged, tags={"team": "bank"}), fleets.member(same), sleeping, refused]
    (tmp_path / "fleet.json").write_text(json.dumps(fleets.body(*members)))
    objects, before = new.objects(), len(written(arcway))
    options = ("-f", str(tmp_path / "fleet.json"), "--quiet")
    first = command("fleet", "plan", *options, "--out", str(tmp_path / "first"), "-o", "jsonl")
    assert first.returncode == 1, first.stderr
    text = (tmp_path / "first").read_text()
    assert first.stdout == text
    assert planned(text) == {
        key(arcway, f"c-{new.name}"): ("create", [], None),
        key(arcway, f"c-{tagged.name}"): ("change", ["tags"], None),
        key(arcway, f"c-{same.name}"): ("unchanged", [], None),
        key(arcway, "sleeping"): ("unreachable", [], Code.API_SERVER_UNREACHABLE),
        key(arcway, "refused", "none"): ("refused", [], Code.RESOURCE_GROUP_NOT_FOUND),
    }
    head, _, lines = text.partition("\n")
    assert json.loads(head) == {
        "fleet": fleets.name,
        "operation": "onboard",
        "depth": "cluster",
        "digest": hashlib.sha256(lines.encode()).hexdigest(),
    }
    # The same plan twice is byte-identical; only what changed in between is a difference.
    second = command("fleet", "plan", *options, "-o", "jsonl")
    assert second.stdout == text
    tag(arcway, same, {"team": "other"})
    fleet = json.loads((tmp_path / "fleet.json").read_text())
    fleet["defaults"]["tags"] = {"team": "shop"}
    (tmp_path / "fleet.json").write_text(json.dumps(fleet))
    third = command("fleet", "plan", *options, "--diff", str(tmp_path / "first"), "-o", "jsonl")
    assert [json.loads(line) for line in third.stdout.splitlines()] == [
        {
            "resourceId": key(arcway, f"c-{same.name}"),
            "before": {"class": "unchanged", "changes": [], "code": None},
            "after": {"class": "change", "changes": ["tags"], "code": None},
        }
    ]
    # One PATCH is the test's own.
    assert len(written(arcway)) == before + 1
    assert new.objects() == objects


def test_a_plan_shows_the_stages_of_either_depth(
    fleets: Fleets, clusters: list[SimulatedCluster], command: Command, tmp_path: Path
) -> None:
    body = fleets.body(*map(fleets.member, clusters))
    body |= {"budget": "strict", "maxFailures": 0}
    body |= {"stages": [{"name": "canary", "first": 1, "soak": "1h"}, {"name": "rest"}]}
    (tmp_path / "fleet.json").write_text(json.dumps(body))
    for depth in ("azure", "cluster"):
        options = ("-f", str(tmp_path / "fleet.json"), "--quiet", "--depth", depth)
        document = json.loads(command("fleet", "plan", *options, "-o", "json").stdout)
        assert [(item["name"], item["size"], item["atOnce"], item["soak"]) for item in document["stages"]] == [
            ("canary", 1, 1, 3600),
            ("rest", 2, 1, 0),
        ]
    table = command("fleet", "plan", *options).stdout
    rows = [line.split() for line in table.splitlines()]
    assert ["Stage", "Members", "At", "once", "May", "fail", "Besides"] in rows
    assert ["canary", "1", "1", "0", "soak", "of", "3600", "s"] in rows


def test_a_fleet_that_is_held_to_a_plan_parks_what_got_worse_and_does_the_rest(
    arcway: Arcway, fleets: Fleets, clusters: list[SimulatedCluster], command: Command, tmp_path: Path
) -> None:
    new, tagged, same = clusters
    for cluster in (tagged, same):
        assert arcway.connect(cluster, tags={"team": "shop"})["state"] == "Succeeded"
    body = fleets.body(fleets.member(new), fleets.member(tagged), fleets.member(same), start="all")
    body["defaults"]["tags"] = {"team": "shop"}
    (tmp_path / "fleet.json").write_text(json.dumps(body))
    options, plan = ("-f", str(tmp_path / "fleet.json")), tmp_path / "fleet.plan"
    plan_command = command("fleet", "plan", *options, "--out", str(plan), "--quiet")
    assert plan_command.returncode == 2, plan_command.stderr
    assert "1 create, 2 unchanged" in plan_command.stderr
    tag(arcway, same, {"team": "other"})
    applied = command("fleet", "apply", *options, "--plan", str(plan), "--no-wait")
    assert applied.returncode == 0, applied.stderr
    fleet = fleets.until(lambda fleet: counts(fleet) == {"succeeded": 1, "unchanged": 1, "parked": 1})
    assert [group["code"] for group in fleet["failures"]] == [Code.MEMBER_NOT_AS_PLANNED]
    (parked,) = fleets.members(state="parked")
    assert parked["name"] == f"c-{same.name}"
    assert parked["error"]["message"] == "The plan says unchanged, but the check says change (tags)."
    resource = arcway.resource(same)
    assert resource is not None
    assert resource["tags"] == {"team": "other"}
    # A person may have it done all the same.
    assert command("fleet", "retry", fleets.name, "--code", Code.MEMBER_NOT_AS_PLANNED).returncode == 0
    assert counts(fleets.finish()) == {"succeeded": 2, "unchanged": 1}
    resource = arcway.resource(same)
    assert resource is not None
    assert resource["tags"] == {"team": "shop"}


def test_a_plan_of_something_else_is_refused(
    arcway: Arcway, fleets: Fleets, clusters: list[SimulatedCluster], command: Command, tmp_path: Path
) -> None:
    (tmp_path / "fleet.json").write_text(json.dumps(fleets.body(fleets.member(clusters[0]))))
    options, plan = ("-f", str(tmp_path / "fleet.json")), tmp_path / "fleet.plan"
    assert command("fleet", "plan", *options, "--depth", "azure", "--out", str(plan)).returncode == 2
    text = plan.read_text()
    plan.write_text(text.replace("create", "unchanged"))
    edited = command("fleet", "apply", *options, "--plan", str(plan))
    assert (edited.returncode, "fleet.plan was edited" in edited.stderr) == (2, True), edited.stderr
    plan.write_text(text)
    fewer = fleets.body(fleets.member(clusters[1]))
    (tmp_path / "fleet.json").write_text(json.dumps(fewer))
    fewer_members = command("fleet", "apply", *options, "--plan", str(plan))
    assert (fewer_members.returncode, "is not a member of the fleet" in fewer_members.stderr) == (2, True), (
        fewer_members.stderr
    )
    renamed = command("fleet", "apply", *options, "--name", "other", "--plan", str(plan))
    assert (renamed.returncode, f"is a plan of fleet {fleets.name}, not of other" in renamed.stderr) == (2, True)
    assert arcway.http.get(f"/fleets/{fleets.name}").status_code == 404


def _plan_by_lists(arcway: Arcway, body: Json) -> tuple[Json, list[Json]]:
    """The plan, and the requests that Azure got for it."""
    arcway.azure.http.delete("/control/requests").raise_for_status()
    answer = arcway.http.post("/fleets", params={"dryRun": "true", "depth": "azure"}, json=body)
    assert answer.status_code == 200, answer.text
    plan: Json = answer.json()
    return plan, arcway.asked("/")


def test_a_plan_by_lists_asks_azure_nothing_for_one_member_alone(
    arcway: Arcway, fleets: Fleets, clusters: list[SimulatedCluster]
) -> None:
    tagged, same, _ = clusters
    for cluster in (tagged, same):
        assert arcway.connect(cluster, tags={"team": "shop"})["state"] == "Succeeded"
    members = [fleets.member(tagged, tags={"team": "bank"}), fleets.member(same)]
    members += [{"name": f"m{number:04}", "kubeconfig": {"secret": f"arcway-{number}"}} for number in range(500)]
    plan, requests = _plan_by_lists(arcway, fleets.body(*members))
    assert {name: count for name, count in plan["counts"].items() if count} == {
        "create": 500,
        "change": 1,
        "unchanged": 1,
    }
    assert (plan["depth"], plan["estimate"]["writes"]) == ("azure", 501)
    assert {item["method"] for item in requests} == {"GET"}
    assert len(requests) <= 8
    reordered, _ = _plan_by_lists(arcway, fleets.body(*reversed(members)))
    assert reordered == plan


@pytest.mark.parametrize("denied", ["Microsoft.Kubernetes/connectedClusters/write", "*/register/action"])
def test_a_plan_by_lists_has_what_azure_refuses(arcway: Arcway, fleets: Fleets, denied: str) -> None:
    for namespace in ("Microsoft.Kubernetes", "Microsoft.KubernetesConfiguration"):
        arcway.azure.put(f"providers/{arcway.subscription}/{namespace}", {"state": "NotRegistered"})
    group = f"/subscriptions/{arcway.subscription}/resourceGroups/clusters"
    assert arcway.arm("PUT", group, {"location": "eastus"}, "2022-09-01").is_success
    arcway.azure.put(f"subscriptions/{arcway.subscription}", {"notActions": [denied]})
    members: list[Json] = [
        {"name": "a", "kubeconfig": {"secret": "arcway-a"}},
        {"name": "b", "resourceGroup": "none", "createResourceGroup": False, "kubeconfig": {"secret": "arcway-b"}},
        {"name": "c", "subscriptionId": "99999999-0000-0000-0000-000000000000", "kubeconfig": {"secret": "arcway-c"}},
    ]
    plan, _ = _plan_by_lists(arcway, fleets.body(*members))
    codes = {item["resourceId"].rpartition("/")[2]: (item["class"], item["code"]) for item in plan["members"]}
    missing = Code.AZURE_PERMISSION_MISSING if "write" in denied else Code.PROVIDER_NOT_REGISTERED
    assert codes == {
        "a": ("refused", missing),
        "b": ("refused", Code.RESOURCE_GROUP_NOT_FOUND),
        "c": ("refused", Code.SUBSCRIPTION_NOT_FOUND),
    }


@pytest.mark.parametrize("depth", ["azure", "cluster"])
def test_a_member_on_whose_cluster_a_run_is_in_progress_is_busy(
    arcway: Arcway, fleets: Fleets, clusters: list[SimulatedCluster], depth: str
) -> None:
    cluster = clusters[0]
    # A connection that is in progress until it is canceled.
    arcway.azure.put("paces", {"connection": {"seconds": 3600}})
    blocking = arcway.start(arcway.request(cluster)).json()["id"]
    arcway.wait_until(blocking, lambda run: run["phase"] == "waitForMetadata")
    body = fleets.body(fleets.member(cluster, tags={"a": "b"}))
    answer = arcway.http.post("/fleets", params={"dryRun": "true", "depth": depth}, json=body)
    assert answer.is_success, answer.text
    plan: Json = answer.json()
    if depth == "cluster":
        fleets.name = plan["id"]
        assert fleets.finish()["state"] == "Succeeded"
        plan = arcway.http.get(f"/fleets/{fleets.name}/plan").raise_for_status().json()
    (member,) = plan["members"]
    assert (member["class"], member["code"]) == ("busy", Code.RUN_IN_PROGRESS)
    arcway.http.post(f"/runs/{blocking}/cancel").raise_for_status()
    arcway.finish(blocking)


def test_other_operations_have_plans(arcway: Arcway, fleets: Fleets, clusters: list[SimulatedCluster]) -> None:
    connected, absent, _ = clusters
    assert arcway.connect(connected)["state"] == "Succeeded"
    before = len(written(arcway))
    place: Json = {"subscriptionId": arcway.subscription, "resourceGroup": "clusters"}
    members = [fleets.member(connected), fleets.member(absent)]
    results = {}
    for operation, fields in (("offboard", {}), ("update", {"tags": {"a": "b"}}), ("upgrade", {})):
        fleet = Fleets(arcway)
        body: Json = {"fleet": fleet.name, "operation": operation, "defaults": {**place, **fields}, "members": members}
        answer = arcway.http.post("/fleets", params={"dryRun": "true"}, json=body)
        assert answer.status_code == 202, answer.text
        assert arcway.http.get(f"/fleets/{fleet.name}").status_code == 404
        in_progress = arcway.http.get(f"/fleets/{fleet.name}/plan")
        assert in_progress.status_code in (200, 409)
        document = answer.json()
        fleet.name = document["id"]
        finished = fleet.finish()
        assert (finished["state"], finished["name"], finished["checks"]) == (
            "Succeeded",
            f"{body['fleet']}/check",
            True,
        )
        plan = arcway.http.get(f"/fleets/{body['fleet']}/plan").raise_for_status().json()
        by_id = {item["resourceId"]: (item["class"], item["changes"], item["code"]) for item in plan["members"]}
        results[operation] = [by_id[key(arcway, f"c-{cluster.name}")] for cluster in (connected, absent)]
    not_found: tuple[str, list[str], str] = ("refused", [], Code.CONNECTED_CLUSTER_NOT_FOUND)
    assert results["offboard"] == [("change", ["agents", "connectedCluster"], None), ("unchanged", [], None)]
    assert results["update"] == [("change", ["tags"], None), not_found]
    # Auto-upgrade is on, as it is by default.
    assert results["upgrade"] == [("refused", [], Code.AUTO_UPGRADE_ON), not_found]
    assert len(written(arcway)) == before


class ManagementClient:
    """What `start_check` needs of a durable client, over the engine's management API."""

    def __init__(self, arcway: Arcway) -> None:
        self.base = f"{arcway.stack.url}/runtime/webhooks/durabletask"
        self.options: Json = {"headers": arcway.management_key, "timeout": 240}

    async def get_orchestration_state(self, instance: str) -> Any:
        url = f"{self.base}/instances/{instance}"
        answer = await asyncio.to_thread(httpx.get, url, **self.options)
        if answer.status_code == 404:
            return None
        document = answer.json()
        return SimpleNamespace(get_input=lambda: document["input"], runtime_status=document["runtimeStatus"])

    async def schedule_new_orchestration(self, name: str, *, input: Json, instance_id: str) -> None:  # noqa: A002
        url = f"{self.base}/orchestrators/{name}/{instance_id}"
        answer = await asyncio.to_thread(httpx.post, url, json=input, **self.options)
        answer.raise_for_status()

    def events(self, instance: str, name: str) -> list[Any]:
        """The events of this name that an instance has received."""
        query = {"showHistory": "true", "showHistoryOutput": "true"}
        document = httpx.get(f"{self.base}/instances/{instance}", params=query, **self.options).json()
        history = document["historyEvents"]
        return [item["Input"] for item in history if item["EventType"] == "EventRaised" and item["Name"] == name]


def test_a_check_of_some_members_tells_the_fleet_that_is_in_progress(
    arcway: Arcway, fleets: Fleets, clusters: list[SimulatedCluster]
) -> None:
    arcway.azure.put("paces", {"connection": {"seconds": 3600}})
    started = fleets.start(fleets.body(*map(fleets.member, clusters), window=1))
    parent, client = started["id"], ManagementClient(arcway)
    fleets.until(lambda _: any(member["run"] for member in fleets.members(state="running")))
    (first,) = fleets.members(state="running")
    arcway.wait_until(first["run"], lambda run: run["phase"] == "waitForMetadata")
    instance = parent.partition(".")[0]
    durable: Any = client

    async def check() -> str:
        payload = (await client.get_orchestration_state(instance)).get_input()
        checks = [await start_check(durable, payload, 0, 2, parent=parent) for _ in range(2)]
        assert checks[0] == checks[1]
        return str(checks[0])

    check_id = asyncio.run(check())
    deadline = time.monotonic() + 240
    while not (events := client.events(instance, "checked")):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    (report,) = [json.loads(item) if isinstance(item, str) else item for item in events]
    plan = arcway.http.get(f"/fleets/{check_id}/plan").raise_for_status().json()
    assert [item["class"] for item in plan["members"]].count("busy") == 1
    assert {name: count for name, count in report["classes"].items() if count} == {"busy": 1, "create": 1}
    assert report["codes"] == {Code.RUN_IN_PROGRESS: 1}
    assert (report["fleet"], report["check"], report["first"], report["count"]) == (parent, check_id, 0, 2)
    assert report["digest"] == plan["digest"]
    # The list is still the fleet's.
    assert len(fleets.members()) == 3
    fleets.command("cancel", {"running": "cancel"})
    assert fleets.finish()["state"] == "Canceled"
