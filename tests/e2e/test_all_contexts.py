"""`arcway connect --all-contexts`: the clusters of a kubeconfig as one fleet, with a credential for each."""

import json
import uuid
from pathlib import Path
from typing import Any

from arcway.domain.json_values import Json
from arcway_local.stack import Stack
from tests.e2e.conftest import Arcway, Command, Control, SimulatedCluster

_LEFT_BY_A_CREDENTIAL = ("/api/v1/serviceaccounts", "/apis/rbac.authorization.k8s.io/v1/clusterroles")


def merged(clusters: dict[str, SimulatedCluster]) -> Json:
    """One kubeconfig with a context for each cluster, and one that leads nowhere."""
    document: Json = {"clusters": [], "users": [], "contexts": [], "current-context": ""}
    for number, (context, cluster) in enumerate(clusters.items()):
        own, name = cluster.kubeconfig, f"entry-{number}"
        document["clusters"].append({"name": name, "cluster": own["clusters"][0]["cluster"]})
        document["users"].append({"name": name, "user": own["users"][0]["user"]})
        document["contexts"].append({"name": context, "context": {"cluster": name, "user": name}})
    nowhere = {"cluster": "nowhere", "user": document["users"][0]["name"]}
    document["clusters"].append({"name": "nowhere", "cluster": {"server": "https://127.0.0.1:1"}})
    document["contexts"].append({"name": "broken", "context": nowhere})
    return document


def names_in(cluster: SimulatedCluster, path: str) -> set[str]:
    return {item["metadata"]["name"] for item in cluster.get(path)["items"]}


def test_the_contexts_of_a_kubeconfig_are_connected_as_a_fleet(
    arcway: Arcway, cluster_control: Control, stack: Stack, command: Command, tmp_path: Path
) -> None:
    contexts = [f"arn:aws:eks:eu:1:cluster/shop-{uuid.uuid4().hex[:6]}", f"site_{uuid.uuid4().hex[:6]}", "other"]
    clusters = {context: SimulatedCluster(cluster_control, stack) for context in contexts}
    (tmp_path / "config").write_text(json.dumps(merged(clusters)))
    fleet = f"contexts-{uuid.uuid4().hex[:6]}"
    options: list[Any] = ["--all-contexts", "--kube-config", tmp_path / "config", "-g", "clusters", "-l", "eastus"]
    options += ["--subscription", arcway.subscription, "--fleet", fleet, "--except", "oth*", "-y"]
    before = {context: names_in(cluster, _LEFT_BY_A_CREDENTIAL[0]) for context, cluster in clusters.items()}
    connected = command("connect", *map(str, options))
    # One context leads nowhere: the others are connected.
    assert (connected.returncode, "broken: ARC-3001" in connected.stderr) == (3, True), connected.stderr
    listed = arcway.http.get(f"/fleets/{fleet}/members").json()["value"]
    expected = [contexts[0].rpartition("/")[2], contexts[1]]
    assert [(member["name"], member["state"]) for member in listed] == [(name, "succeeded") for name in expected]
    for context in contexts[:2]:
        accounts = names_in(clusters[context], _LEFT_BY_A_CREDENTIAL[0])
        assert {name for name in accounts - before[context] if name.startswith("arcway-")} == set()
    assert names_in(clusters["other"], "/api/v1/namespaces") & {"azure-arc"} == set()


def test_nothing_is_done_without_a_confirmation_or_with_names_that_clash(
    arcway: Arcway, cluster_control: Control, stack: Stack, command: Command, tmp_path: Path
) -> None:
    cluster = SimulatedCluster(cluster_control, stack)
    (tmp_path / "config").write_text(json.dumps(merged({"a/shop": cluster, "b/Shop": cluster})))
    options = ["--all-contexts", "--kube-config", str(tmp_path / "config"), "-g", "clusters", "-l", "eastus"]
    clashing = command("connect", *options, "-y")
    assert (clashing.returncode, "Several contexts give the name shop." in clashing.stderr) == (2, True)
    before = [names_in(cluster, path) for path in _LEFT_BY_A_CREDENTIAL]
    unconfirmed = command("connect", *options, "--only", "a/*")
    assert unconfirmed.returncode != 0
    assert [names_in(cluster, path) for path in _LEFT_BY_A_CREDENTIAL] == before
    assert command("connect", *options, "-n", "x").returncode == 2
    assert command("connect", "-g", "clusters", "-l", "eastus").returncode == 2
