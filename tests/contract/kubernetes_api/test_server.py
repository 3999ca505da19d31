"""What a server says about itself and to whom; custom resources; workloads; official Python client."""

import json

import httpx

from arcway.domain.json_values import Json
from tests.contract.kubernetes_api.conftest import Api, define_links

_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def test_version_and_readiness(api: Api) -> None:
    assert api.http.get("/version").json()["gitVersion"].startswith("v1.")
    assert api.http.get("/readyz").text == "ok"


def test_discovery_in_both_forms(api: Api) -> None:
    for path, group, version, plural in (("/api", "", "v1", "secrets"), ("/apis", "apps", "v1", "deployments")):
        listed = api.http.get(path, headers={"Accept": _DISCOVERY}).json()
        assert listed["kind"] == "APIGroupDiscoveryList"
        item = next(item for item in listed["items"] if item["metadata"].get("name", "") == group)
        served = next(entry for entry in item["versions"] if entry["version"] == version)
        assert plural in {resource["resource"] for resource in served["resources"]}
        plain = api.http.get(f"{path}/{group}/{version}" if group else f"{path}/{version}").json()
        assert plural in {resource["name"] for resource in plain["resources"]}
    assert "v1" in api.http.get("/api").json()["versions"]
    assert "apps" in {group["name"] for group in api.http.get("/apis").json()["groups"]}


def test_openapi_names_the_patch_operation_of_a_kind(api: Api) -> None:
    index = api.http.get("/openapi/v3").json()["paths"]
    document = api.http.get(index["apis/apps/v1"]["serverRelativeURL"].lstrip("/")).json()
    operation = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert operation["x-kubernetes-group-version-kind"] == {"group": "apps", "version": "v1", "kind": "Deployment"}
    assert "fieldValidation" in {parameter["name"] for parameter in operation["parameters"]}


def test_an_unknown_token_is_unauthorized(api: Api) -> None:
    with api.with_token("nobody") as nobody:
        answer = nobody.get("/api/v1/namespaces")
    assert (answer.status_code, answer.json()["reason"]) == (401, "Unauthorized")


def test_rbac_forbids_and_reviews_report_it(api: Api) -> None:
    with api.limited([{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"]}]) as limited:
        refused = limited.get(api.path("configmaps"))
        assert (refused.status_code, refused.json()["reason"]) == (403, "Forbidden")
        account = f"system:serviceaccount:{api.namespace}:limited"
        where = f'"configmaps" in API group "" in the namespace "{api.namespace}"'
        assert f'User "{account}" cannot list resource {where}' in refused.json()["message"]
        api.eventually(lambda: limited.get(api.path("secrets")).status_code == 200)
        assert limited.post(api.path("secrets"), json={"metadata": {"name": "a"}}).status_code == 403

        def allowed(client: httpx.Client, verb: str) -> bool:
            attributes = {"verb": verb, "resource": "secrets", "namespace": api.namespace}
            body: Json = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
            body["spec"] = {"resourceAttributes": attributes}
            answer = client.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", json=body)
            assert answer.status_code == 201
            return bool(answer.json()["status"]["allowed"])

        assert (allowed(limited, "list"), allowed(limited, "delete"), allowed(api.http, "delete")) == (
            True,
            False,
            True,
        )


def test_custom_resources_live_as_long_as_their_definition(api: Api) -> None:
    links = define_links(api)
    group = f"{api.namespace}.example.com"
    definition = f"{_CRDS}/links.{group}"
    link = {"apiVersion": f"{group}/v1", "kind": "Link", "metadata": {"name": "a", "finalizers": ["example.com/hold"]}}
    created = api.http.post(links, json=link | {"spec": {"x": 1}})
    assert (created.status_code, created.json()["metadata"]["generation"]) == (201, 1)
    assert api.patch(f"{links}/a", {"spec": {"x": 2}}, "strategic-merge-patch").status_code == 415
    assert api.patch(f"{links}/a", {"spec": {"x": 2}}, "merge-patch").json()["metadata"]["generation"] == 2

    api.http.delete(definition)
    api.eventually(lambda: "deletionTimestamp" in api.http.get(f"{links}/a").json()["metadata"])
    assert api.http.get(definition).status_code == 200
    api.patch(f"{links}/a", {"metadata": {"finalizers": None}}, "merge-patch")
    api.eventually(lambda: api.http.get(definition).status_code == 404)
    api.eventually(lambda: api.http.get(links).status_code == 404)


def _deployment(name: str, **pod: object) -> Json:
    labels = {"app": name}
    spec = {"containers": [{"name": "main", "image": "example.com/agent:1"}], **pod}
    template = {"metadata": {"labels": labels}, "spec": spec}
    return {
        "metadata": {"name": name},
        "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template},
    }


def _ready(api: Api, name: str) -> bool:
    status = api.http.get(api.path("deployments", name, group="apps")).json()["status"]
    return bool(status.get("readyReplicas") == 2 == status.get("updatedReplicas") == status.get("replicas"))


def _pods(api: Api, name: str) -> list[Json]:
    items: list[Json] = api.http.get(api.path("pods"), params={"labelSelector": f"app={name}"}).json()["items"]
    return items


def test_a_deployment_becomes_ready_rolls_and_goes(api: Api) -> None:
    path = api.path("deployments", group="apps")
    api.http.post(path, json=_deployment("web"))
    api.eventually(lambda: _ready(api, "web"))
    image = [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "example.com/agent:2"}]
    api.patch(f"{path}/web", image, "json-patch")
    api.eventually(
        lambda: _ready(api, "web") and {p["spec"]["containers"][0]["image"][-1] for p in _pods(api, "web")} == {"2"}
    )
    api.http.request("DELETE", f"{path}/web", content=json.dumps({"propagationPolicy": "Foreground"}))
    api.eventually(lambda: api.http.get(f"{path}/web").status_code == 404)
    assert _pods(api, "web") == []


def test_a_pod_waits_for_its_secret_and_reports_it(api: Api) -> None:
    volumes = [{"name": "certificate", "secret": {"secretName": "identity"}}]
    api.http.post(api.path("deployments", group="apps"), json=_deployment("proxy", volumes=volumes))

    def failed_mounts() -> list[Json]:
        query = {"fieldSelector": "reason=FailedMount,involvedObject.kind=Pod"}
        items: list[Json] = api.http.get(api.path("events"), params=query).json()["items"]
        return items

    assert 'secret "identity" not found' in api.eventually(failed_mounts)[0]["message"]
    assert {pod["status"]["phase"] for pod in _pods(api, "proxy")} == {"Pending"}
    api.http.post(api.path("secrets"), json={"metadata": {"name": "identity"}})
    api.eventually(lambda: _ready(api, "proxy"))


def test_a_pod_that_no_node_takes_is_unschedulable(api: Api) -> None:
    deployment = _deployment("lost", nodeSelector={"example.com/nobody": "has-this"})
    api.http.post(api.path("deployments", group="apps"), json=deployment)

    def reasons() -> set[str]:
        return {c.get("reason", "") for pod in _pods(api, "lost") for c in pod["status"].get("conditions", [])}

    api.eventually(lambda: "Unschedulable" in reasons())
    query = {"fieldSelector": "reason=FailedScheduling"}
    api.eventually(lambda: api.http.get(api.path("events"), params=query).json()["items"])


def test_a_job_ends_with_what_its_pod_said(api: Api) -> None:
    container = {"name": "main", "image": "i:1", "args": ["a.example:443", "b.example:80"]}
    template = {"spec": {"containers": [container], "restartPolicy": "Never"}}
    body = {"metadata": {"name": "probe"}, "spec": {"template": template, "backoffLimit": 0}}
    assert api.http.post(api.path("jobs", group="batch"), json=body).status_code == 201

    def said() -> str:
        query = {"labelSelector": "batch.kubernetes.io/job-name=probe"}
        for pod in api.http.get(api.path("pods"), params=query).json()["items"]:
            for status in pod["status"].get("containerStatuses", []):
                return str(status["state"].get("terminated", {}).get("message", ""))
        return ""

    assert api.eventually(said) == "ok a.example:443\nok b.example:80\n"
