"""Objects over the bare protocol: create, update, apply, patch, list, watch, delete."""

import json

import pytest

from arcway.domain.json_values import Json
from tests.contract.kubernetes_api.conftest import Api, define_links

CORE_LEASES = "coordination.k8s.io"


def _config_map(name: str, **data: str) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def test_a_created_object_carries_identity_and_cannot_be_created_twice(api: Api) -> None:
    created = api.http.post(api.path("configmaps"), json=_config_map("a", x="1"))
    assert created.status_code == 201
    metadata = created.json()["metadata"]
    assert metadata["namespace"] == api.namespace
    assert metadata["uid"]
    assert metadata["creationTimestamp"].endswith("Z")
    second_response = api.http.post(api.path("configmaps"), json=_config_map("a"))
    assert (second_response.status_code, second_response.json()["reason"]) == (409, "AlreadyExists")
    assert second_response.json()["kind"] == "Status"


def test_an_update_of_an_old_version_conflicts(api: Api) -> None:
    first = api.http.post(api.path("configmaps"), json=_config_map("a", x="1")).json()
    first["data"]["x"] = "2"
    assert api.http.put(api.path("configmaps", "a"), json=first).status_code == 200
    stale = api.http.put(api.path("configmaps", "a"), json=first)
    assert (stale.status_code, stale.json()["reason"]) == (409, "Conflict")
    assert "the object has been modified" in stale.json()["message"]


def test_an_update_that_changes_nothing_keeps_the_version(api: Api) -> None:
    first = api.http.post(api.path("configmaps"), json=_config_map("a", x="1")).json()
    same = api.http.put(api.path("configmaps", "a"), json=first).json()
    assert same["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_a_lease_is_taken_by_one_of_two_holders(api: Api) -> None:
    path = api.path("leases", group=CORE_LEASES)
    lease = api.http.post(path, json={"metadata": {"name": "lock"}, "spec": {"holderIdentity": ""}}).json()
    answers = [
        api.http.put(f"{path}/lock", json=lease | {"spec": {"holderIdentity": holder, "leaseDurationSeconds": 300}})
        for holder in ("one", "two")
    ]
    assert [answer.status_code for answer in answers] == [200, 409]
    assert api.http.get(f"{path}/lock").json()["spec"]["holderIdentity"] == "one"


@pytest.mark.parametrize(
    ("body", "code", "reason"),
    [
        ({"metadata": {"name": "No_Good"}}, 422, "Invalid"),
        ({"metadata": {}}, 422, "Invalid"),
        ({"metadata": {"name": "a", "labels": "x"}}, 400, "BadRequest"),
        ({"metadata": {"name": "a"}, "data": ["x"]}, 400, "BadRequest"),
        ({"kind": "Secret", "metadata": {"name": "a"}}, 400, "BadRequest"),
        ({"metadata": {"name": "a", "namespace": "elsewhere"}}, 400, "BadRequest"),
    ],
)
def test_a_wrong_object_is_refused(api: Api, body: Json, code: int, reason: str) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap"} | body
    answer = api.http.post(api.path("configmaps"), json=body)
    assert (answer.status_code, answer.json()["reason"]) == (code, reason)


def test_what_is_not_there_is_not_found(api: Api) -> None:
    for path in (api.path("configmaps", "nothing"), api.path("nothings"), "/apis/nothing.example.com/v1"):
        assert api.http.get(path).status_code == 404
    lost = api.http.post("/api/v1/namespaces/no-such/configmaps", json=_config_map("a"))
    assert (lost.status_code, lost.json()["message"]) == (404, 'namespaces "no-such" not found')


def test_dry_run_stores_nothing(api: Api) -> None:
    answer = api.http.post(api.path("configmaps"), params={"dryRun": "All"}, json=_config_map("a"))
    assert answer.status_code == 201
    assert api.http.get(api.path("configmaps", "a")).status_code == 404


def test_apply_creates_merges_and_removes_what_is_no_longer_applied(api: Api) -> None:
    path = api.path("configmaps", "a")
    assert api.apply(path, _config_map("a", x="1", y="2"), "one").status_code == 201
    assert api.apply(path, _config_map("a", z="3"), "two").status_code == 200
    result = api.apply(path, _config_map("a", x="5"), "one").json()
    assert result["data"] == {"x": "5", "z": "3"}
    owners = {entry["manager"]: entry["fieldsV1"] for entry in result["metadata"]["managedFields"]}
    assert owners == {"one": {"f:data": {"f:x": {}}}, "two": {"f:data": {"f:z": {}}}}


def test_apply_conflicts_name_owner_and_field_and_force_takes_over(api: Api) -> None:
    path = api.path("configmaps", "a")
    api.apply(path, _config_map("a", x="1"), "one")
    refused = api.apply(path, _config_map("a", x="2"), "two", force="false")
    assert (refused.status_code, refused.json()["reason"]) == (409, "Conflict")
    cause = refused.json()["details"]["causes"][0]
    assert (cause["reason"], cause["field"]) == ("FieldManagerConflict", ".data.x")
    assert cause["message"] == 'conflict with "one"'
    assert api.apply(path, _config_map("a", x="1"), "three").status_code == 200
    forced = api.apply(path, _config_map("a", x="2"), "two", force="true").json()
    assert forced["data"] == {"x": "2"}
    assert [entry["manager"] for entry in forced["metadata"]["managedFields"]] == ["two"]


def test_apply_of_nothing_gives_everything_up(api: Api) -> None:
    path = api.path("configmaps", "a")
    api.apply(path, _config_map("a", x="1"), "one")
    api.apply(path, _config_map("a", y="2"), "two")
    result = api.apply(path, {"apiVersion": "v1", "kind": "ConfigMap"}, "one").json()
    assert result["data"] == {"y": "2"}
    assert [entry["manager"] for entry in result["metadata"]["managedFields"]] == ["two"]


def test_apply_of_string_data_overwrites_data_without_a_conflict(api: Api) -> None:
    # stringData is a field of its own to the ownership of fields, and becomes data only afterwards.
    api.http.post(api.path("secrets"), json={"metadata": {"name": "a"}, "data": {"key": "b3RoZXI="}})
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "stringData": {"key": "mine"}}
    applied = api.apply(api.path("secrets", "a"), body, "helm")
    assert (applied.status_code, applied.json()["data"]) == (200, {"key": "bWluZQ=="})
    assert "stringData" not in applied.json()
    owners = {entry["manager"]: entry["fieldsV1"] for entry in applied.json()["metadata"]["managedFields"]}
    assert owners["helm"] == {"f:stringData": {"f:key": {}}}
    refused = api.apply(api.path("secrets", "a"), body | {"stringData": {"key": "another"}}, "other")
    assert [cause["field"] for cause in refused.json()["details"]["causes"]] == [".stringData.key"]


def test_apply_conflicts_with_a_plain_update(api: Api) -> None:
    api.http.post(api.path("configmaps"), params={"fieldManager": "creator"}, json=_config_map("a", x="1"))
    refused = api.apply(api.path("configmaps", "a"), _config_map("a", x="2"), "other")
    assert refused.status_code == 409
    assert 'conflict with "creator" using v1' in refused.json()["message"]


def test_apply_merges_containers_by_name(api: Api) -> None:
    path = api.path("deployments", "web", group="apps")

    def deployment(container: Json) -> Json:
        labels = {"app": "web"}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}

    assert api.apply(path, deployment({"name": "main", "image": "i:1"}), "one").status_code == 201
    two = deployment({"name": "side", "image": "s:1"})
    result = api.apply(path, two, "two").json()
    assert [c["name"] for c in result["spec"]["template"]["spec"]["containers"]] == ["main", "side"]
    refused = api.apply(path, deployment({"name": "main", "image": "i:2"}), "two")
    assert refused.json()["details"]["causes"][0]["field"] == '.spec.template.spec.containers[name="main"].image'


def test_patch_kinds(api: Api) -> None:
    path = api.path("configmaps", "a")
    api.http.post(api.path("configmaps"), json=_config_map("a", x="1", y="2"))
    merged = api.patch(path, {"data": {"x": None, "z": "3"}}, "merge-patch").json()
    assert merged["data"] == {"y": "2", "z": "3"}
    patched = api.patch(path, [{"op": "replace", "path": "/data/y", "value": "9"}], "json-patch").json()
    assert patched["data"] == {"y": "9", "z": "3"}
    failed = api.patch(path, [{"op": "test", "path": "/data/y", "value": "0"}], "json-patch")
    assert failed.status_code == 422
    assert api.patch(path, {}, "unheard-of").status_code == 415


def test_strategic_merge_patch_merges_containers_and_sets_a_generation(api: Api) -> None:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "i:1"}]}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    path = api.path("deployments", group="apps")
    assert api.http.post(path, json={"metadata": {"name": "web"}, "spec": spec}).json()["metadata"]["generation"] == 1
    change = {"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "s:1"}]}}}}
    patched = api.patch(f"{path}/web", change, "strategic-merge-patch").json()
    names = {container["name"] for container in patched["spec"]["template"]["spec"]["containers"]}
    assert names == {"main", "side"}
    assert patched["metadata"]["generation"] == 2


def test_selectors(api: Api) -> None:
    for name, tier in (("a", "front"), ("b", "back"), ("c", "")):
        labels = {"tier": tier} if tier else {}
        body = {"metadata": {"name": name, "labels": labels}}
        assert api.http.post(api.path("configmaps"), json=body).status_code == 201

    def names(**query: str) -> set[str]:
        items = api.http.get(api.path("configmaps"), params=query).json()["items"]
        return {item["metadata"]["name"] for item in items} - {"kube-root-ca.crt"}

    assert names(labelSelector="tier=front") == {"a"}
    assert names(labelSelector="tier!=front") == {"b", "c"}
    assert names(labelSelector="tier in (front, back),!other") == {"a", "b"}
    assert names(labelSelector="!tier") == {"c"}
    assert names(fieldSelector="metadata.name=b") == {"b"}
    assert api.http.get(api.path("configmaps"), params={"fieldSelector": "data.x=1"}).status_code == 400
    assert api.http.get(api.path("configmaps"), params={"labelSelector": "a in ("}).status_code == 400


def test_pages_show_one_version(api: Api) -> None:
    path = api.path("secrets")
    for name in ("a", "b", "c"):
        api.http.post(path, json={"metadata": {"name": name}})
    first = api.http.get(path, params={"limit": "2"}).json()
    assert [item["metadata"]["name"] for item in first["items"]] == ["a", "b"]
    assert first["metadata"]["remainingItemCount"] == 1
    api.http.post(path, json={"metadata": {"name": "d"}})
    remaining = api.http.get(path, params={"limit": "2", "continue": first["metadata"]["continue"]}).json()
    assert [item["metadata"]["name"] for item in remaining["items"]] == ["c"]
    assert remaining["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_metadata_only_answers(api: Api) -> None:
    api.http.post(api.path("secrets"), json={"metadata": {"name": "a"}, "stringData": {"x": "1"}})
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    listed = api.http.get(api.path("secrets"), headers={"Accept": accept}).json()
    assert listed["kind"] == "PartialObjectMetadataList"
    assert "data" not in listed["items"][0]


def test_watch_from_a_version_sees_every_change_in_order(api: Api) -> None:
    path = api.path("secrets")
    version = api.http.get(path).json()["metadata"]["resourceVersion"]
    api.http.post(path, json={"metadata": {"name": "a", "labels": {"w": "1"}}})
    api.patch(f"{path}/a", {"metadata": {"labels": {"w": "2"}}}, "merge-patch")
    api.http.delete(f"{path}/a")
    types = [event["type"] for event in api.events(path, resourceVersion=version)]
    assert types == ["ADDED", "MODIFIED", "DELETED"]
    selected = [event["type"] for event in api.events(path, resourceVersion=version, labelSelector="w=1")]
    assert selected == ["ADDED", "DELETED"]


def test_watch_with_initial_events_ends_them_by_a_bookmark(api: Api) -> None:
    api.http.post(api.path("secrets"), json={"metadata": {"name": "a"}})
    query = {"sendInitialEvents": "true", "allowWatchBookmarks": "true", "resourceVersionMatch": "NotOlderThan"}
    events = api.events(api.path("secrets"), **query)
    assert [event["type"] for event in events[:2]] == ["ADDED", "BOOKMARK"]
    assert events[1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    without = api.http.get(api.path("secrets"), params={"watch": "true", "sendInitialEvents": "true"})
    assert without.status_code == 422


def test_watch_from_too_old_a_version_is_gone(api: Api) -> None:
    # What is watched appeared long after this version, so that no server can still know what happened since.
    (event,) = api.events(define_links(api), resourceVersion="1")
    assert event["type"] == "ERROR"
    assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")


def test_an_unreadable_continue_token_is_refused(api: Api) -> None:
    answer = api.http.get(api.path("secrets"), params={"limit": "1", "continue": "x"})
    assert (answer.status_code, answer.json()["reason"]) == (400, "BadRequest")


def test_finalizers_hold_an_object_back(api: Api) -> None:
    path = api.path("configmaps", "a")
    body = {"metadata": {"name": "a", "finalizers": ["example.com/hold"]}}
    api.http.post(api.path("configmaps"), json=body)
    assert "deletionTimestamp" in api.http.delete(path).json()["metadata"]
    assert api.http.get(path).status_code == 200
    api.patch(path, {"metadata": {"finalizers": None}}, "merge-patch")
    assert api.http.get(path).status_code == 404


def test_delete_answers_and_preconditions(api: Api) -> None:
    path = api.path("configmaps", "a")
    uid = api.http.post(api.path("configmaps"), json=_config_map("a")).json()["metadata"]["uid"]
    wrong = api.http.request("DELETE", path, content=json.dumps({"preconditions": {"uid": "other"}}))
    assert wrong.status_code == 409
    gone = api.http.request("DELETE", path, content=json.dumps({"preconditions": {"uid": uid}})).json()
    assert (gone["kind"], gone["status"], gone["details"]["uid"]) == ("Status", "Success", uid)


@pytest.mark.parametrize("policy", ["Foreground", "Background", "Orphan"])
def test_propagation_to_dependents(api: Api, policy: str) -> None:
    owner = api.http.post(api.path("configmaps"), json=_config_map("owner")).json()
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    reference["blockOwnerDeletion"] = True
    child = {"metadata": {"name": "child", "ownerReferences": [reference]}}
    assert api.http.post(api.path("configmaps"), json=child).status_code == 201
    options = json.dumps({"propagationPolicy": policy})
    api.http.request("DELETE", api.path("configmaps", "owner"), content=options)
    api.eventually(lambda: api.http.get(api.path("configmaps", "owner")).status_code == 404)
    if policy == "Orphan":
        child = api.http.get(api.path("configmaps", "child")).json()
        assert "ownerReferences" not in child["metadata"]
    else:
        api.eventually(lambda: api.http.get(api.path("configmaps", "child")).status_code == 404)


def test_a_namespace_is_terminating_until_it_is_empty(api: Api) -> None:
    with_finalizer = {"metadata": {"name": "held", "finalizers": ["example.com/hold"]}}
    api.http.post(api.path("configmaps"), json=with_finalizer)
    api.http.delete(f"/api/v1/namespaces/{api.namespace}")
    namespace = api.http.get(f"/api/v1/namespaces/{api.namespace}").json()
    assert namespace["status"]["phase"] == "Terminating"
    refused = api.http.post(api.path("configmaps"), json=_config_map("late"))
    assert (refused.status_code, refused.json()["reason"]) == (403, "Forbidden")
    assert refused.json()["details"]["causes"][0]["reason"] == "NamespaceTerminating"
    api.eventually(lambda: "deletionTimestamp" in api.http.get(api.path("configmaps", "held")).json()["metadata"])
    api.patch(api.path("configmaps", "held"), {"metadata": {"finalizers": None}}, "merge-patch")
    api.eventually(lambda: api.http.get(f"/api/v1/namespaces/{api.namespace}").status_code == 404)


def test_a_service_keeps_its_address(api: Api) -> None:
    spec: Json = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
    created = api.http.post(api.path("services"), json={"metadata": {"name": "web"}, "spec": spec}).json()
    changed = api.http.put(
        api.path("services", "web"),
        json={"metadata": {"name": "web"}, "spec": spec | {"ports": [{"port": 81}]}},
    ).json()
    assert changed["spec"]["ports"][0]["port"] == 81
    assert changed["spec"]["clusterIP"] == created["spec"]["clusterIP"] != ""
