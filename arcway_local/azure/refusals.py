"""What Azure answers instead of doing what it is asked: the error, in the form that Resource Manager gives it."""

from collections.abc import Sequence
from typing import Any


class Refusal(Exception):
    """A refusal: status, code and message, and what some codes carry besides."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        target: str | None = None,
        additional: Sequence[dict[str, Any]] = (),
        inner: str | None = None,
        by_service: bool = False,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.target = target
        self.additional = list(additional)
        self.inner = inner
        self.by_service = by_service
        """Whether the resource provider refuses, and not Resource Manager in front of it."""
        self.headers = headers or {}

    def form(self) -> dict[str, Any]:
        """The body of the answer."""
        error: dict[str, Any] = {"code": self.code, "message": str(self)}
        if self.target is not None:
            error["target"] = self.target
        if self.inner is not None:
            error["innererror"] = {"code": self.inner}
        if self.additional:
            error["additionalInfo"] = self.additional
        return {"error": error}
