"""The run in progress as phases use it: steps with attempts, back-off and deadlines, cancel, compensation, events.

Phases yield durable work through it and read like the article they implement. Time comes from the orchestration context
alone.
"""

from collections.abc import Generator
from datetime import datetime, timedelta
from typing import Any

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.events import EventKind
from arcway.domain.json_values import Json
from arcway.domain.leftovers import because, leftover, read_leftovers, remaining_of
from arcway.domain.phases import CLEAN_UP_SECONDS, TIME_LIMITS, UNDO, UNDO_SECONDS, Interval
from arcway.domain.retry_after import clamped
from arcway.domain.run import Phase, truncate_for_status
from arcway.domain.steps import PUBLISH_EVENTS, RELEASE_CLUSTER, Done, Facts, Polled, Step
from arcway.domain.timestamps import timestamp
from durabletask.task import OrchestrationContext, Task, TaskFailedError, when_any

from orchestrators.back_off import back_off
from orchestrators.cancel_requests import CancelRequests
from orchestrators.deadline import Deadline
from orchestrators.failures import RunCanceled, StepFailed, unexpected
from orchestrators.outbox import Outbox
from orchestrators.run_status import RunStatus
from orchestrators.versions import EVENTS_WITH_STEPS, FREE_THROTTLING, version_of

type Work[T] = Generator[Task[Any], Any, T]

ATTEMPTS = 5
RELEASE_ATTEMPTS = 8  # as long as another client's Helm operation may last, and then some
UNEXPECTED_ATTEMPTS = 3
NOT_THERE = Code.AZURE_REPLICATION_PENDING  # what a step says that does not believe yet that something is not there
LEASE = (leftover("Lease", "arcway"), RELEASE_CLUSTER)


class RunContext(RunStatus):
    """One execution of an operation, as the orchestrator sees it while it is in progress."""

    def __init__(self, context: OrchestrationContext, payload: Json) -> None:
        super().__init__(context, payload)
        self.facts: Facts = {}
        """What steps have returned and later phases need."""
        self.outbox = Outbox(payload["source"], payload["traceparent"])
        self.cancels = CancelRequests(context, self._status["id"])
        self._caller = {name: payload.get(name) for name in ("traceparent", "startedBy", "roles")}
        member: Json = payload.get("fleet") or {}
        self.planned: Json | None = member.get("planned")
        """What the plan of the fleet says of this member: the run changes no more than that."""
        # Members of a fleet share what they read of Azure; where a plan is made or kept, only what is new enough.
        since = payload["createdAt"] if self.planned else member.get("since")
        self._caller |= {"fleet": member["id"]} if member else {}
        self._caller |= {"since": since} if since else {}
        self._compensations: list[tuple[Json, Step[Polled], Json]] = []
        self._cleanups: list[tuple[Json, Step[Done]]] = []
        self._is_outside_phases = False
        self._unexpected_publishing = 0
        self._deadline = Deadline()
        self._version = version_of(context)
        self._written_at: datetime | None = None

    # --- what phases use -------------------------------------------------------------------------------------------

    def call[T](self, step: Step[T], *, attempts: int = ATTEMPTS, **arguments: Any) -> Work[T]:
        """Do one step, again after a retryable error, and return what it returned.

        Raises `StepFailed` when the error is not retryable, attempts are used up, or the phase's deadline would be
        passed by waiting; `RunCanceled` at the boundary before an attempt. Waiting because Azure throttles costs no
        attempt.
        """
        raised = attempt = 0
        missed_at: str | None = None
        while True:
            attempt += 1
            self._stop_if_canceled()
            self._phase["attempts"] += 1
            self._set_state("Running")
            events = self.outbox.take_along()
            step_input = self._input({**arguments, "events": events} if events else arguments, missed_at)
            try:
                outcome: Json = yield self._context.call_activity(step.name, input=step_input)
            except TaskFailedError as failure:
                raised += 1
                outcome = {"error": unexpected(step.name, failure, retryable=raised < UNEXPECTED_ATTEMPTS)}
            yield from self._settle(events, outcome.get("published"))
            if "ok" in outcome:
                self.set_error(None)
                result: T = outcome["ok"]
                return result
            error = outcome["error"]
            if error["code"] == NOT_THERE:
                missed_at = missed_at or self._now()
            attempts += self._is_free(error)
            if not error["retryable"] or attempt >= attempts:
                raise StepFailed(error)
            self.set_error(error)
            pause, requested = back_off(self.run_id, step.name, attempt, error), self._deadline.requested_by(error)
            yield from self.wait(pause, "Retrying", timeout_error=error, requested=requested)

    def poll[T: Polled](self, step: Step[T], interval: Interval, *, timeout_code: str, **arguments: Any) -> Work[T]:
        """Do one step again and again until it says `done`, and return what it returned last.

        Shows its `detail` and `leftovers`, waits as long as its `retryAfter` says and gives it the `operation` that it
        named the last time. Raises `StepFailed` when the phase's deadline is reached first, with the `code` and
        `remedy` of the cause if the step gives them, else with `timeout_code`.
        """
        polls = 0
        while True:
            outcome = yield from self.call(step, **arguments)
            polled: Polled = outcome
            self.set_detail(polled.get("detail"))
            if not self._is_outside_phases:
                self.set_leftovers(remaining_of(polled, self._status["leftovers"]))
            if polled["done"]:
                return outcome
            polls += 1
            if polled.get("operation"):
                arguments["operation"] = polled["operation"]
            pause = interval.after(polls)
            wait = max(pause, clamped(polled.get("retryAfter")) or 0.0)
            message = f"{self._phase['name']} timed out: {polled.get('detail')}."
            error = ArcError(polled.get("code") or timeout_code, message, remedy=polled.get("remedy")).as_dict()
            yield from self.wait(wait, "Waiting", timeout_error=error, requested=wait - pause)

    def created(self, item: Json, undo_step: Step[Polled], **arguments: Any) -> None:
        """Remember that this run created something and which step undoes it."""
        self.mark_changed()
        self.add_compensation(item, undo_step, **arguments)

    def add_compensation(self, item: Json, undo_step: Step[Polled], **arguments: Any) -> None:
        """Remember before something is begun which step undoes it, whether it has begun or not."""
        if (item, undo_step, arguments) not in self._compensations:
            self._compensations.append((item, undo_step, arguments))

    def add_cleanup(self, item: Json, step: Step[Done]) -> None:
        """Remember before something is made for this run alone which step removes it."""
        if (item, step) not in self._cleanups:
            self._cleanups.append((item, step))

    def set_time_limit(self, seconds: float) -> None:
        """Give the phase in progress a time limit of its own from now on."""
        self._deadline.start(self._context.current_utc_datetime, seconds)

    def mark_written(self) -> None:
        """Remember that this run has just written the connected cluster: Azure may not show it everywhere yet."""
        self._written_at = self._context.current_utc_datetime

    # --- what the orchestrator uses --------------------------------------------------------------------------------

    def begin_phase(self, name: str) -> None:
        """Start a phase and its clock. Raises `RunCanceled`."""
        self._stop_if_canceled()
        self.enter_phase(name)

    def enter_phase(self, name: str) -> None:
        """Make a phase the one in progress, canceled or not."""
        self._phase = next(phase for phase in self._status["phases"] if phase["name"] == name)
        self._phase["startedAt"] = self._now()
        self._status["phase"] = name
        limit = TIME_LIMITS.get(name)  # type: ignore[call-overload]
        self._deadline.start(self._context.current_utc_datetime, limit)

    def end_phase(self, state: str = "Succeeded") -> None:
        """Close the phase in progress, and show who canceled it."""
        if state == "Canceled":
            self._status["canceledBy"] = self.cancels.requester()
        super().end_phase(state)

    def skip_phase(self, name: str, detail: str) -> None:
        """Show a phase that has nothing to do."""
        self.enter_phase(name)
        self.set_detail(detail)
        self.end_phase("Skipped")

    def run_compensations(self) -> Work[None]:
        """Undo what this run created, newest first; a step that restores something returns that as `restored`.

        What cannot be undone and what is restored is listed in `leftovers`, never hidden.
        """
        while self._compensations:
            item, step, arguments = self._compensations.pop()
            work = self.poll(step, UNDO, timeout_code=Code.PHASE_TIMEOUT, **arguments)
            outcome, code = yield from self._outside_phases(work, UNDO_SECONDS)
            if code:
                self.add_leftovers([because(item, "UndoFailed", code)])
            elif outcome and "restored" in outcome:
                self.add_leftovers(read_leftovers([outcome["restored"]]))

    def run_cleanups(self, *steps: Step[Done]) -> Work[None]:
        """Remove what was made for this run alone, or what `steps` remove of it, newest first.

        What cannot be removed is listed in `leftovers`.
        """
        for item, step in reversed(self._cleanups[:]):
            if not steps or step in steps:
                self._cleanups.remove((item, step))
                _, code = yield from self._outside_phases(self.call(step), CLEAN_UP_SECONDS)
                if code:
                    self.add_leftovers([because(item, "CleanUpFailed", code)])

    def report_leftovers(self) -> None:
        """Leave what this run created in place, and report it."""
        self.add_leftovers(because(item, "Kept") for item, _, _ in self._compensations)

    def queue_event(self, kind: EventKind, result: Json | None = None) -> None:
        """Put an event of the run as it is now behind those that wait to be published."""
        phase = dict(self._phase) if kind == "phaseChanged" else None
        self.outbox.add(kind, {**truncate_for_status(self._status), "result": result}, self._now(), phase)

    def publish(self) -> Work[None]:
        """Publish what waits, once, by the next step; if the broker does not answer, it waits on."""
        if self._version >= EVENTS_WITH_STEPS:
            self.outbox.send_with_next_step()
        else:
            yield from self.outbox.send(self.publish_once)

    def publish_rest(self) -> Work[None]:
        """Publish, once, what no step is to publish any more: for a run that has no phase for it."""
        if self._version >= EVENTS_WITH_STEPS:
            yield from self.outbox.send(self.publish_once)

    def publish_once(self, events: list[Json]) -> Work[Json | None]:
        """Publish events in order; returns the error that stopped it."""
        try:
            outcome = yield self._context.call_activity(PUBLISH_EVENTS.name, input=self._input({"events": events}))
        except TaskFailedError as failure:
            self._unexpected_publishing += 1
            is_retryable = self._unexpected_publishing < UNEXPECTED_ATTEMPTS
            return unexpected(PUBLISH_EVENTS.name, failure, retryable=is_retryable)
        error: Json | None = outcome.get("error")
        return error

    def wait(self, seconds: float, state: str, *, timeout_error: Json, requested: float = 0.0) -> Work[None]:
        """Wait in the phase in progress, which shows `state`; `requested` are those seconds that Azure asks for.

        Raises `StepFailed` with `timeout_error` if the phase's deadline comes before, `RunCanceled` on a request to
        cancel.
        """
        until = self._context.current_utc_datetime + timedelta(seconds=seconds)
        if not self._deadline.allows(until, 0.0 if self._is_outside_phases else requested):
            raise StepFailed(timeout_error)
        self._phase["nextAttemptAt"] = timestamp(until)
        self._set_state(state)
        timer = self._context.create_timer(until)
        while not timer.is_complete:
            if not self._is_outside_phases and self.cancels.is_requested():
                timer.cancel()
                self._phase["nextAttemptAt"] = None
                raise RunCanceled
            yield when_any([timer] if self._is_outside_phases else [timer, self.cancels.next])
        self._phase["nextAttemptAt"] = None

    # --- inside ----------------------------------------------------------------------------------------------------

    def _outside_phases[T](self, work: Work[T], seconds: float) -> Work[tuple[T | None, str | None]]:
        """Do work outside the phases: it has a time limit of its own, cannot be canceled and shows in no phase.

        Returns what the work returned, or the code of the error that ended it.
        """
        phase, self._phase = self._phase, Phase(name="afterwards").as_json()
        before = self._deadline.time, self._is_outside_phases
        self._is_outside_phases = True
        self.set_time_limit(seconds)
        try:
            return (yield from work), None
        except StepFailed as failure:
            return None, failure.error["code"]
        except Exception:  # noqa: BLE001 - what comes after it must be cleaned up, too
            return None, Code.INTERNAL_ERROR
        finally:
            self._phase = phase
            self._deadline.time, self._is_outside_phases = before

    def _settle(self, events: list[Json], published: Json | None) -> Work[None]:
        """Take in what came of the events that a step was to publish: one that says nothing of them has not."""
        if published is None or not events:
            return
        # No run is to fail because a broker is slow.
        self._deadline.extend(published["seconds"])
        if "ok" in published:
            self.outbox.confirm(events)
        elif not published["error"]["retryable"]:
            yield from self.outbox.send(self.publish_once)

    def _is_free(self, error: Json) -> bool:
        """Whether waiting for this error costs no attempt."""
        if self._version >= FREE_THROTTLING:
            return self._deadline.is_throttled_within(error)
        return not self._is_outside_phases and self._deadline.is_throttled(error)

    def _stop_if_canceled(self) -> None:
        if not self._is_outside_phases and self.cancels.is_requested():
            raise RunCanceled

    def _created(self) -> list[Json]:
        return [*(item for item, _, _ in self._compensations), *(item for item, _ in self._cleanups)]

    def _input(self, arguments: Json, missed_at: str | None = None) -> Json:
        return {
            "request": self.request.as_json(),
            "runId": self.run_id,
            "id": self._status["id"],
            "phase": self._phase.get("name"),
            "attempt": self._phase.get("attempts"),
            "correlationId": self._status["correlationId"],
            "createdAt": self._status["createdAt"],
            "writtenAt": timestamp(self._written_at) if self._written_at else None,
            "missedAt": missed_at,
            **self._caller,
            **arguments,
        }
