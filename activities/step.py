"""Does a step as an activity: errors returned as values, no secrets in the result.

An exception that leaves an activity keeps only its text and puts its stack trace into the history, so a known error
is returned as `{"error": …}` and an unexpected one is logged and raised again with redacted text.
"""

import json
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import azure.durable_functions as df

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError, redact
from arcway.domain.ids import ClusterId, Origin
from arcway.domain.json_values import Json
from arcway.domain.observations import observe
from arcway.domain.owners import SecretUser
from arcway.domain.request import OnboardRequest, read_request
from arcway.domain.secrets_held import holding, masked_value
from arcway.domain.text import presentable
from arcway.installation import Installation
from arcway.telemetry import correlated, log
from arcway.tracing import fail, step_span

OUTCOME_BYTES = 64 * 1024
# What people see of an outcome; the rest is for other steps.
_DISPLAYED = frozenset({"detail", "findings", "leftovers", "restored", "result", "message", "remedy", "details"})


@dataclass(frozen=True, slots=True)
class Call[R = OnboardRequest]:
    """The input of a step."""

    request: R
    payload: Json
    installation: Installation

    @property
    def user(self) -> SecretUser:
        """For whom the step reads secrets: the caller who started the run."""
        return SecretUser.of(self.payload)


class UnexpectedError(Exception):
    """An error without a code; its text is redacted and its cause is in the log only."""


type Step = Callable[[Call[Any]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class FleetCall:
    """The input of a step of a fleet, which reads and starts runs."""

    payload: Json
    client: df.DurableFunctionsClient
    installation: Installation


type FleetStep = Callable[[FleetCall], Awaitable[Any]]


async def perform_for_fleet(step: FleetStep, call: FleetCall) -> Json:
    """Do the step and put what it returns in the envelope. Raises `UnexpectedError`."""
    payload = call.payload
    origin = Origin(payload["correlationId"], payload["traceparent"])
    with correlated(origin), holding(), _watched(step.__name__, payload, origin) as watch:
        try:
            return {"ok": await step(call)}
        except ArcError as error:
            watch.error(error.code)
            log.warning("%s %s: %s", payload["id"], step.__name__, error)
            return {"error": _envelope(error)}
        except Exception as error:  # noqa: BLE001 - the border: everything else must leave without its secrets
            watch.unexpected()
            message = f"{type(error).__name__}: {redact(str(error), 300)}"
            log.error("%s %s: unexpected %s", payload["id"], step.__name__, message)
    raise UnexpectedError(message)


def perform(step: Step, payload: Json, installation: Installation) -> Json:
    """Do the step and put its outcome in the envelope. Raises `UnexpectedError`."""
    origin = Origin(payload["correlationId"], payload["traceparent"], _id_in(payload))
    with correlated(origin), holding(), _watched(step.__name__, payload, origin) as watch:
        try:
            outcome = _fit_to_leave(step(Call(_request_in(payload), payload, installation)))
        except ArcError as error:
            watch.error(error.code)
            log.warning("%s %s: %s", _id_in(payload), step.__name__, error)
            return {"error": _envelope(error)}
        except Exception as error:  # noqa: BLE001 - the border: everything else must leave without its secrets
            watch.unexpected()
            message = f"{type(error).__name__}: {redact(str(error), 300)}"
            log.error("%s %s: unexpected %s", _id_in(payload), step.__name__, message)
        else:
            return {"ok": outcome}
    raise UnexpectedError(message)


@dataclass(slots=True)
class _Watch:
    """How a step ends."""

    outcome: str = "ok"
    code: str | None = None

    def error(self, code: str) -> None:
        """With an error that has a code."""
        self.outcome, self.code = "error", str(code)

    def unexpected(self) -> None:
        """With an error of our own."""
        self.outcome, self.code = "unexpected", Code.INTERNAL_ERROR.value


@contextmanager
def _watched(name: str, payload: Json, origin: Origin) -> Iterator[_Watch]:
    """Trace, time and log the step."""
    watch, began = _Watch(), time.monotonic()
    with step_span(name, origin) as span:
        yield watch
        if watch.code:
            fail(span, watch.code)
    request: Json = payload.get("request") or {}
    is_of_cluster = {"subscriptionId", "resourceGroup", "name"} <= request.keys()
    observe(
        "step",
        run=payload.get("id") or _id_in(payload),
        cluster=_cluster_in(request).key if is_of_cluster else None,
        operation=request.get("operation"),
        phase=payload.get("phase"),
        attempt=payload.get("attempt"),
        step=name,
        outcome=watch.outcome,
        seconds=round(time.monotonic() - began, 3),
        code=watch.code,
    )


def _cluster_in(request: Json) -> ClusterId:
    return ClusterId(request["subscriptionId"], request["resourceGroup"], request["name"])


def _id_in(payload: Json) -> str:
    return str(payload.get("runId") or payload["id"])


def _request_in(payload: Json) -> Any:
    """The run's request; a fleet has none."""
    return read_request(payload["request"]) if "request" in payload else None


def _fit_to_leave(outcome: Mapping[str, Any]) -> Json:
    """The outcome as it is kept and shown: without secrets held, its texts cut and visible.

    Raises `ArcError` ARC-2028 when it is too large or cannot be written as standard JSON.
    """
    try:
        kept: Json = masked_value(presentable({**outcome}), _DISPLAYED)
        size = _size(kept)
    except (ValueError, RecursionError) as error:
        raise ArcError(Code.STEP_RESULT_TOO_LARGE, "The step's result cannot be encoded as standard JSON.") from error
    if size > OUTCOME_BYTES:
        raise ArcError(Code.STEP_RESULT_TOO_LARGE, f"The step's result has {size} bytes; the limit is {OUTCOME_BYTES}.")
    return kept


def _envelope(error: ArcError) -> Json:
    """The error's envelope; details that are too many are left out, because the error itself counts."""
    envelope: Json = masked_value(error.as_dict(), _DISPLAYED)
    while _size(envelope) > OUTCOME_BYTES:
        envelope["details"] = envelope["details"][: len(envelope["details"]) // 2]
    return envelope


def _size(value: Json) -> int:
    return len(json.dumps(value, ensure_ascii=False, allow_nan=False).encode())
