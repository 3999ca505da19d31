"""The run in progress: the only place that knows status, attempts, back-off, time limits, cancel and the undo list.

Phases yield durable work through it and read like the article they implement. It takes time from the orchestration
context alone.
"""

from collections.abc import Generator
from datetime import datetime, timedelta
from typing import Any

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError, redact
from arcway.domain.events import EventKind
from arcway.domain.phases import CLEAN_UP_SECONDS, TIME_LIMITS, UNDO, UNDO_SECONDS, Interval, phases_of
from arcway.domain.request import read_request
from arcway.domain.retry_after import clamped
from arcway.domain.run import Phase, accepted, fit
from durabletask.task import OrchestrationContext, Task, TaskFailedError, when_any

from orchestrators.back_off import back_off
from orchestrators.cancel import CancelRequests
from orchestrators.failures import Cancelled, StepFailed, unexpected
from orchestrators.outbox import Outbox
from orchestrators.patience import Patience

type Json = dict[str, Any]
type Work[T] = Generator[Task[Any], Any, T]

ATTEMPTS = 5
RELEASE_ATTEMPTS = 8  # as long as another client's Helm operation may last, and then some
UNEXPECTED_ATTEMPTS = 3
NOT_THERE = Code.AZURE_REPLICATION_PENDING  # what a step says that does not believe yet that something is not there
LEASE = ("lease arcway", "release_cluster")


class Run:
    """One execution of an operation, as the orchestrator sees it while it is in progress."""

    def __init__(self, context: OrchestrationContext, payload: Json) -> None:
        self._context = context
        self.request = read_request(payload["request"])
        self.facts: Json = {}
        self.run_id: str = payload["runId"]
        self._given = {name: payload.get(name) for name in ("traceparent", "startedBy", "roles")}
        self.outbox = Outbox(payload["source"], payload["traceparent"])
        self._undo: list[tuple[str, str, Json]] = []
        self._temporary: dict[str, str] = {}
        self._undoing = False
        self._unexpected_publishing = 0
        self._patience = Patience()
        self._written: datetime | None = None
        self._phase: Json = {}
        phases = phases_of(self.request.operation, self.request.order)
        self._status = accepted(f"{context.instance_id}.{self.run_id}", self.request, phases, payload).as_json()
        self._status["state"] = "Running"
        self.cancels = CancelRequests(context, self._status["id"])

    # --- what phases use -------------------------------------------------------------------------------------------

    def call(self, step: str, *, attempts: int = ATTEMPTS, **extra: Any) -> Work[Json]:
        """Do one step, again after a retryable error, and return what it returned.

        Raises `StepFailed` when the error is not retryable, attempts are used up, or the phase's time limit would be
        passed by waiting; `Cancelled` at the boundary before an attempt. Waiting because Azure throttles costs no
        attempt.
        """
        raised = attempt = 0
        missed: str | None = None
        while True:
            attempt += 1
            self._stop_if_cancelled()
            self._phase["attempts"] += 1
            self._set("Running")
            try:
                outcome: Json = yield self._context.call_activity(step, input=self._input(extra, missed))
            except TaskFailedError as failure:
                raised += 1
                outcome = {"error": unexpected(step, failure, retryable=raised < UNEXPECTED_ATTEMPTS)}
            if "ok" in outcome:
                ok: Json = outcome["ok"]
                return ok
            error = outcome["error"]
            if error["code"] == NOT_THERE:
                missed = missed or self._now()
            attempts += not self._undoing and self._patience.is_throttled(error)
            if not error["retryable"] or attempt >= attempts:
                raise StepFailed(error)
            self.detail(f"{error['code']}: {error['message']}")
            pause, asked = back_off(self.run_id, step, attempt, error), self._patience.asked_by(error)
            yield from self.wait(pause, "Retrying", late=error, asked=asked)

    def poll(self, step: str, every: Interval, *, late: str, **extra: Any) -> Work[Json]:
        """Do one step again and again until it says `done`; shows its `detail` and `left`, keeps its `retryAfter`. An
        `operation` that it names is given to it the next time.

        Raises `StepFailed` when the phase's time limit is reached first, with the `code` and `remedy` of what it waits
        for if the step gives one, else with the code `late`.
        """
        looks = 0
        while True:
            seen = yield from self.call(step, **extra)
            self.detail(seen.get("detail"))
            if "left" in seen and not self._undoing:
                self.leave(seen["left"])
            if seen["done"]:
                return seen
            looks += 1
            if seen.get("operation"):
                extra["operation"] = seen["operation"]
            pause, asked = every.after(looks), clamped(seen.get("retryAfter")) or 0.0
            text = f"{self._phase['name']} timed out: {seen.get('detail')}."
            error = ArcError(seen.get("code") or late, text, remedy=seen.get("remedy")).as_dict()
            wait = max(pause, asked)
            yield from self.wait(wait, "Waiting", late=error, asked=wait - pause)

    def attempted(self, attempts: int) -> None:
        """Show how often the phase in progress has tried."""
        self._phase["attempts"] = attempts

    def detail(self, text: str | None) -> None:
        """Say what the phase is doing; shown with the next change of status."""
        self._phase["detail"] = text

    def find(self, findings: list[Json]) -> None:
        """Add preflight findings."""
        self._status["findings"] = [*self._status["findings"], *findings]
        self._status["findingsTotal"] = len(self._status["findings"])

    def changed(self) -> None:
        """Remember that this run changed something in the cluster or in Azure."""
        self._status["changed"] = True

    def leave(self, what: list[str]) -> None:
        """Say what a removal has not removed so far."""
        self._status["left"] = what

    def leave_behind(self, what: list[str]) -> None:
        """Say what else has been left."""
        self.leave([*self._status["left"], *what])

    def created(self, what: str, undo: str, **given: Any) -> None:
        """Remember that this run created `what` and which step undoes it."""
        self.changed()
        self.undoable(what, undo, **given)

    def undoable(self, what: str, undo: str, **given: Any) -> None:
        """Remember before `what` is begun which step undoes it, whether it has begun or not."""
        if (what, undo, given) not in self._undo:
            self._undo.append((what, undo, given))

    def temporary(self, what: str, step: str) -> None:
        """Remember before `what` is made which step removes it when it is no longer needed."""
        self._temporary[what] = step

    def limit(self, seconds: float) -> None:
        """Give the phase in progress a time limit of its own from now on."""
        self._patience.begin(self._context.current_utc_datetime, seconds)

    def wrote(self) -> None:
        """Remember that this run has just written the connected cluster: Azure may not show it everywhere yet."""
        self._written = self._context.current_utc_datetime

    # --- what the orchestrator uses --------------------------------------------------------------------------------

    def begin(self, name: str) -> None:
        """Start a phase and its clock."""
        self._stop_if_cancelled()
        self.enter(name)

    def end(self, state: str = "Succeeded") -> None:
        """Close the phase in progress, and show by whom if it was canceled."""
        if state == "Canceled":
            self._status["canceledBy"] = self.cancels.asked_by()
        self._phase["finishedAt"] = self._now()
        self._set(state)

    def skip(self, name: str, why: str) -> None:
        """Show a phase that has nothing to do."""
        self.enter(name)
        self.detail(why)
        self.end("Skipped")

    def fail(self, error: Json) -> None:
        """Close the phase in progress as failed and say why; the run's state follows with `finish`."""
        shown = {key: error.get(key) for key in ("code", "message", "retryable", "remedy", "details")}
        self._status["error"] = {**shown, "phase": self._phase.get("name")}
        self.end("Failed")

    def fail_unexpectedly(self, error: Exception) -> None:
        """Close the phase in progress as failed by a fault of Arcway's own."""
        text = f"{type(error).__name__}: {redact(str(error), 300)}"
        self.fail(ArcError(Code.INTERNAL_ERROR, f"Internal error of Arcway: {text}").as_dict())

    def undo(self) -> Work[None]:
        """Undo what this run created, newest first; a step that restores something returns that as `restored`.

        What cannot be undone and what is restored is listed in `left`, never hidden.
        """
        while self._undo:
            what, step, given = self._undo.pop()
            work = self.poll(step, UNDO, late=Code.PHASE_TIMEOUT, **given)
            seen = yield from self._afterwards(work, what, UNDO_SECONDS)
            if seen and "restored" in seen:
                self.leave_behind([seen["restored"]])

    def tidy(self, *only: str) -> Work[None]:
        """Remove what is temporary, or `only` some of it, newest first; what cannot be removed is listed in `left`."""
        for what in only or [*reversed(self._temporary)]:
            yield from self._afterwards(self.call(self._temporary.pop(what)), what, CLEAN_UP_SECONDS)

    def announce(self, kind: EventKind, result: Json | None = None) -> None:
        """Put an event of the run as it is now behind those that wait to be published."""
        phase = dict(self._phase) if kind == "phaseChanged" else None
        self.outbox.add(kind, {**fit(self._status), "result": result}, self._now(), phase)

    def publish(self) -> Work[None]:
        """Publish what waits, once; if the broker does not answer, it waits on."""
        yield from self.outbox.send(self.publish_once)

    def keep(self) -> None:
        """Leave what this run created in place, and report it."""
        self.leave_behind([what for what, _, _ in self._undo])

    def finish(self, state: str, result: Json | None = None) -> Json:
        """Close the run and return its final form."""
        self._status["state"] = state
        self._status["finishedAt"] = self._now()
        self._show()
        return {**self._status, "result": result}

    # --- inside ----------------------------------------------------------------------------------------------------

    def publish_once(self, events: list[Json]) -> Work[Json | None]:
        """Publish events in order; returns the error that stopped it."""
        try:
            outcome = yield self._context.call_activity("publish_events", input=self._input({"events": events}))
        except TaskFailedError as failure:
            self._unexpected_publishing += 1
            again = self._unexpected_publishing < UNEXPECTED_ATTEMPTS
            return unexpected("publish_events", failure, retryable=again)
        error: Json | None = outcome.get("error")
        return error

    def _afterwards(self, work: Work[Json], what: str, seconds: float) -> Work[Json | None]:
        """Do work beside the phases: it has a time limit of its own, cannot be canceled and shows in no phase."""
        shown, self._phase = self._phase, Phase(name="afterwards").as_json()
        before = self._patience.deadline, self._undoing
        self._undoing = True
        self.limit(seconds)
        try:
            return (yield from work)
        except StepFailed as failure:
            code = failure.error["code"]
        except Exception:  # noqa: BLE001 - what comes after it must be cleaned up, too
            code = Code.INTERNAL_ERROR
        finally:
            self._phase = shown
            self._patience.deadline, self._undoing = before
        self.leave_behind([f"{what} ({code})"])
        return None

    def enter(self, name: str) -> None:
        """Make a phase the one in progress, canceled or not."""
        self._phase = next(phase for phase in self._status["phases"] if phase["name"] == name)
        self._phase["startedAt"] = self._now()
        self._status["phase"] = name
        limit = TIME_LIMITS.get(name)  # type: ignore[call-overload]
        self._patience.begin(self._context.current_utc_datetime, limit)

    def _stop_if_cancelled(self) -> None:
        if not self._undoing and self.cancels.is_asked():
            raise Cancelled

    def _input(self, extra: Json, missed: str | None = None) -> Json:
        return {
            "request": self.request.as_json(),
            "runId": self.run_id,
            "correlationId": self._status["correlationId"],
            "createdAt": self._status["createdAt"],
            "writtenAt": _text(self._written) if self._written else None,
            "missedAt": missed,
            **self._given,
            **extra,
        }

    def wait(self, seconds: float, state: str, *, late: Json, asked: float = 0.0) -> Work[None]:
        """Wait in the phase in progress, which shows `state`; `asked` are those seconds that Azure asks for.

        Raises `StepFailed` with `late` if the phase's time is over before, `Cancelled` when the run is canceled.
        """
        until = self._context.current_utc_datetime + timedelta(seconds=seconds)
        if not self._patience.allows(until, 0.0 if self._undoing else asked):
            raise StepFailed(late)
        self._phase["nextAttemptAt"] = _text(until)
        self._set(state)
        timer = self._context.create_timer(until)
        while not timer.is_complete:
            if not self._undoing and self.cancels.is_asked():
                timer.cancel()
                self._phase["nextAttemptAt"] = None
                raise Cancelled
            yield when_any([timer] if self._undoing else [timer, self.cancels.next])
        self._phase["nextAttemptAt"] = None

    def _set(self, phase_state: str) -> None:
        self._phase["state"] = phase_state
        self._show()

    def _show(self) -> None:
        self._status["updatedAt"] = self._now()
        # For readers of a run that was ended from outside; `triggers.run_reader` does not show it of others.
        made = [*(what for what, _, _ in self._undo), *self._temporary]
        self._context.set_custom_status(fit({**self._status, "made": made}))

    def _now(self) -> str:
        return _text(self._context.current_utc_datetime)


def _text(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
