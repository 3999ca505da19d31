"""Reads responses of an API server: JSON within its limits, lists page by page, and the parts that all readers
rely on in the shape that Kubernetes gives them.

Everything else that is not as it should be shows where it is used; `malformed` names it there.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.json_values import MOST_VALUES, Json, count_of, read_json
from arcway.domain.text import counted
from arcway.telemetry import log

PAGES = 1000
ITEMS = 10_000
VALUES = 3_000_000
"""Of all pages of a list together."""
_NAME_LENGTH = 1024
_TOKEN_LENGTH = 16 * 1024
_SHAPE = (AttributeError, TypeError, LookupError, ValueError, ArithmeticError, RecursionError, StopIteration)


class AnswerTooLarge(ArcError):
    """The answer does not fit; a smaller page may."""

    def __init__(self, message: str) -> None:
        super().__init__(Code.KUBERNETES_RESPONSE_INVALID, message)


@contextmanager
def malformed() -> Iterator[None]:
    """Translate exceptions from values of an unexpected form to `ArcError` ARC-2027.

    Where it went wrong is in the log: it may be a mistake of ours after all.
    """
    try:
        yield
    except _SHAPE as error:
        frame, where = error.__traceback__, ""
        while frame is not None:
            where = f"{frame.tb_frame.f_globals.get('__name__')}:{frame.tb_lineno}"
            frame = frame.tb_next
        log.warning("a cluster's response has an unexpected form: %s in %s", type(error).__name__, where)
        message = f"The cluster returned an object of an unexpected form ({type(error).__name__})."
        raise ArcError(Code.KUBERNETES_RESPONSE_INVALID, message) from error


def refuse_encoded(headers: Mapping[str, str], path: str) -> None:
    """Raises `ArcError` ARC-2027 for an answer that is compressed, although none was asked for."""
    coding = headers.get("Content-Encoding", "")
    if coding.strip().lower() not in ("", "identity"):
        raise ArcError(
            Code.KUBERNETES_RESPONSE_INVALID,
            f"The response to GET {path} is encoded ({coding[:40]}), although no encoding was requested.",
        )


def object_in(data: bytes, path: str) -> Json:
    """The JSON object of an answer. Raises `ArcError`: ARC-2013 it is not JSON, ARC-2027 too large or malformed."""
    if count_of(data) > MOST_VALUES:
        raise AnswerTooLarge(f"The response to GET {path} has too many values.")
    try:
        body = read_json(data)
    except ValueError as error:
        message = f"GET {path} did not return JSON; is this a Kubernetes API server? ({error})"
        raise ArcError(
            Code.KUBERNETES_RESPONSE_INVALID if data[:1] == b"{" else Code.KUBERNETES_API_ERROR, message
        ) from error
    if not isinstance(body, dict):
        raise ArcError(Code.KUBERNETES_API_ERROR, f"GET {path} did not return a JSON object.")
    if body.get("metadata") is not None:
        _check_metadata(body["metadata"])
    return body


def message_in(data: bytes) -> str:
    """The message of a response that is not a success."""
    try:
        body = read_json(data)
    except ValueError:
        body = None
    if isinstance(body, dict):
        message = body.get("message")
        return message if isinstance(message, str) else ""
    return data[:200].decode(errors="replace")


class Pages:
    """The items of a list, gathered page by page."""

    def __init__(self, path: str, most: int = ITEMS) -> None:
        self._path = path
        self._most = most
        self._seen: set[str] = set()
        self._values = 0
        self.items: list[Json] = []
        self.token = ""
        self.is_incomplete = True

    def add(self, data: bytes) -> None:
        """Take one page in. Raises `ArcError` ARC-2027."""
        page = object_in(data, self._path)
        self._values += count_of(data)
        items = page.get("items")
        if not isinstance(items, list | None):
            raise ArcError(Code.KUBERNETES_RESPONSE_INVALID, f"GET {self._path} returned items that are not a list.")
        if len(items or ()) > self._most:
            raise self._too_many()
        for item in items or ():
            if not isinstance(item, dict):
                raise ArcError(
                    Code.KUBERNETES_RESPONSE_INVALID, f"GET {self._path} returned an item that is not an object."
                )
            _check_metadata(item.get("metadata"))
            checked_name(item["metadata"].get("name"))
            _slim(item)
        self.items += items or ()
        self._go_on((page.get("metadata") or {}).get("continue"))

    def _go_on(self, token: object) -> None:
        if not isinstance(token, str | None) or len(token or "") > _TOKEN_LENGTH or token in self._seen:
            raise ArcError(Code.KUBERNETES_RESPONSE_INVALID, f"GET {self._path} returned pages without an end.")
        self.token = token or ""
        self.is_incomplete = bool(token)
        self._seen.add(self.token)
        if len(self._seen) > PAGES or len(self.items) > self._most or self._values > VALUES:
            raise self._too_many()

    def _too_many(self) -> ArcError:
        return ArcError(
            Code.KUBERNETES_RESPONSE_INVALID,
            f"GET {self._path} returned more than {counted(self._most, 'item')} or {PAGES} pages.",
        )


def checked_name(name: object) -> str:
    """The name of an object. Raises `ArcError` ARC-2027 for one that would lead a request elsewhere.

    The rule is Kubernetes' own for names that are part of a path (IsValidPathSegmentName of k8s.io/apimachinery).
    """
    if not isinstance(name, str) or not 0 < len(name) <= _NAME_LENGTH or name in (".", "..") or set("/%") & set(name):
        raise ArcError(Code.KUBERNETES_RESPONSE_INVALID, "The cluster returned an object with an invalid name.")
    return name


def _check_metadata(metadata: object) -> None:
    if not isinstance(metadata, dict):
        raise ArcError(Code.KUBERNETES_RESPONSE_INVALID, "The cluster returned an object without metadata.")
    for name in ("labels", "annotations"):
        values = metadata.get(name)
        if values is not None and not (
            isinstance(values, dict) and all(isinstance(value, str) for value in values.values())
        ):
            raise ArcError(
                Code.KUBERNETES_RESPONSE_INVALID, f"The cluster returned {name} that are not a map of strings."
            )
    for name in ("uid", "resourceVersion", "creationTimestamp", "namespace"):
        if not isinstance(metadata.get(name), str | None):
            raise ArcError(Code.KUBERNETES_RESPONSE_INVALID, f"The cluster returned a {name} that is not a string.")


def _slim(item: Json) -> None:
    """Without the fields that are not read here and are most of many objects."""
    item["metadata"].pop("managedFields", None)
    if isinstance(status := item.get("status"), dict):
        status.pop("images", None)
