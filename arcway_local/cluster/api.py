"""The Kubernetes API of one cluster over HTTP: from a request to the model and back.

Authenticates, reads the path, authorizes, then dispatches by verb. Holds no state between requests; what the cluster
does is the model's business.
"""

from collections.abc import Callable, Mapping

from aiohttp import web

from arcway_local.cluster import errors, logs, reviews
from arcway_local.cluster.authorization import Attempt, User
from arcway_local.cluster.documents import document
from arcway_local.cluster.kinds import AUTHORIZATION, RBAC, Kind
from arcway_local.cluster.model import Cluster
from arcway_local.cluster.patches import json_patch, merge_patch, strategic_merge_patch
from arcway_local.cluster.reading import list_objects, present, selection, wanted_version
from arcway_local.cluster.requests import (
    Target,
    accepted_form,
    check_shape,
    check_write_options,
    dry_run,
    field_manager,
    flag,
    media_type,
    parse_body,
    parse_target,
    parse_text,
    with_included,
)
from arcway_local.cluster.resources import Write
from arcway_local.cluster.responses import respond
from arcway_local.cluster.values import name_of, namespace_of
from arcway_local.cluster.watching import Watch, stream
from arcway_local.json_documents import Json

_VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
# Kinds whose storage creates what an update does not find (AllowCreateOnUpdate in their strategies).
_CREATED_BY_UPDATE = {
    ("coordination.k8s.io", "leases"),
    ("", "events"),
    ("", "services"),
    *((RBAC, plural) for plural in ("roles", "rolebindings", "clusterroles", "clusterrolebindings")),
}
_JSON_PATCH = "application/json-patch+json"
_APPLY = "application/apply-patch+yaml"
_PATCHES: dict[str, Callable[[Json, Json], Json]] = {
    "application/merge-patch+json": merge_patch,
    "application/strategic-merge-patch+json": strategic_merge_patch,
}


async def handle(cluster: Cluster, request: web.Request, path: str) -> web.StreamResponse:
    """Answer one request to the path below the cluster's prefix."""
    try:
        certificate = request.transport.get_extra_info("peercert") if request.transport else None
        user = cluster.access.authenticate(request.headers.get("Authorization", ""), certificate)
        if _is_resource(path):
            return await _Call(cluster, request, user, parse_target(path)).run()
        cluster.access.require(user, Attempt(_VERBS.get(request.method, ""), path=path))
        if request.method not in ("GET", "HEAD"):
            raise errors.method_not_allowed()
        return document(cluster.registry.kinds(), path, request.headers.get("Accept", ""))
    except errors.ApiError as error:
        response = respond(error.status(), error.code)
        if "retryAfterSeconds" in error.details:
            response.headers["Retry-After"] = str(error.details["retryAfterSeconds"])
        return response


def _is_resource(path: str) -> bool:
    parts = path.strip("/").split("/")
    return len(parts) >= (3 if parts[0] == "api" else 4) and parts[0] in ("api", "apis")


class _Call:
    """One request to a resource."""

    def __init__(self, cluster: Cluster, request: web.Request, user: User, target: Target) -> None:
        self.cluster = cluster
        self.resources = cluster.resources
        self.request = request
        self.query: Mapping[str, str] = request.query
        self.user = user
        self.target = target
        self.place = target.name if target.plural == "namespaces" else target.namespace

    async def run(self) -> web.StreamResponse:
        """Authorize and dispatch."""
        target = self.target
        verb = self._verb()
        attempt = Attempt(verb, target.group, target.plural, target.subresource, self.place, target.name)
        self.cluster.access.require(self.user, attempt)
        kind = self.cluster.registry.find(target.group, target.version, target.plural)
        if kind is None or (target.namespace and not kind.namespaced):
            raise errors.no_such_path()
        if target.subresource:
            if target.subresource not in kind.subresources:
                raise errors.no_such_path()
            if target.subresource == "log" and verb != "get":
                raise errors.method_not_allowed()
        elif verb not in kind.verbs:
            raise errors.method_not_allowed()
        if verb in ("list", "watch") or (verb == "get" and not target.subresource):
            return await self._read(kind, verb)
        if verb == "deletecollection":
            return await self._delete_collection(kind)
        if (kind.namespaced and not target.namespace) or (verb in ("update", "patch") and not target.name):
            raise errors.method_not_allowed()
        if verb != "patch":
            check_write_options(self.request.method, self.query)
        steps = {
            "create": self._create,
            "update": self._update,
            "patch": self._patch,
            "delete": self._delete,
            "get": self._get,
        }
        return await steps[verb](kind)

    def _verb(self) -> str:
        verb = _VERBS.get(self.request.method)
        if verb is None:
            raise errors.method_not_allowed()
        if verb == "get" and flag(self.query, "watch"):
            return "watch"
        if not self.target.name:
            return {"get": "list", "delete": "deletecollection"}.get(verb, verb)
        return verb

    def _show(self, item: Json, kind: Kind, status: int = 200) -> web.Response:
        return respond(present(item, kind, accepted_form(self.request.headers.get("Accept", ""))), status)

    async def _read(self, kind: Kind, verb: str) -> web.StreamResponse:
        form = with_included(accepted_form(self.request.headers.get("Accept", "")), self.query)
        target = self.target
        if verb == "watch":
            return await self._watch(Watch.parse(kind, target.namespace, target.name, self.query, form))
        self.cluster.note_read(kind.plural, target.namespace)
        if verb == "list":
            return respond(list_objects(self.cluster.store, kind, target.namespace, self.query, form))
        wanted_version(self.cluster.store, self.query)
        return respond(present(self.resources.get(kind, target.namespace, target.name), kind, form))

    async def _watch(self, watch: Watch) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"}
        )
        await response.prepare(self.request)
        async for lines in stream(self.cluster.store, watch):
            await response.write(lines)
        await response.write_eof()
        return response

    async def _get(self, kind: Kind) -> web.Response:
        item = self.resources.get(kind, self.target.namespace, self.target.name)
        if self.target.subresource == "log":
            return web.Response(text=logs.read(item, self.cluster.behaviour, self.query), content_type="text/plain")
        return respond(reviews.scale_of(item)) if self.target.subresource == "scale" else self._show(item, kind)

    async def _create(self, kind: Kind) -> web.Response:
        body = await self._body()
        target = self.target
        if target.subresource == "token":
            return respond(reviews.service_account_token(self.cluster, target.namespace, target.name, body), 201)
        if target.name:
            raise errors.method_not_allowed()
        if kind.group == AUTHORIZATION:
            return respond(reviews.review(self.cluster, kind, self.user, body), 201)
        self._check_body(kind, body, name="")
        return self._show(self.resources.create(kind, target.namespace, body, self._write()), kind, 201)

    async def _update(self, kind: Kind) -> web.Response:
        body = await self._body()
        target = self.target
        if target.subresource == "scale":
            item = self.resources.get(kind, target.namespace, target.name)
            return respond(reviews.set_scale(self.cluster, kind, item, lambda _: body, self._write()))
        self._check_body(kind, body, name=target.name)
        if kind.key in _CREATED_BY_UPDATE and not target.subresource and not self._exists(kind):
            body["metadata"]["name"] = target.name
            return self._show(self.resources.create(kind, target.namespace, body, self._write()), kind, 201)
        return self._show(self.resources.update(kind, target.namespace, target.name, body, self._write()), kind)

    def _exists(self, kind: Kind) -> bool:
        return self.cluster.store.get(kind.key, self.target.namespace, self.target.name) is not None

    async def _patch(self, kind: Kind) -> web.Response:
        type_ = media_type(self.request.headers.get("Content-Type", ""))
        check_write_options("PATCH", self.query, apply=type_ == _APPLY)
        target, write = self.target, self._write()
        body = parse_text(await self.request.read())
        if type_ == _APPLY:
            return self._apply(kind, body)
        change = self._change(kind, type_, body)
        if target.subresource == "scale":
            item = self.resources.get(kind, target.namespace, target.name)
            return respond(reviews.set_scale(self.cluster, kind, item, change, write))
        return self._show(self.resources.patch(kind, target.namespace, target.name, change, write), kind)

    def _change(self, kind: Kind, type_: str, body: object) -> Callable[[Json], Json]:
        if type_ == _JSON_PATCH:
            return lambda item: json_patch(item, body)
        if type_ not in _PATCHES or (kind.custom and "strategic" in type_):
            accepted = [_JSON_PATCH, *_PATCHES, _APPLY]
            raise errors.unsupported_media_type(
                type_, [name for name in accepted if not (kind.custom and "strategic" in name)]
            )
        if not isinstance(body, dict):
            raise errors.bad_request("a merge patch is an object")
        patch = body
        return lambda item: _PATCHES[type_](item, patch)

    def _apply(self, kind: Kind, body: object) -> web.Response:
        if not self.query.get("fieldManager"):
            message = (
                'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
            )
            raise errors.ApiError(422, "Invalid", message)
        if not isinstance(body, dict) or not body.get("apiVersion") or not body.get("kind"):
            raise errors.bad_request("invalid object type: an apply configuration has apiVersion and kind")
        self._check_body(kind, body, name=self.target.name)
        item, new = self.resources.apply(
            kind, self.target.namespace, self.target.name, body, self._write(), force=flag(self.query, "force")
        )
        return self._show(item, kind, 201 if new else 200)

    async def _delete(self, kind: Kind) -> web.Response:
        options, target = await self._delete_options(), self.target
        item, gone = self.resources.delete(
            kind, target.namespace, target.name, options, dry_run=self._write().dry_run or bool(options.get("dryRun"))
        )
        if not gone or kind.plural in ("pods", "serviceaccounts"):
            return self._show(item, kind)
        details = {"name": target.name, "kind": target.plural, "uid": item["metadata"]["uid"]}
        if kind.group:
            details["group"] = kind.group
        return respond({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})

    async def _delete_collection(self, kind: Kind) -> web.Response:
        options = await self._delete_options()
        form = accepted_form(self.request.headers.get("Accept", ""))
        chosen = {name: value for name, value in self.query.items() if name.endswith("Selector")}
        answer = list_objects(self.cluster.store, kind, self.target.namespace, chosen, form)
        matches = selection(kind, self.query)
        for item in self.cluster.store.objects(kind.key, self.target.namespace):
            if matches(item):
                self.resources.delete(kind, namespace_of(item), name_of(item), options, dry_run=self._write().dry_run)
        return respond(answer)

    async def _delete_options(self) -> Json:
        options = await self._body() if self.request.can_read_body else {}
        for name in ("propagationPolicy", "gracePeriodSeconds", "orphanDependents"):
            if name in self.query:
                value = self.query[name]
                options[name] = (
                    int(value)
                    if value.removeprefix("-").isdigit()
                    else {"true": True, "false": False}.get(value, value)
                )
        return options

    async def _body(self) -> Json:
        return parse_body(await self.request.read(), self.request.headers.get("Content-Type", ""))

    def _write(self) -> Write:
        manager = field_manager(self.query, self.request.headers.get("User-Agent", ""))
        return Write(manager, self.target.subresource, dry_run(self.query))

    def _check_body(self, kind: Kind, body: Json, *, name: str) -> None:
        """Refuse an object that is not what the URL names (400); fill in what it leaves out."""
        for field, expected in (("kind", kind.kind), ("apiVersion", kind.api_version)):
            if body.setdefault(field, expected) != expected:
                message = f"the {field} in the data ({body[field]}) does not match the expected {field} ({expected})"
                raise errors.bad_request(message)
        check_shape(body)
        metadata = body["metadata"] = body.get("metadata") or {}
        if name and (metadata.get("name") or name) != name:
            message = f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})"
            raise errors.bad_request(message)
        namespace = metadata.get("namespace") or self.target.namespace
        if kind.namespaced and namespace != self.target.namespace:
            message = "the namespace of the provided object does not match the namespace sent on the request"
            raise errors.bad_request(message)
        if kind.group == RBAC:
            self.cluster.access.require_granting(self.user, kind, self.target.namespace, body)
