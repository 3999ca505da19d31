"""The error that Azure returns for a refused request, in Resource Manager's form."""

from collections.abc import Sequence
from typing import Any


class Refusal(Exception):
    """A refused request: status, code and message, and the additional fields of some codes."""

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
        """The body of the response."""
        error: dict[str, Any] = {"code": self.code, "message": str(self)}
        if self.target is not None:
            error["target"] = self.target
        if self.inner is not None:
            error["innererror"] = {"code": self.inner}
        if self.additional:
            error["additionalInfo"] = self.additional
        return {"error": error}
