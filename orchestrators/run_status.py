"""The status of a run as its orchestrator writes it: state, phases, findings, leftovers; shown as the custom status."""

from collections.abc import Iterable, Sequence
from typing import Any

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError, redact
from arcway.domain.json_values import Json
from arcway.domain.leftovers import because
from arcway.domain.observations import observe
from arcway.domain.request import phases_of_request, read_request
from arcway.domain.run import new_run, truncate_for_status
from arcway.domain.timestamps import seconds_between, timestamp
from durabletask.task import OrchestrationContext

from orchestrators.versions import phases_under, version_of


class RunStatus:
    """The document of one run and its phase in progress. Changes are shown with the next change of a phase's state."""

    def __init__(self, context: OrchestrationContext, payload: Json) -> None:
        self._context = context
        self.request = read_request(payload["request"])
        self.run_id: str = payload["runId"]
        self.phase_names = phases_under(version_of(context), phases_of_request(self.request))
        self._status = new_run(
            f"{context.instance_id}.{self.run_id}", self.request, self.phase_names, payload
        ).as_json()
        self._phase: Json = {}
        self._standing: list[Json] = []
        self._observe("run", state="Accepted")
        self._status["state"] = "Running"

    def set_attempts(self, attempts: int) -> None:
        """Say how often the phase in progress has tried."""
        self._phase["attempts"] = attempts

    def set_detail(self, text: str | None) -> None:
        """Say what the phase in progress does or has done."""
        self._phase["detail"] = text

    @property
    def detail(self) -> str | None:
        """What the phase in progress says that it does."""
        detail: str | None = self._phase["detail"]
        return detail

    def set_error(self, error: Json | None) -> None:
        """Say with what the last attempt of the phase failed, None when it did not fail."""
        self._phase["error"] = error and {name: error[name] for name in ("code", "message")}

    def add_findings(self, findings: list[Json]) -> None:
        """Add preflight findings."""
        self._status["findings"] = [*self._status["findings"], *findings]
        self._status["findingsTotal"] = len(self._status["findings"])

    def mark_changed(self) -> None:
        """Remember that this run changed something in the cluster or in Azure."""
        self._status["changed"] = True

    def set_leftovers(self, leftovers: Sequence[Json]) -> None:
        """Say what a removal has not removed so far, in place of what was said before."""
        standing = [item for item in self._standing if item not in leftovers]
        self._status["leftovers"] = [*leftovers, *standing]

    def keep_leftovers(self, leftovers: Sequence[Json]) -> None:
        """Say what will be left when the run has ended, whatever later phases remove."""
        self._standing += leftovers
        self.set_leftovers(self._status["leftovers"])

    def add_leftovers(self, leftovers: Iterable[Json]) -> None:
        """Say what else is left."""
        self._status["leftovers"] = [*self._status["leftovers"], *leftovers]

    def fail(self, error: Json) -> None:
        """Close the phase in progress as failed and say why; the run's state follows with `finish`."""
        named = {key: error.get(key) for key in ("code", "message", "retryable", "remedy", "details")}
        self._status["error"] = {**named, "phase": self._phase.get("name")}
        self.set_error(error)
        self.end_phase("Failed")

    def fail_unexpectedly(self, error: Exception) -> None:
        """Close the phase in progress as failed by an internal error of Arcway."""
        text = f"{type(error).__name__}: {redact(str(error), 300)}"
        self.fail(ArcError(Code.INTERNAL_ERROR, f"Internal error of Arcway: {text}").as_dict())

    def end_phase(self, state: str) -> None:
        """Close the phase in progress."""
        self._phase["finishedAt"] = self._now()
        self._set_state(state)
        error = self._phase.get("error") or {}
        self._observe(
            "phase",
            phase=self._phase.get("name"),
            state=state,
            attempt=self._phase.get("attempts"),
            seconds=seconds_between(self._phase.get("startedAt"), self._phase["finishedAt"]),
            code=error.get("code"),
        )

    def finish(self, state: str, result: Json | None = None) -> Json:
        """Close the run and return its final form."""
        self._status["state"] = state
        self._status["finishedAt"] = self._now()
        self._show()
        error = self._status["error"] or {}
        self._observe(
            "run",
            state=state,
            seconds=seconds_between(self._status["createdAt"], self._status["finishedAt"]),
            code=error.get("code"),
            changed=self._status["changed"],
        )
        return {**self._status, "result": result}

    def _observe(self, event: str, **fields: Any) -> None:
        """Log a transition when it happens, not when it is replayed."""
        if not self._context.is_replaying:
            cluster, operation = self.request.cluster.key, self._status["operation"]
            observe(event, run=self._status["id"], cluster=cluster, operation=operation, **fields)

    def _set_state(self, state: str) -> None:
        self._phase["state"] = state
        self._show()

    def _show(self) -> None:
        self._status["updatedAt"] = self._now()
        # For readers of a run that was ended from outside; `arcway.runs.reader` does not show it of others.
        created = [because(item, "Kept") for item in self._created()]
        self._context.set_custom_status(truncate_for_status({**self._status, "made": created}))

    def _created(self) -> list[Json]:
        """What the run has created so far, which would be left if it were ended from outside."""
        return []

    def _now(self) -> str:
        return timestamp(self._context.current_utc_datetime)
