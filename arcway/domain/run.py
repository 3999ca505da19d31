"""The run: the public document about one execution of an operation on one cluster.

It is also the orchestration's custom status, so `truncate_for_status` keeps it under the limit of the Azure Storage
provider (16 KiB as UTF-16, that is 8,192 characters).
"""

import json
from typing import Any, Literal, NamedTuple

from pydantic import Field

from arcway.domain.fleets.plan import Forecast
from arcway.domain.leftovers import Leftover, read_leftovers, shortened
from arcway.domain.model import Model
from arcway.domain.request import AnyRequest, OnboardRequest
from arcway.domain.secret_names import SecretKind, kind_of

type RunState = Literal["Accepted", "Running", "Succeeded", "Failed", "Canceled"]
type PhaseState = Literal["Pending", "Running", "Waiting", "Retrying", "Succeeded", "Skipped", "Failed", "Canceled"]

STATUS_LIMIT = 8000
FINDINGS_SHOWN = 10


class _Cut(NamedTuple):
    """How much of a run a status has: characters of a text, findings, leftovers, characters of their names."""

    text: int
    findings: int
    leftovers: int
    name: int


# A public key, which a user has to copy while the run waits, has up to 800 characters.
_CUTS = (
    *(_Cut(text, FINDINGS_SHOWN, 20, 300) for text in (1000, 320, 160, 80, 40)),
    *(_Cut(40, 0, 5, 80), _Cut(12, 0, 5, 12), _Cut(1, 0, 0, 1)),
)


class Finding(Model):
    """One result of a preflight check."""

    code: str
    level: Literal["error", "warning", "info"]
    message: str
    remedy: str | None = None


class PhaseError(Model):
    """Why a phase failed or is tried again."""

    code: str
    message: str


class Phase(Model):
    """One phase of a run. Times are ISO 8601 in UTC."""

    name: str
    state: PhaseState = "Pending"
    attempts: int = 0
    started_at: str | None = None
    finished_at: str | None = None
    next_attempt_at: str | None = None
    detail: str | None = None
    """What the phase does or has done."""
    error: PhaseError | None = None
    """What the last attempt failed with; null when it did not fail."""


class Cluster(Model):
    """The connected cluster a run is about."""

    subscription_id: str
    resource_group: str
    name: str
    location: str | None
    resource_id: str


class Identity(Model):
    """A caller: a user or an application with an object id; without one, the queue or this machine."""

    name: str
    object_id: str | None


class RunError(Model):
    """Why a run failed."""

    code: str
    message: str
    phase: str | None = None
    retryable: bool = False
    remedy: str | None = None
    details: list[dict[str, Any]] = Field(default_factory=list)


class Run(Model):
    """One execution of an operation on one cluster."""

    id: str
    operation: str
    state: RunState = "Accepted"
    changed: bool = False
    cluster: Cluster
    phase: str | None = None
    phases: list[Phase]
    findings: list[Finding] = Field(default_factory=list)
    findings_total: int = 0
    error: RunError | None = None
    leftovers: list[Leftover] = Field(default_factory=list)
    result: dict[str, Any] | None = None
    created_at: str
    updated_at: str
    finished_at: str | None = None
    started_by: Identity | None = None
    canceled_by: Identity | None = None
    correlation_id: str
    retriable: bool = True
    """Whether a retry can work; false if the run had a temporary credential, which is removed with the run."""


def new_run(run_id: str, request: AnyRequest, phases: tuple[str, ...], payload: dict[str, Any]) -> Run:
    """The run as it is before its orchestration has said anything; `payload` is what that was started with.

    Runs that were started before there were callers have no `startedBy`.
    """
    started_by = payload.get("startedBy")
    return Run(
        id=run_id,
        operation=request.operation,
        cluster=Cluster(
            subscription_id=request.subscription_id,
            resource_group=request.resource_group,
            name=request.name,
            location=request.location if isinstance(request, OnboardRequest) else None,
            resource_id=request.cluster.resource_id,
        ),
        phases=[Phase(name=name) for name in phases],
        created_at=payload["createdAt"],
        updated_at=payload["createdAt"],
        correlation_id=payload["correlationId"],
        retriable=is_retriable(request),
        started_by=Identity.model_validate(started_by) if started_by else None,
    )


def is_retriable(request: AnyRequest) -> bool:
    """Whether all that the request refers to lasts longer than its run."""
    credentials = request.proxy.credentials if request.proxy else None
    is_of_one_run = credentials is not None and kind_of(credentials.secret) is SecretKind.TEMPORARY
    return not is_of_one_run and not (request.kubeconfig is not None and request.kubeconfig.temporary)


def _short(text: str | None, limit: int) -> str | None:
    return text if text is None or len(text) <= limit else text[: limit - 1] + "…"


def truncate_for_status(run: dict[str, Any]) -> dict[str, Any]:
    """The run's JSON form cut to what a custom status may hold: no result, few findings, short details.

    It is cut no more than needed. The last cut leaves so little that every run fits, whatever its texts are.
    """
    for cut in _CUTS:
        status = _cut(run, cut)
        if len(json.dumps(status)) <= STATUS_LIMIT:
            break
    return status


def _cut(run: dict[str, Any], cut: _Cut) -> dict[str, Any]:
    limit = cut.text
    status = {
        **run,
        "result": None,
        "phases": [_short_phase(phase, limit) for phase in run["phases"]],
        "findings": [
            {**finding, "message": _short(finding["message"], limit), "remedy": _short(finding["remedy"], limit)}
            for finding in run["findings"][: cut.findings]
        ],
        "leftovers": shortened(run["leftovers"], cut.leftovers, cut.name),
    }
    for name in ("startedBy", "canceledBy"):
        if run.get(name):
            status[name] = {**run[name], "name": _short(run[name]["name"], limit)}
    if error := run["error"]:
        texts = {name: _short(error[name], limit * 2) for name in ("message", "remedy")}
        status["error"] = {**error, **texts, "details": []}
    return status


def read_run(stored: dict[str, Any]) -> dict[str, Any]:
    """A run's JSON form as it was stored, also by earlier versions.

    These said `left` for `leftovers`, did not say whether a retry can work, and had the error of a phase in its detail.
    """
    run = {"retriable": True, **stored}
    run["leftovers"] = read_leftovers(run.get("leftovers", run.pop("left", [])))
    run["phases"] = [{"error": None, **phase} for phase in run["phases"]]
    return run


def _short_phase(phase: dict[str, Any], limit: int) -> dict[str, Any]:
    error = phase["error"]
    short = error and {**error, "message": _short(error["message"], limit)}
    return {**phase, "detail": _short(phase["detail"], limit), "error": short}


def ended_as(run: dict[str, Any]) -> dict[str, Any]:
    """How a run ended, as its fleet counts it: a check changes nothing, so that it is never unchanged.

    The end of a check has its `forecast`: the class, the changes and the code.
    """
    error, is_check = run["error"] or {}, run["operation"] == "check"
    ended = {
        "outcome": run["state"],
        "changed": None if is_check else run["changed"],
        "code": error.get("code"),
        "phase": error.get("phase"),
    }
    forecast = _forecast_of(run, error) if is_check else None
    return {**ended, "forecast": forecast.as_json()} if forecast else ended


def _forecast_of(run: dict[str, Any], error: dict[str, Any]) -> Forecast | None:
    """What a check tells of its cluster; None if it was canceled, or is of a version without forecasts."""
    if run["state"] == "Failed":
        return Forecast.of_error(error["code"])
    result = run["result"] or {}
    return Forecast.read(result) if run["state"] == "Succeeded" and "class" in result else None
