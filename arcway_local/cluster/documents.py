"""What a server reports of itself: health, version, discovery and OpenAPI, by path."""

from aiohttp import web

from arcway_local.cluster import discovery, errors
from arcway_local.cluster.kinds import Kind
from arcway_local.cluster.requests import accepted_form
from arcway_local.cluster.responses import respond
from arcway_local.json_documents import Json

_DISCOVERY_V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def document(kinds: list[Kind], path: str, accept: str) -> web.Response:
    """The response to a GET of a path that does not name a resource. Raises ApiError 404 or 406."""
    parts = path.strip("/").split("/")
    if parts[0] in ("readyz", "livez", "healthz"):
        return web.Response(text="ok")
    if parts in (["api"], ["apis"]) and accepted_form(accept) == "aggregated":
        return respond(discovery.aggregated(kinds, core=parts == ["api"]), content_type=_DISCOVERY_V2)
    content = _openapi(kinds, parts[2:]) if parts[:2] == ["openapi", "v3"] else _plain_discovery(kinds, parts)
    if content is None:
        raise errors.no_such_path()
    return respond(content)


def _plain_discovery(kinds: list[Kind], parts: list[str]) -> Json | None:
    match parts:
        case ["version"]:
            return discovery.version_document()
        case ["api"]:
            return discovery.core_versions()
        case ["apis"]:
            return discovery.group_list(kinds)
        case ["api", version]:
            return discovery.resource_list(kinds, "", version)
        case ["apis", group]:
            return discovery.single_group(kinds, group)
        case ["apis", group, version]:
            return discovery.resource_list(kinds, group, version)
    return None


def _openapi(kinds: list[Kind], parts: list[str]) -> Json | None:
    match parts:
        case []:
            return discovery.openapi_index(kinds)
        case ["api", version]:
            return discovery.openapi_document(kinds, "", version)
        case ["apis", group, version]:
            return discovery.openapi_document(kinds, group, version)
    return None
