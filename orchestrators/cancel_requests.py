"""The requests to cancel a run."""

from typing import Any

from durabletask.task import OrchestrationContext, Task

CANCEL_EVENT = "cancel"


class CancelRequests:
    """The requests that reach one orchestration instance; one that was meant for an earlier run on it is ignored."""

    def __init__(self, context: OrchestrationContext, run_id: str) -> None:
        self._context = context
        self._run_id = run_id
        self.next: Task[Any] = context.wait_for_external_event(CANCEL_EVENT)
        """Completes with the next request, which may be one to ignore."""

    def is_requested(self) -> bool:
        """Whether there is a request for this run."""
        while self.next.is_complete:
            request = self.next.get_result()
            if not isinstance(request, dict) or request.get("run") in (None, self._run_id):
                return True
            self.next = self._context.wait_for_external_event(CANCEL_EVENT)
        return False

    def requester(self) -> Any:
        """The identity of the caller that sent the request, None when it is not known."""
        request = self.next.get_result() if self.is_requested() else None
        return request.get("by") if isinstance(request, dict) else None

    def forget(self) -> None:
        """The request has had its effect; only another one counts from now on."""
        if self.is_requested():
            self.next = self._context.wait_for_external_event(CANCEL_EVENT)
