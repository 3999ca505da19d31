"""The requests to cancel a run."""

from typing import Any

from durabletask.task import OrchestrationContext, Task

CANCEL_EVENT = "cancel"


class CancelRequests:
    """Those that reach one orchestration instance; one that came too late for an earlier run on it is not meant."""

    def __init__(self, context: OrchestrationContext, run_id: str) -> None:
        self._context = context
        self._run_id = run_id
        self.next: Task[Any] = context.wait_for_external_event(CANCEL_EVENT)
        """Completes with the next request, which may be one that is not meant."""

    def is_asked(self) -> bool:
        """Whether this run was asked to stop."""
        while self.next.is_complete:
            asked = self.next.get_result()
            if not isinstance(asked, dict) or asked.get("run") in (None, self._run_id):
                return True
            self.next = self._context.wait_for_external_event(CANCEL_EVENT)
        return False

    def asked_by(self) -> Any:
        """The identity of the caller who asked, None when that is not known."""
        asked = self.next.get_result() if self.is_asked() else None
        return asked.get("by") if isinstance(asked, dict) else None

    def forget(self) -> None:
        """The request that there is has had its effect; only another one counts from now on."""
        if self.is_asked():
            self.next = self._context.wait_for_external_event(CANCEL_EVENT)
