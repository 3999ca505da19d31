"""Watches as waiting code uses them, Leases as locks, events, and callers without a name."""

import threading
from datetime import UTC, datetime

import httpx

from arcway.domain.json_values import Json
from tests.contract.kubernetes_api.conftest import Api

_LEASES = "coordination.k8s.io"


def _microseconds() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_a_watch_of_one_name_sees_only_that(api: Api) -> None:
    path = api.path("configmaps")
    version = api.http.get(path).json()["metadata"]["resourceVersion"]
    for name in ("a", "b"):
        api.http.post(path, json={"metadata": {"name": name}})
    api.http.delete(f"{path}/a")
    events = api.events(path, resourceVersion=version, fieldSelector="metadata.name=a")
    assert [(event["type"], event["object"]["metadata"]["name"]) for event in events] == [
        ("ADDED", "a"),
        ("DELETED", "a"),
    ]
    assert events[1]["object"]["metadata"]["resourceVersion"] > events[0]["object"]["metadata"]["resourceVersion"]


def test_a_watch_without_a_version_begins_with_what_is_there(api: Api) -> None:
    api.http.post(api.path("secrets"), json={"metadata": {"name": "a"}})
    assert [event["type"] for event in api.events(api.path("secrets"))] == ["ADDED"]


def test_a_watch_that_is_open_hears_of_a_change(api: Api) -> None:
    path = api.path("secrets")
    version = api.http.get(path).json()["metadata"]["resourceVersion"]
    heard: list[Json] = []
    watcher = threading.Thread(
        target=lambda: heard.extend(api.events(path, resourceVersion=version, timeoutSeconds="3"))
    )
    watcher.start()
    api.http.post(path, json={"metadata": {"name": "late"}})
    watcher.join(timeout=240)
    assert [event["object"]["metadata"]["name"] for event in heard] == ["late"]


def test_bookmarks_carry_a_version_to_continue_from(api: Api) -> None:
    path = api.path("secrets")
    response = api.http.post(path, json={"metadata": {"name": "a"}}).json()["metadata"]["resourceVersion"]
    bookmarks: list[str] = []
    for seconds in ("4", "8", "16"):  # a busy server sends its bookmark late, and none when the watch ends before
        events = api.events(path, resourceVersion=response, allowWatchBookmarks="true", timeoutSeconds=seconds)
        bookmarks = [event["object"]["metadata"]["resourceVersion"] for event in events if event["type"] == "BOOKMARK"]
        if bookmarks:
            break
    assert bookmarks
    assert int(bookmarks[-1]) >= int(response)
    assert api.events(path, resourceVersion=bookmarks[-1]) == []


def test_a_lease_changes_hands_only_for_who_saw_it_last(api: Api) -> None:
    path = api.path("leases", "lock", group=_LEASES)
    spec: Json = {"holderIdentity": "one", "leaseDurationSeconds": 300, "acquireTime": _microseconds()}
    response = api.http.post(api.path("leases", group=_LEASES), json={"metadata": {"name": "lock"}, "spec": spec})
    assert response.status_code == 201
    second_response = api.http.post(
        api.path("leases", group=_LEASES), json={"metadata": {"name": "lock"}, "spec": spec}
    )
    assert (second_response.status_code, second_response.json()["reason"]) == (409, "AlreadyExists")
    observed = response.json()
    renewed = api.http.put(path, json=observed | {"spec": spec | {"renewTime": _microseconds()}})
    assert renewed.status_code == 200
    taken = api.http.put(path, json=observed | {"spec": spec | {"holderIdentity": "two"}})
    assert (taken.status_code, taken.json()["reason"]) == (409, "Conflict")
    old_version = {"preconditions": {"resourceVersion": observed["metadata"]["resourceVersion"]}}
    assert api.http.request("DELETE", path, json=old_version).status_code == 409
    now = {"preconditions": {"resourceVersion": renewed.json()["metadata"]["resourceVersion"]}}
    assert api.http.request("DELETE", path, json=now).status_code == 200


def test_events_are_found_by_what_they_are_about(api: Api) -> None:
    about = {"apiVersion": "v1", "kind": "Pod", "name": "p", "namespace": api.namespace, "uid": "1"}
    event = {"metadata": {"generateName": "p."}, "involvedObject": about, "reason": "Failed", "type": "Warning"}
    response = api.http.post(api.path("events"), json=event)
    assert response.status_code == 201
    assert response.json()["metadata"]["name"].startswith("p.")

    def found(selector: str) -> int:
        return len(api.http.get(api.path("events"), params={"fieldSelector": selector}).json()["items"])

    assert found("involvedObject.name=p,involvedObject.kind=Pod,type=Warning,reason=Failed") == 1
    assert found("involvedObject.name=q") == 0
    elsewhere = api.http.post(api.path("events"), json=event | {"involvedObject": about | {"namespace": "elsewhere"}})
    assert elsewhere.status_code == 422


def test_a_caller_without_a_name_sees_the_version_and_nothing_else(api: Api) -> None:
    with httpx.Client(base_url=api.http.base_url, verify=api.tls, timeout=240, trust_env=False) as nobody:
        assert nobody.get("/version").status_code == 200
        assert nobody.get("/readyz").status_code == 200
        refused = nobody.get(api.path("secrets"))
    assert (refused.status_code, refused.json()["reason"]) == (403, "Forbidden")
    assert 'User "system:anonymous" cannot list resource "secrets"' in refused.json()["message"]


def test_deleting_a_collection_takes_what_the_selector_names(api: Api) -> None:
    for name, labels in (("a", {"gone": "yes"}), ("b", {})):
        api.http.post(api.path("secrets"), json={"metadata": {"name": name, "labels": labels}})
    answer = api.http.delete(api.path("secrets"), params={"labelSelector": "gone=yes"})
    assert [item["metadata"]["name"] for item in answer.json()["items"]] == ["a"]
    remaining = api.http.get(api.path("secrets")).json()["items"]
    assert [item["metadata"]["name"] for item in remaining] == ["b"]


def test_no_user_grants_more_than_they_have(api: Api) -> None:
    """RBAC refuses the escalation that a chart with a ClusterRole would be for a limited credential."""
    rbac = "rbac.authorization.k8s.io"
    rules = [{"apiGroups": [rbac], "resources": ["roles"], "verbs": ["create"]}]
    empty: Json = {"metadata": {"name": "none"}}
    with api.limited(rules) as limited:
        api.eventually(lambda: limited.post(api.path("roles", group=rbac), json=empty).is_success)
        body = {
            "metadata": {"name": "more"},
            "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}],
        }
        refused = limited.post(api.path("roles", group=rbac), json=body)
    assert (refused.status_code, refused.json()["reason"]) == (403, "Forbidden")
    assert "attempting to grant RBAC permissions not currently held" in refused.json()["message"]
