"""The Kubernetes API of one cluster through the official client: plain JSON in and out, a time limit on every call.

The client's own retries, kubeconfig loading, temporary files and model classes are not used. Must not know what is
asked for.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from arcway.cluster.connections import Connections
from arcway.cluster.kubeconfig import Access
from arcway.domain.errors import ArcError, redact

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

_connections = Connections()
CONNECT_SECONDS = 5
READ_SECONDS = 10
_PAGE = 500


class ClusterApi:
    """The API of one cluster. Every method raises `ArcError` (ARC-2xxx, ARC-3001, ARC-3002) when it cannot answer."""

    def __init__(self, access: Access, client: "ApiClient") -> None:
        self._access = access
        self._client = client

    @property
    def server(self) -> str:
        """The API server's URL."""
        return self._access.server

    def get(self, path: str, **query: str | int) -> dict[str, Any] | None:
        """The object at `path`, None when there is none."""
        return self._send("GET", path, query=query, accept=(404,))

    def items(self, path: str, **query: str | int) -> list[dict[str, Any]]:
        """All items of the list at `path`, page by page."""
        found: list[dict[str, Any]] = []
        page = self._send("GET", path, query={**query, "limit": _PAGE}) or {}
        found += page.get("items") or []
        while token := (page.get("metadata") or {}).get("continue"):
            page = self._send("GET", path, query={**query, "limit": _PAGE, "continue": token}) or {}
            found += page.get("items") or []
        return found

    def create(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """Create an object; None when one of that name exists already."""
        return self._send("POST", path, body=body, accept=(409,))

    def replace(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """Replace the object at `path`; None when somebody else changed or removed it meanwhile."""
        return self._send("PUT", path, body=body, accept=(404, 409))

    def annotate(self, path: str, annotations: dict[str, str]) -> None:
        """Add annotations to the object at `path`; harmless when there is none."""
        body = {"metadata": {"annotations": annotations}}
        self._send("PATCH", path, body=body, kind="application/merge-patch+json", accept=(404,))

    def delete(self, path: str, uid: str | None = None) -> None:
        """Delete the object at `path`, only if it is the one with `uid` when given; harmless when there is none."""
        body: dict[str, Any] = {"propagationPolicy": "Background"}
        if uid:
            body["preconditions"] = {"uid": uid}
        self._send("DELETE", path, body=body, accept=(404, 409))

    def may(self, verb: str, resource: str, group: str = "", namespace: str = "", name: str = "") -> bool:
        """Whether the credential may do `verb` on `resource` of `group` (SelfSubjectAccessReview)."""
        attributes = {"verb": verb, "resource": resource, "group": group, "namespace": namespace, "name": name}
        review = self._send(
            "POST",
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            body={
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
            },
        )
        return bool(((review or {}).get("status") or {}).get("allowed"))

    def text(self, path: str, **query: str | int) -> str:
        """The plain text at `path`, such as a log."""
        status, data, headers = self._exchange("GET", path, query, None, accept="*/*")
        if status != 200:
            raise _refusal(status, data, f"GET {path}", headers.get("Retry-After", ""))
        return data.decode(errors="replace")

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, Any] | None = None,
        body: dict[str, Any] | None = None,
        kind: str = "application/json",
        accept: tuple[int, ...] = (),
    ) -> dict[str, Any] | None:
        status, data, headers = self._exchange(method, path, query or {}, body, kind=kind, accept="application/json")
        if status in accept:
            return None
        if not 200 <= status < 300:
            raise _refusal(status, data, f"{method} {path}", headers.get("Retry-After", ""))
        return _object(data, path)

    def _exchange(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any],
        body: dict[str, Any] | None,
        *,
        kind: str = "application/json",
        accept: str,
    ) -> tuple[int, bytes, Mapping[str, str]]:
        headers = {"Accept": accept, "User-Agent": "arcway"}
        if self._access.token:
            headers["Authorization"] = f"Bearer {self._access.token}"
        if body is not None:
            headers["Content-Type"] = kind
        url = self._access.server + path + (f"?{urlencode(query)}" if query else "")
        with _transport_errors(self._access.server):
            response = self._client.call_api(
                method, url, headers, body, _request_timeout=(CONNECT_SECONDS, READ_SECONDS)
            )
            return response.status, response.response.data, response.headers


@contextmanager
def cluster_api(access: Access) -> Iterator[ClusterApi]:
    """The API of a cluster, over a connection that may stay open for the next step."""
    with _connections.to(access) as client:
        yield ClusterApi(access, client)


@contextmanager
def _transport_errors(server: str) -> Iterator[None]:
    import ssl

    from kubernetes.client.exceptions import ApiException
    from urllib3 import exceptions as http

    try:
        yield
    except ApiException as error:  # the client wraps TLS errors in one with status 0
        raise ArcError("ARC-2007", f"TLS with {server} failed: {redact(str(error.reason), 200)}") from error
    except (http.HTTPError, OSError) as error:
        reason = error.reason if isinstance(error, http.MaxRetryError) else error
        text = redact(str(reason).rpartition(": ")[2], 200)
        if isinstance(reason, (http.SSLError, ssl.SSLError)):
            if "CERTIFICATE" in str(reason) or "certificate" in str(reason):
                raise ArcError("ARC-2007", f"TLS with {server} failed: {text}") from error
            raise ArcError("ARC-3001", f"TLS with {server} failed: {text}") from error
        if isinstance(reason, http.TimeoutError) and not isinstance(reason, http.NewConnectionError):
            raise ArcError("ARC-3002", f"{server} does not answer in time: {text}") from error
        raise ArcError("ARC-3001", f"{server} cannot be reached: {text}") from error


def _refusal(status: int, data: bytes, what: str, retry_after: str) -> ArcError:
    try:
        text = str(json.loads(data).get("message", ""))
    except (ValueError, AttributeError):
        text = data[:200].decode(errors="replace")
    message = f"{what} was answered {status}: {redact(text, 300)}"
    if status == 403 and "being terminated" in text:
        return ArcError("ARC-2012", message, retry_after=2)
    code = {401: "ARC-2006", 403: "ARC-2008", 429: "ARC-2013"}.get(status) or (
        "ARC-2013" if status >= 500 else "ARC-2014"
    )
    return ArcError(code, message, retry_after=float(retry_after) if retry_after.isdecimal() else None)


def _object(data: bytes, path: str) -> dict[str, Any]:
    try:
        body = json.loads(data)
    except ValueError as error:
        raise ArcError("ARC-2013", f"{path} was not answered with JSON; is this a Kubernetes API server?") from error
    if not isinstance(body, dict):
        raise ArcError("ARC-2013", f"{path} was not answered with a JSON object.")
    return body
