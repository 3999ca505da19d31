"""The Kubernetes API of one cluster through the official client: plain JSON in and out, every answer bounded.

An API server may be hostile: what it sends is limited in bytes, seconds and number, and its shape is checked
(`arcway/cluster/access/responses.py`). The client's own retries, kubeconfig loading, temporary files and model classes
are not used.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from arcway.cluster.access import responses
from arcway.cluster.access.admission import is_transient as admission_may_pass
from arcway.cluster.access.admission import refusal_in
from arcway.cluster.access.connections import Connections
from arcway.cluster.access.kubeconfig import Access
from arcway.cluster.access.refused_credential import cause
from arcway.cluster.access.time_budget import TooLargeError, budget
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError, redact
from arcway.domain.retry_after import retry_after

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

CONNECT_SECONDS = 5
READ_SECONDS = 10
CALL_SECONDS = 20
LIST_SECONDS = 40
SESSION_SECONDS = 120
"""Seconds without a byte, of a whole answer, of all pages of a list, of all calls of a step together."""
ANSWER_BYTES = 4 * 1024 * 1024
TEXT_BYTES = 64 * 1024
# A node with its images has 20 kB, a definition may have 1 MB; a page that is too large is asked for in parts.
_PAGE = 100
_SMALLER = 10
_PIECE = 64 * 1024
# What webhooks and policies may have their refusals answered with; quotas and security standards take 403.
_OF_ADMISSION = (400, 403, 422, 500)


class ClusterApi:
    """The API of one cluster. Every method raises `ArcError` (ARC-2xxx, ARC-3001, ARC-3002) when it cannot answer."""

    def __init__(self, access: Access, client: "ApiClient") -> None:
        self._access = access
        self._client = client
        self._left = float(SESSION_SECONDS)

    @property
    def server(self) -> str:
        """The API server's URL."""
        return self._access.server

    def get(self, path: str, **query: str | int) -> dict[str, Any] | None:
        """Read the object at `path`; None if it does not exist."""
        return self._send("GET", path, query=query, accept=(404,))

    def items(
        self, path: str, *, most: int = responses.ITEMS, or_none: bool = False, **query: str | int
    ) -> list[dict[str, Any]]:
        """All items of the list at `path`, page by page; `or_none` when there may be no such list.

        Raises `ArcError` ARC-2027 for more than `most`.
        """
        pages = responses.Pages(path, most)
        size, until = _PAGE, time.monotonic() + LIST_SECONDS
        accept = (404,) if or_none else ()
        while pages.is_incomplete:
            if time.monotonic() > until:
                raise ArcError(Code.API_SERVER_TIMEOUT, f"GET {path} did not complete within {LIST_SECONDS} s.")
            page_query = {"limit": size, **({"continue": pages.token} if pages.token else {})}
            try:
                data = self._fetch("GET", path, query={**query, **page_query}, accept=accept)
                pages.add(data or b"{}")
            except responses.AnswerTooLarge:
                if size == 1:
                    raise
                size = max(1, size // _SMALLER)
        return pages.items

    def create(self, path: str, body: dict[str, Any], *, dry_run: bool = False) -> dict[str, Any] | None:
        """Create an object, or only ask whether one may; None when one of that name exists already."""
        return self._send("POST", path, query={"dryRun": "All"} if dry_run else {}, body=body, accept=(409,))

    def replace(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """Replace the object at `path`; None when another client changed or removed it in the meantime."""
        return self._send("PUT", path, body=body, accept=(404, 409))

    def annotate(self, path: str, annotations: dict[str, str]) -> None:
        """Add annotations to the object at `path`; does nothing if it does not exist."""
        self.merge(path, {"metadata": {"annotations": annotations}})

    def merge(self, path: str, body: dict[str, Any]) -> None:
        """Merge `body` into the object at `path` (RFC 7396); does nothing if the object does not exist."""
        self._send("PATCH", path, body=body, kind="application/merge-patch+json", accept=(404,))

    def delete(self, path: str, uid: str | None = None) -> None:
        """Delete the object at `path`, only if its uid is `uid` when given; does nothing if it does not exist."""
        body: dict[str, Any] = {"propagationPolicy": "Background"}
        if uid:
            body["preconditions"] = {"uid": uid}
        self._send("DELETE", path, body=body, accept=(404, 409))

    def may(self, verb: str, resource: str, group: str = "", namespace: str = "", name: str = "") -> bool:
        """Whether the credential has `verb` on `resource` of `group` (SelfSubjectAccessReview)."""
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
        status, data, wait = self._exchange("GET", path, query, None, accept="*/*", limit=TEXT_BYTES)
        if status != 200:
            raise _refusal(status, data, f"GET {path}", wait)
        return data.decode(errors="replace")

    def _send(self, method: str, path: str, **options: Any) -> dict[str, Any] | None:
        data = self._fetch(method, path, **options)
        return None if data is None else responses.object_in(data, path)

    def _fetch(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, Any] | None = None,
        body: dict[str, Any] | None = None,
        kind: str = "application/json",
        accept: tuple[int, ...] = (),
    ) -> bytes | None:
        status, data, wait = self._exchange(method, path, query or {}, body, kind=kind, accept="application/json")
        if status in accept:
            return None
        if not 200 <= status < 300:
            raise _refusal(status, data, f"{method} {path}", wait, self._access)
        return data

    def _exchange(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any],
        body: dict[str, Any] | None,
        *,
        kind: str = "application/json",
        accept: str,
        limit: int = ANSWER_BYTES,
    ) -> tuple[int, bytes, float | None]:
        """Status, body and the seconds that the API server asks to wait."""
        headers = {"Accept": accept, "Accept-Encoding": "identity", "User-Agent": "arcway"}
        if self._access.token:
            headers["Authorization"] = f"Bearer {self._access.token}"
        if body is not None:
            headers["Content-Type"] = kind
        url = self._access.server + path + (f"?{urlencode(query)}" if query else "")
        began = time.monotonic()
        with _transport_errors(self._access.server, path), budget(min(CALL_SECONDS, self._left)) as spent:
            spent.seconds()
            response = self._client.call_api(
                method, url, headers, body, _request_timeout=(CONNECT_SECONDS, READ_SECONDS)
            )
            # One that is not read to its end would keep its connection.
            with closing(response.response) as answer:
                responses.refuse_encoded(response.headers, path)
                spent.allow(limit)
                # Piece by piece: room for a length that is only said would be made at once.
                data = b"".join(answer.stream(_PIECE, decode_content=False))
        self._left -= time.monotonic() - began
        wait = retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
        return response.status, data, wait


def at(base: str, *names: str) -> str:
    """The path of what has these names below `base`; each name stays one part of the path, whatever is in it.

    Raises `ArcError` ARC-2027 for names that Kubernetes allows no object to have.
    """
    return "/".join([base, *(quote(responses.checked_name(name), safe=":") for name in names)])


@contextmanager
def cluster_api(connections: Connections, access: Access) -> Iterator[ClusterApi]:
    """The API of a cluster, over a connection that may stay open for the next step.

    What goes wrong meanwhile because an answer has not the shape that Kubernetes gives it is ARC-2027.
    """
    with connections.to(access) as client, responses.malformed():
        yield ClusterApi(access, client)


@contextmanager
def _transport_errors(server: str, path: str) -> Iterator[None]:
    import ssl

    from kubernetes.client.exceptions import ApiException
    from urllib3 import exceptions as http

    from arcway.cluster.access.tls import failure

    try:
        yield
    except ApiException as error:  # the client wraps TLS errors in one with status 0
        raise failure(server, str(error.reason)) from error
    except TooLargeError as error:
        raise responses.AnswerTooLarge(f"The response to {path} is too large.") from error
    except (http.HTTPError, OSError) as error:
        reason: BaseException | None = error.reason if isinstance(error, http.MaxRetryError) else error
        if isinstance(reason, http.ProtocolError) and isinstance(reason.args[-1], TimeoutError):
            reason = reason.args[-1]  # while the request was sent
        message = redact(str(reason).rpartition(": ")[2], 200)
        if isinstance(reason, (http.SSLError, ssl.SSLError)):
            raise failure(server, str(reason)) from error
        if isinstance(reason, (http.TimeoutError, TimeoutError)) and not isinstance(reason, http.NewConnectionError):
            raise ArcError(Code.API_SERVER_TIMEOUT, f"{server} did not respond in time: {message}") from error
        raise ArcError(Code.API_SERVER_UNREACHABLE, f"{server} cannot be reached: {message}") from error


def _refusal(status: int, data: bytes, request: str, wait: float | None, access: Access | None = None) -> ArcError:
    text = responses.message_in(data)
    message = f"{request} returned {status}: {redact(text, 300)}"
    if status == 403 and "being terminated" in text:
        return ArcError(Code.NAMESPACE_TERMINATING, message, retry_after=2)
    if status == 401 and access:
        why, remedy = cause(access)
        return ArcError(
            Code.CLUSTER_CREDENTIAL_REFUSED, f"{message.rstrip('.: ')}; {why}." if why else message, remedy=remedy
        )
    if status in _OF_ADMISSION and (refusal := refusal_in(text)):
        code = Code.KUBERNETES_API_ERROR if admission_may_pass(text) else Code.ADMISSION_DENIED
        return ArcError(code, message, remedy=refusal.remedy, retry_after=wait)
    code = {
        401: Code.CLUSTER_CREDENTIAL_REFUSED,
        403: Code.CLUSTER_PERMISSION_MISSING,
        429: Code.KUBERNETES_API_ERROR,
    }.get(status) or (Code.KUBERNETES_API_ERROR if status >= 500 else Code.KUBERNETES_CHANGE_REFUSED)
    return ArcError(code, message, retry_after=wait)


@contextmanager
def open_cluster(access: Access) -> Iterator[ClusterApi]:
    """The API of a cluster over connections of its own, which end with the block. Raises `ArcError`."""
    connections = Connections()
    try:
        with cluster_api(connections, access) as api:
            yield api
    finally:
        connections.close()
