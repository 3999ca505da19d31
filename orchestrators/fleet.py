"""The orchestrator of a fleet: does what `arcway.domain.fleets.state` decides, and tells it what happened.

Members are ordinary runs under their clusters' instances. An activity starts them; they report their end by an event; a
sweep finds reports that were lost. The orchestration continues as new now and then, so that its cost does not grow.
"""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.durable_functions as df
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.events import FleetEventKind
from arcway.domain.fleets.commands import obey
from arcway.domain.fleets.document import document_of, status_of
from arcway.domain.fleets.member import Report
from arcway.domain.fleets.state import FleetState
from arcway.domain.fleets.steps import CHECK_FLEET_LIST, LOOK_AT_MEMBERS, START_MEMBERS, MemberStart
from arcway.domain.ids import page_instance
from arcway.domain.json_values import Json
from arcway.domain.steps import Step
from durabletask.task import OrchestrationContext, Task, TaskFailedError, when_any

from orchestrators.fleet_checks import CHECKED, held_to_plan, outcome_of, pages_of, report_check
from orchestrators.fleet_outbox import FleetOutbox, events_between, milestones_of
from orchestrators.fleet_page import OVER
from orchestrators.fleet_publishing import FleetPublishing
from orchestrators.fleet_reports import ENDED
from orchestrators.fleet_rollout import RolloutSteps
from orchestrators.run_context import Work

blueprint = df.Blueprint()

COMMAND = "command"
"""The event of a caller."""
GENERATION, TURNS = 50, 400
"""How many members end, or how often it wakes up, before the orchestration continues as new."""
SWEEP_SECONDS = 300.0
STATUS_SECONDS = 1.0
# Some back ends take no timer of more than some days.
LONGEST_TIMER = 86_400.0
LIST_SECONDS = 600.0
PUBLISH_SECONDS = 86_400.0
_LAST_EVENTS: dict[str, FleetEventKind] = {
    "Succeeded": "succeeded",
    "Incomplete": "incomplete",
    "Failed": "failed",
    "Canceled": "canceled",
}
_LONGEST_LIST_PAUSE = 15.0


@blueprint.function_name("fleet")
@blueprint.orchestration_trigger(context_name="context", orchestration="fleet")
def run_fleet(context: OrchestrationContext, payload: Any) -> Work[Any]:
    """Run a fleet, or one generation of it; the input is what `arcway.runs.fleets` puts together."""
    fleet = FleetContext(context, payload)
    if "state" not in payload and not (yield from fleet.await_list()):
        return (yield from fleet.finish("Failed"))
    if not (yield from fleet.run_members()):
        return None  # it continues as new
    return (yield from fleet.finish(outcome_of(payload, fleet.state)))


class FleetContext:
    """One generation of a fleet."""

    def __init__(self, context: OrchestrationContext, payload: Json) -> None:
        self._context = context
        self._payload = payload
        self.state = FleetState.of(payload)
        self._ended: Task[Any] = context.wait_for_external_event(ENDED)
        self._commands: Task[Any] = context.wait_for_external_event(COMMAND)
        self._starting: Task[Any] | None = None
        self._sweeping: Task[Any] | None = None
        self._timers: list[tuple[float, Task[Any]]] = []
        self._batch: list[tuple[int, int]] = []
        self._swept_members: list[tuple[int, int]] = []
        self._swept: float = payload.get("swept", self._now)
        self._shown = 0.0
        self._is_stale = True
        self._ends = self._turns = 0
        self._error: Json | None = None
        self._outbox = FleetOutbox(payload["source"], payload["traceparent"], payload.get("outbox"))
        self._publishing = FleetPublishing(payload["id"], self._outbox, self._call)
        self._checked: Task[Any] | None = None
        self._told: Json = payload.get("told") or milestones_of(self.state.rollout)
        self._rollout = RolloutSteps(self.state, payload["id"], self._call)

    @property
    def _now(self) -> float:
        return self._context.current_utc_datetime.replace(tzinfo=UTC).timestamp()

    # --- before the first member -----------------------------------------------------------------------------------

    def await_list(self) -> Work[bool]:
        """Wait until all pages of the list are there; false when they do not come."""
        self._outbox.add("accepted", self._show("Accepted"), "accepted/1")
        deadline, pause = self._now + LIST_SECONDS, 1.0
        while True:
            missing = 1
            try:
                outcome: Json = yield self._call(CHECK_FLEET_LIST)
                missing = outcome["ok"]["missing"] if "ok" in outcome else 1
            except TaskFailedError:
                pass  # what is wrong is in the log; the list is asked for again
            if not missing:
                return True
            if self._now >= deadline:
                self._error = ArcError(Code.FLEET_LIST_INCOMPLETE).as_dict()
                return False
            yield self._context.create_timer(timedelta(seconds=pause))
            pause = min(2 * pause, _LONGEST_LIST_PAUSE)

    # --- members ---------------------------------------------------------------------------------------------------

    def run_members(self) -> Work[bool]:
        """Work on the members until all have ended; false when the orchestration is to continue as new before."""
        while True:
            self._take_events()
            self._take_results()
            self._advance()
            if self.state.is_over:
                return True
            self._turns += 1
            is_long = self._ends >= GENERATION or self._turns >= TURNS
            if is_long and not (self._own_tasks() or self._rollout.tasks):
                self._show()
                carried = {"swept": self._swept, "outbox": self._outbox.as_json(), "told": self._told}
                again = {**self._payload, **carried, "state": self.state.as_json()}
                self._context.continue_as_new(again, save_events=True)
                return False
            self._begin_steps()
            self._show_if_due()
            yield when_any(self._waited_for())

    def _take_events(self) -> None:
        while self._ended.is_complete:
            self._take_report(self._ended.get_result())
            self._ended = self._context.wait_for_external_event(ENDED)
        while self._commands.is_complete:
            command = self._commands.get_result()
            # One that was meant for an earlier fleet of this name is ignored.
            if isinstance(command, dict) and command.get("fleet") == self._payload["id"]:
                self._obey(command)
            self._commands = self._context.wait_for_external_event(COMMAND)
        while self._checked is not None and self._checked.is_complete:
            self._is_stale = self._rollout.take_check(self._checked.get_result(), self._now) or self._is_stale
            self._checked = self._context.wait_for_external_event(CHECKED)

    def _advance(self) -> None:
        """Continue with the stages, and publish what changed in them."""
        self.state.advance(self._now)
        now = milestones_of(self.state.rollout)
        if now != self._told:
            document = self._show()
            for kind in events_between(self._told, now):
                self._outbox.add(kind, document)
            self._told = now
        if self._checked is None and self.state.rollout.checked_range():
            self._checked = self._context.wait_for_external_event(CHECKED)

    def _obey(self, command: Json) -> None:
        was_paused = self.state.paused is not None
        obey(self.state, command, self._now)
        self._cancel_members()
        self._is_stale = True
        if was_paused != (self.state.paused is not None) and not self.state.canceled:
            self._outbox.add("resumed" if was_paused else "paused", self._show())

    def _take_report(self, report: Any) -> None:
        if not isinstance(report, dict) or report.get("fleet") != self._payload["id"]:
            return
        result = Report(report["outcome"], report["changed"], report["code"], report["phase"], report.get("forecast"))
        if self.state.end(report["member"], report["attempt"], result, self._now):
            self._ends += 1
            self._is_stale = True

    def _take_results(self) -> None:
        if self._starting is not None and self._starting.is_complete:
            starts, self._starting = _results(START_MEMBERS, self._starting), None
            self._take_starts(starts)
        if self._sweeping is not None and self._sweeping.is_complete:
            reports, self._sweeping = _results(LOOK_AT_MEMBERS, self._sweeping), None
            for (index, attempt), report in zip(self._swept_members, reports or (), strict=False):
                if report is not None and self.state.end(index, attempt, Report(**report), self._now):
                    self._ends += 1
                    self._is_stale = True
        self._is_stale = self._rollout.take_results(self._now) or self._is_stale
        self._publishing.take_result(self._now)

    def _take_starts(self, starts: list[MemberStart] | None) -> None:
        """What became of the members to start; without a result they are started again as the same attempts."""
        self._is_stale = True
        if starts is None:
            starts = [{"again": Code.INTERNAL_ERROR}] * len(self._batch)
        for (index, attempt), start in zip(self._batch, starts, strict=True):
            if run := start.get("run"):
                self.state.confirm(index, attempt, run, adopted=start["adopted"])
                if self.state.canceled:
                    self._cancel_members()
            if again := start.get("again"):
                self.state.put_back(index, attempt, again, self._now)
            elif report := start.get("report"):
                self._ends += self.state.end(index, attempt, Report(**report), self._now)

    def _begin_steps(self) -> None:
        self._rollout.begin(self._now)
        if self._starting is None and (batch := self.state.start(self._now)):
            self._batch = batch
            self._starting = self._call(START_MEMBERS, members=batch, **held_to_plan(self._payload, self.state, batch))
            self._is_stale = True
        self._publishing.begin(self._now)
        is_due = self._now >= self._swept + SWEEP_SECONDS
        if self._sweeping is None and is_due:
            self._swept = self._now
            self._sweep()

    def _sweep(self) -> None:
        """Read the runs that have not reported for long: their reports may have been lost."""
        old = [
            (index, member.attempt, member.run)
            for index, member in self.state.running.items()
            if member.run and self._now >= member.since + SWEEP_SECONDS
        ]
        if old:
            self._swept_members = [(index, attempt) for index, attempt, _ in old]
            self._sweeping = self._call(LOOK_AT_MEMBERS, runs=[run for *_, run in old])

    def _call(self, step: Step[Any], **arguments: Any) -> Task[Any]:
        own = {name: value for name, value in self._payload.items() if name != "state"}
        return self._context.call_activity(step.name, input={**own, **arguments})

    def _cancel_members(self) -> None:
        """Cancel the runs in progress, if that was asked for; each once."""
        canceled = self.state.canceled
        if canceled is None or canceled["running"] != "cancel":
            return
        sent: list[str] = canceled.setdefault("sent", [])
        for member in self.state.running.values():
            if member.run and not member.adopted and member.run not in sent:
                sent.append(member.run)
                data = {"run": member.run, "by": canceled["by"]}
                self._context.send_event(member.run.partition(".")[0], "cancel", data=data)

    def _waited_for(self) -> list[Task[Any]]:
        waited_for: list[Task[Any]] = [self._ended, self._commands, *self._own_tasks(), *self._rollout.tasks]
        waited_for += [self._checked] if self._checked is not None else []
        self._timers = [(moment, timer) for moment, timer in self._timers if not timer.is_complete]
        due = self._next_due()
        if due is not None and all(moment > due for moment, _ in self._timers):
            self._timers.append((due, self._context.create_timer(_at(due))))
        return [*waited_for, *(timer for _, timer in self._timers)]

    def _own_tasks(self) -> list[Task[Any]]:
        return [task for task in (self._starting, self._sweeping, self._publishing.task) if task is not None]

    def _next_due(self) -> float | None:
        """When something is to be done though nothing happens; a fleet may wait for a user for weeks."""
        due = [*self._rollout.next_due(), *self._publishing.next_due()]
        if self.state.running:
            due.append(self._swept + SWEEP_SECONDS)
        if (decided_by := self.state.rollout.next_due()) is not None and not self.state.is_ending:
            due.append(decided_by)
        if (next_try := self.state.next_try()) is not None and self._starting is None:
            due.append(next_try)
        if self._is_stale:
            due.append(self._shown + STATUS_SECONDS)
        return min([*due, self._now + LONGEST_TIMER]) if due else None

    # --- what others see -------------------------------------------------------------------------------------------

    def _show_if_due(self) -> None:
        """Show the state, but not more often than once a second: thousands of members make it long."""
        if self._is_stale and self._now >= self._shown + STATUS_SECONDS:
            self._outbox.add_progress(self._show())

    def _show(self, phase: str | None = None) -> Json:
        """Show the state; returns it as readers get it."""
        status = status_of(self._payload, self.state, self._now, phase)
        if self._error:
            status["error"] = {name: self._error[name] for name in ("code", "message")}
        self._context.set_custom_status(status)
        self._shown, self._is_stale = self._now, False
        return document_of(self._payload, status)

    def finish(self, over: str) -> Work[Json]:
        """Close the fleet: publish what waits, let its list go, and return its final form."""
        document = self._show(over)
        kind: FleetEventKind = _LAST_EVENTS[over]
        self._outbox.add(kind, document, "ended/1")
        until = self._now + PUBLISH_SECONDS
        # The fleet is over; its last events are sent until the broker has them, or for a day.
        while self._outbox.waiting and self._now < until:
            self._publishing.begin(self._now)
            if (task := self._publishing.task) is None:
                yield self._context.create_timer(_at(self._publishing.at))
            else:
                yield when_any([task])
                self._publishing.take_result(self._now)
        yield from report_check(self._context, self._payload, self.state)
        for number in range(pages_of(self._payload)):
            self._context.send_event(page_instance(self._payload["list"], number), OVER)
        return {"fleet": document, "state": self.state.as_json()}


def _results[T](step: Step[T], task: Task[Any]) -> T | None:
    """The result of a step that `task` has done; None when it failed, which the log tells."""
    try:
        outcome: Json = task.get_result()
    except TaskFailedError:
        return None
    results: T | None = outcome.get("ok")
    return results


def _at(time: float) -> datetime:
    """The moment, rounded up to the precision of timers: one that is too early would not be due."""
    return datetime.fromtimestamp(math.ceil(time * 1000) / 1000, UTC)
