"""One request each, and the status and reason it is answered with: what is refused, and what is not."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from arcway.domain.json_values import Json
from tests.contract.kubernetes_api.conftest import Api

_MERGE = "application/merge-patch+json"
_APPLY = "application/apply-patch+yaml"
_RBAC = "rbac.authorization.k8s.io"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_RULES = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
_CONFIG_MAP: Json = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": "1"}}
_LEASE_SPEC: Json = {"holderIdentity": "one", "leaseDurationSeconds": 300, "renewTime": "2026-01-01T00:00:00.000000Z"}
_LABELS = {"app": "web"}
_TEMPLATE: Json = {"metadata": {"labels": _LABELS}, "spec": {"containers": [{"name": "main", "image": "i:1"}]}}
_DEPLOYMENT_SPEC: Json = {"replicas": 0, "selector": {"matchLabels": _LABELS}, "template": _TEMPLATE}


@dataclass(frozen=True)
class Case:
    """A request in the test's namespace (a path without a leading slash: in the core API) and its answer."""

    name: str
    method: str
    path: str
    body: Any
    status: int
    reason: str | None = None
    content_type: str = "application/json"
    group: str = ""
    query: dict[str, str] = field(default_factory=dict)


def _patch(name: str, change: Json, status: int = 422, reason: str = "Invalid", path: str = "configmaps/a") -> Case:
    return Case(name, "PATCH", path, change, status, reason, _MERGE)


def _lease(name: str, **spec: object) -> Case:
    return Case(name, "PATCH", "leases/l", {"spec": spec}, 422, "Invalid", _MERGE, "coordination.k8s.io")


def _definition(name: str, spec: Json, object_name: str = "xs.arcway.example.com") -> Case:
    schema = {"openAPIV3Schema": {"type": "object"}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    whole = {"group": "arcway.example.com", "scope": "Namespaced", "names": {"plural": "xs", "kind": "X"}}
    body = {"metadata": {"name": object_name}, "spec": {**whole, "versions": [version], **spec}}
    return Case(name, "POST", _CRDS, body, 422, "Invalid")


def _role(name: str, rule: Json) -> Case:
    path = f"/apis/{_RBAC}/v1/clusterroles"
    return Case(name, "POST", path, {"metadata": {"name": "arcway-bad"}, "rules": [rule]}, 422, "Invalid")


def _get(name: str, path: str, status: int = 200, reason: str | None = None, **query: str) -> Case:
    return Case(name, "GET", path, None, status, reason, query=query)


_CASES = [
    Case("update-of-nothing", "PUT", "configmaps/none", {**_CONFIG_MAP, "metadata": {"name": "none"}}, 404, "NotFound"),
    Case("update-elsewhere", "PUT", "configmaps/a", {**_CONFIG_MAP, "metadata": {"name": "b"}}, 400, "BadRequest"),
    Case("update-of-another-kind", "PUT", "configmaps/a", {**_CONFIG_MAP, "kind": "Secret"}, 400, "BadRequest"),
    Case("update-of-a-collection", "PUT", "configmaps", _CONFIG_MAP, 405, "MethodNotAllowed"),
    Case("create-with-a-name-in-the-path", "POST", "configmaps/a", _CONFIG_MAP, 405, "MethodNotAllowed"),
    Case("create-of-a-list", "POST", "configmaps", [], 400, "BadRequest"),
    Case("create-with-a-long-name", "POST", "configmaps", {"metadata": {"name": "x" * 254}}, 422, "Invalid"),
    Case("write-to-the-version", "POST", "/version", {}, 405, "MethodNotAllowed"),
    _patch("patch-of-nothing", {}, 404, "NotFound", "configmaps/none"),
    _patch("patch-of-an-old-version", {"metadata": {"resourceVersion": "1"}}, 409, "Conflict"),
    _patch("patch-of-the-uid", {"metadata": {"uid": "other"}}),
    _patch("patch-of-the-name", {"metadata": {"name": "other"}}, 400, "BadRequest"),
    _patch("bad-label-name", {"metadata": {"labels": {"bad key!": "x"}}}),
    _patch("bad-label-value", {"metadata": {"labels": {"ok": "bad value!"}}}),
    _patch("bad-annotation-name", {"metadata": {"annotations": {"bad key!": "x"}}}),
    _patch("bad-finalizer", {"metadata": {"finalizers": ["nodomain"]}}),
    _patch("bad-data-key", {"data": {"bad/key": "x"}}),
    Case("force-without-apply", "PATCH", "configmaps/a", {}, 422, "Invalid", _MERGE, query={"force": "true"}),
    Case("unknown-dry-run", "POST", "configmaps", _CONFIG_MAP, 422, "Invalid", query={"dryRun": "Some"}),
    Case("unknown-validation", "POST", "configmaps", {}, 422, "Invalid", query={"fieldValidation": "Sometimes"}),
    Case("apply-without-manager", "PATCH", "configmaps/a", _CONFIG_MAP, 422, "Invalid", _APPLY),
    Case("apply-without-kind", "PATCH", "configmaps/a", {}, 400, "BadRequest", _APPLY, query={"fieldManager": "m"}),
    Case("secret-that-is-not-base64", "POST", "secrets", {"metadata": {"name": "s"}, "data": {"a": "!"}}, 400),
    Case("incomplete-tls-secret", "POST", "secrets", {"metadata": {"name": "s"}, "type": "kubernetes.io/tls"}, 422),
    Case(
        "negative-replicas",
        "PATCH",
        "deployments/web",
        {"spec": {"replicas": -1}},
        422,
        "Invalid",
        _MERGE,
        "apps",
    ),
    Case(
        "another-selector",
        "PATCH",
        "deployments/web",
        {"spec": {"selector": {"matchLabels": {"app": "other"}}}},
        422,
        "Invalid",
        _MERGE,
        "apps",
    ),
    Case(
        "replicas-of-another-type",
        "POST",
        "deployments",
        {"metadata": {"name": "b"}, "spec": {**_DEPLOYMENT_SPEC, "replicas": "x"}},
        400,
        "BadRequest",
        group="apps",
    ),
    Case(
        "update-makes-a-lease",
        "PUT",
        "leases/new",
        {"metadata": {"name": "new"}, "spec": _LEASE_SPEC},
        201,
        group="coordination.k8s.io",
    ),
    _lease("lease-without-duration", leaseDurationSeconds=0),
    _lease("lease-with-negative-transitions", leaseTransitions=-1),
    _lease("lease-time-in-words", renewTime="yesterday"),
    _lease("lease-time-without-fraction", renewTime="2026-01-01T00:00:00Z"),
    _get("no-limit", "configmaps", limit="-1"),
    _get("limit-in-words", "configmaps", 400, "BadRequest", limit="x"),
    _get("version-in-words", "configmaps", 400, "BadRequest", resourceVersion="x"),
    _get("version-any", "configmaps", resourceVersion="0"),
    _get("unknown-match", "configmaps", 422, "Invalid", resourceVersion="1", resourceVersionMatch="Sometimes"),
    _get("match-without-version", "configmaps", 422, "Invalid", resourceVersionMatch="Exact"),
    _get("pods-of-a-node", "/api/v1/pods", fieldSelector="spec.nodeName=n,status.phase=Pending"),
    _get("schedulable-nodes", "/api/v1/nodes", fieldSelector="spec.unschedulable=false"),
    _get("events-of-an-object", "events", fieldSelector="involvedObject.uid=x,type=Normal,reason=R"),
    _get("events-by-message", "events", 400, "BadRequest", fieldSelector="message=x"),
    _get("by-number", "configmaps", labelSelector="a>1,b<3"),
    _get("no-such-version", "/apis/apps/v2/deployments", 404),
    Case("delete-of-nothing", "DELETE", "configmaps/none", None, 404, "NotFound"),
    Case("delete-in-an-unknown-way", "DELETE", "configmaps/a", None, 422, query={"propagationPolicy": "Nothing"}),
    Case("delete-of-an-old-version", "DELETE", "configmaps/a", {"preconditions": {"resourceVersion": "1"}}, 409),
    Case("short-lived-token", "POST", "serviceaccounts/default/token", {"spec": {"expirationSeconds": 60}}, 422),
    Case("token-of-nobody", "POST", "serviceaccounts/none/token", {"spec": {}}, 404),
    _role("role-without-verbs", {"verbs": [], "apiGroups": [""], "resources": ["x"]}),
    _role("role-without-resources", {"verbs": ["get"]}),
    Case("review-of-nothing", "POST", _REVIEWS, {"spec": {}}, 422, "Invalid"),
    Case(
        "review-of-both",
        "POST",
        _REVIEWS,
        {"spec": {"resourceAttributes": {"verb": "get"}, "nonResourceAttributes": {"path": "/"}}},
        422,
        "Invalid",
    ),
    Case("rules-of-nowhere", "POST", _RULES, {"spec": {}}, 400, "BadRequest"),
    _definition("definition-of-another-name", {}, "wrong.arcway.example.com"),
    _definition("definition-of-no-scope", {"scope": "Nowhere"}),
    _definition("definition-without-schema", {"versions": [{"name": "v1", "served": True, "storage": True}]}),
    Case("namespace-with-a-bad-name", "POST", "/api/v1/namespaces", {"metadata": {"name": "Bad_Name"}}, 422),
    Case("namespace-that-stays", "DELETE", "/api/v1/namespaces/kube-system", None, 403, query={"dryRun": "All"}),
]


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.name)
def test_answer(api: Api, case: Case) -> None:
    for plural, body in (
        ("configmaps", _CONFIG_MAP),
        ("leases", {"metadata": {"name": "l"}, "spec": _LEASE_SPEC}),
        ("deployments", {"metadata": {"name": "web"}, "spec": _DEPLOYMENT_SPEC}),
    ):
        if case.path.startswith(f"{plural}/"):
            assert api.http.post(api.path(plural, group=case.group), json=body).status_code == 201
    if case.path.startswith("serviceaccounts"):
        api.eventually(lambda: api.http.get(api.path("serviceaccounts", "default")).status_code == 200)
    path = case.path if case.path.startswith("/") else api.path(case.path, group=case.group)
    content = None if case.body is None else json.dumps(case.body)
    headers = {"Content-Type": case.content_type}
    answer = api.http.request(case.method, path, content=content, params=case.query, headers=headers)
    assert answer.status_code == case.status, answer.text
    if case.reason:
        assert answer.json()["reason"] == case.reason
        assert (answer.json()["kind"], answer.json()["code"]) == ("Status", case.status)
