"""Tables, as `kubectl get` asks for them: the same columns on both servers, and cells that say what is there."""

import json
from typing import Any

import pytest

from tests.contract.kubernetes_api.conftest import Api

TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
_PATHS = {
    "namespaces": "Name Status Age",
    "nodes": "Name Status Roles Age Version",
    "pods": "Name Ready Status Restarts Age",
    "services": "Name Type Cluster-IP External-IP Port(s) Age",
    "serviceaccounts": "Name Age",
    "secrets": "Name Type Data Age",
    "configmaps": "Name Data Age",
    "events": "Last Seen Type Reason Object Message",
    "apps/deployments": "Name Ready Up-to-date Available Age",
    "apps/replicasets": "Name Desired Current Ready Age",
    "batch/jobs": "Name Status Completions Duration Age",
    "coordination.k8s.io/leases": "Name Holder Age",
    "rbac.authorization.k8s.io/roles": "Name Created At",
    "rbac.authorization.k8s.io/rolebindings": "Name Role Age",
    "rbac.authorization.k8s.io/clusterroles": "Name Created At",
    "rbac.authorization.k8s.io/clusterrolebindings": "Name Role Age",
    "networking.k8s.io/networkpolicies": "Name Pod-Selector Age",
    "apiextensions.k8s.io/customresourcedefinitions": "Name Created At",
}


def rows(api: Api, path: str) -> dict[str, list[Any]]:
    answer = api.http.get(path, headers=TABLE).json()
    assert answer["kind"] == "Table", answer
    return {row["cells"][0]: row["cells"][1:] for row in answer["rows"] or []}


@pytest.mark.parametrize(("path", "columns"), _PATHS.items())
def test_the_columns_that_people_expect(api: Api, path: str, columns: str) -> None:
    group, _, plural = path.rpartition("/")
    answer = api.http.get(f"/apis/{group}/v1/{plural}" if group else f"/api/v1/{plural}", headers=TABLE).json()
    names = [column["name"] for column in answer["columnDefinitions"] if column["priority"] == 0]
    assert " ".join(names) == columns
    assert answer["apiVersion"] == "meta.k8s.io/v1"


def test_a_deployment_and_its_pods(api: Api) -> None:
    labels = {"app": "web"}
    pod = {"containers": [{"name": "one", "image": "i:1"}, {"name": "two", "image": "j:1"}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    body = {"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": labels}, "template": template}}
    assert api.http.post(api.path("deployments", group="apps"), json=body).status_code == 201
    api.eventually(lambda: rows(api, api.path("deployments", group="apps"))["web"][:3] == ["1/1", 1, 1])
    wide = rows(api, api.path("deployments", group="apps"))["web"][4:]
    assert wide == ["one,two", "i:1,j:1", "app=web"]
    ((name, cells),) = rows(api, api.path("pods")).items()
    assert name.startswith("web-")
    assert cells[:3] == ["2/2", "Running", "0"]
    ((_, cells),) = rows(api, api.path("replicasets", group="apps")).items()
    assert cells[:3] == [1, 1, 1]


def test_a_job_that_is_done(api: Api) -> None:
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "i:1"}]}
    body = {"metadata": {"name": "once"}, "spec": {"template": {"spec": pod}}}
    assert api.http.post(api.path("jobs", group="batch"), json=body).status_code == 201
    api.eventually(lambda: rows(api, api.path("jobs", group="batch"))["once"][:2] == ["Complete", "1/1"])
    ((_, cells),) = rows(api, api.path("pods")).items()
    assert cells[:3] == ["0/1", "Completed", "0"]


def test_custom_columns_of_one_object(api: Api) -> None:
    group = f"{api.namespace}.example.com"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    columns = [
        {"name": "Type", "type": "string", "jsonPath": ".spec.type"},
        {"name": "Count", "type": "integer", "jsonPath": ".spec.count", "priority": 1},
        {"name": "First", "type": "string", "jsonPath": ".spec.list[0].a"},
        {"name": "Ready", "type": "string", "jsonPath": '.spec.conditions[?(@.type=="Ready")].status'},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]
    version = {"name": "v1", "served": True, "storage": True, "schema": schema, "additionalPrinterColumns": columns}
    names = {"plural": "links", "kind": "Link", "singular": "link"}
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [version]}
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    response = api.http.post(definitions, json={"metadata": {"name": f"links.{group}"}, "spec": spec})
    assert response.status_code == 201
    path = api.path("links", group=group)
    api.eventually(lambda: api.http.get(path).status_code == 200)
    about = {"type": "t", "count": 3, "list": [{"a": "z"}], "conditions": [{"type": "Ready", "status": "True"}]}
    for name, value in (("full", about), ("empty", {})):
        body = {"apiVersion": f"{group}/v1", "kind": "Link", "metadata": {"name": name}, "spec": value}
        assert api.http.post(path, json=body).status_code == 201
    cells = rows(api, path)
    assert cells["full"][:4] == ["t", 3, "z", "True"]
    assert cells["empty"][:4] == [None] * 4
    assert cells["full"][4].endswith("s")


def test_what_goes_along_with_a_row(api: Api) -> None:
    path = api.path("configmaps", "settings")
    body = {"metadata": {"name": "settings"}, "data": {"a": "b"}}
    assert api.http.post(api.path("configmaps"), json=body).status_code == 201
    kinds = {}
    for included in ("", "None", "Metadata", "Object"):
        (row,) = api.http.get(path, headers=TABLE, params={"includeObject": included}).json()["rows"]
        kinds[included] = row["object"] and (row["object"]["kind"], "data" in row["object"])
    metadata = ("PartialObjectMetadata", False)
    assert kinds == {"": metadata, "None": None, "Metadata": metadata, "Object": ("ConfigMap", True)}


def test_a_watch_tells_rows(api: Api) -> None:
    body = {"metadata": {"name": "settings"}, "data": {"a": "b"}}
    assert api.http.post(api.path("configmaps"), json=body).status_code == 201
    query = {"watch": "1", "timeoutSeconds": "1", "fieldSelector": "metadata.name=settings"}
    lines = api.http.get(api.path("configmaps"), headers=TABLE, params=query).text.splitlines()
    (event,) = [json.loads(line) for line in lines]
    assert (event["type"], event["object"]["kind"]) == ("ADDED", "Table")
    assert event["object"]["rows"][0]["cells"][:2] == ["settings", 1]
