"""Responses that are computed and not stored: access reviews, service account tokens, scales."""

import datetime
from collections.abc import Callable

from arcway_local.cluster.authorization import Attempt, User
from arcway_local.cluster.errors import ApiError, bad_request, invalid
from arcway_local.cluster.kinds import AUTHORIZATION, SERVICE_ACCOUNT, Kind
from arcway_local.cluster.model import Cluster
from arcway_local.cluster.resources import Write
from arcway_local.cluster.values import clone, name_of
from arcway_local.json_documents import Json

_SHORTEST_TOKEN_SECONDS = 600


def review(cluster: Cluster, kind: Kind, user: User, body: Json) -> Json:
    """Answer a SelfSubjectAccessReview or SelfSubjectRulesReview. Raises ApiError 400 or 422."""
    spec = body.get("spec", {})
    if kind.kind == "SelfSubjectRulesReview":
        if not spec.get("namespace"):
            raise bad_request("no namespace on request")
        rules = [
            {key: value for key, value in rule.items() if key != "namespaces"}
            for rule in cluster.access.rules(user, spec.get("namespace", ""))
        ]
        on_resources = [rule for rule in rules if "resources" in rule]
        on_paths = [rule for rule in rules if "nonResourceURLs" in rule]
        status: Json = {"resourceRules": on_resources, "nonResourceRules": on_paths, "incomplete": False}
    else:
        status = {"allowed": cluster.access.allows(user, _attempt(spec))}
    return {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": {}, "spec": spec, "status": status}


def _attempt(spec: Json) -> Attempt:
    if ("resourceAttributes" in spec) == ("nonResourceAttributes" in spec):
        why = "Invalid value: exactly one of nonResourceAttributes or resourceAttributes must be specified"
        raise invalid(AUTHORIZATION, "SelfSubjectAccessReview", "", [("spec.resourceAttributes", why)])
    if attributes := spec.get("nonResourceAttributes"):
        return Attempt(attributes.get("verb", ""), path=attributes.get("path", ""))
    attributes = spec["resourceAttributes"]
    names = ("verb", "group", "resource", "subresource", "namespace", "name")
    return Attempt(**{name: attributes.get(name, "") for name in names})


def service_account_token(cluster: Cluster, namespace: str, name: str, body: Json) -> Json:
    """Answer a TokenRequest with a token that this cluster accepts. Raises ApiError 404 or 422."""
    cluster.resources.get(SERVICE_ACCOUNT, namespace, name)
    seconds = body.get("spec", {}).get("expirationSeconds") or 3600
    if seconds < _SHORTEST_TOKEN_SECONDS:
        why = f"Invalid value: {seconds}: may not specify a duration less than 10 minutes"
        raise invalid("authentication.k8s.io", "TokenRequest", "", [("spec.expirationSeconds", why)])
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"]
    token = cluster.admit(f"system:serviceaccount:{namespace}:{name}", groups, [])
    expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    status = {"token": token, "expirationTimestamp": expires.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"name": name},
        "status": status,
    }


def scale_of(item: Json) -> Json:
    """The Scale of a workload."""
    metadata = {
        key: item["metadata"][key] for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    }
    labels = item["spec"]["selector"].get("matchLabels", {})
    selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    status = {"replicas": item.get("status", {}).get("replicas", 0), "selector": selector}
    spec = {"replicas": item["spec"]["replicas"]}
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": status}


def set_scale(cluster: Cluster, kind: Kind, item: Json, change: Callable[[Json], Json], write: Write) -> Json:
    """Change a workload's number of replicas by a function of its Scale. Raises ApiError 400 or 409."""
    scale = change(scale_of(item))
    replicas = scale.get("spec", {}).get("replicas", 0)
    if not isinstance(replicas, int) or replicas < 0:
        raise ApiError(422, "Invalid", f"spec.replicas: Invalid value: {replicas!r}")
    new = clone(item)
    new["spec"]["replicas"] = replicas
    new["metadata"]["resourceVersion"] = scale.get("metadata", {}).get("resourceVersion", "")
    plain = Write(write.manager, "", write.dry_run)
    namespace = item["metadata"]["namespace"]
    return scale_of(cluster.resources.update(kind, namespace, name_of(item), new, plain))
