"""How the work of a run ends early."""

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError, redact
from arcway.domain.json_values import Json
from durabletask.task import TaskFailedError


class StepFailed(Exception):
    """A step gave up; `error` is the error envelope."""

    def __init__(self, error: Json) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.error = error


class RunCanceled(Exception):
    """The run was asked to stop; raised at a step boundary or while waiting, never in the middle of a step."""


def unexpected(step: str, failure: TaskFailedError, *, retryable: bool) -> Json:
    """The envelope of an error that the step has no name for."""
    message = f"Step {step} failed unexpectedly: {redact(failure.details.message, 300)}"
    return ArcError(Code.INTERNAL_ERROR, message, retryable=retryable).as_dict()
