"""The errors Arcway reports: stable codes, each with a title and a remedy (`arcway/domain/catalogue/`).

    ArcError                      anything Arcway can name
    ├── ARC-1xxx  input           the request itself is wrong
    ├── ARC-2xxx  cluster         kubeconfig and Kubernetes API
    ├── ARC-3xxx  network         an address does not answer
    ├── ARC-4xxx  Azure           Resource Manager, identity, Key Vault, Arc data plane
    ├── ARC-5xxx  agents          Helm, chart and agents
    └── ARC-6xxx  workflow        the run itself

Adapters raise `ArcError` and nothing else for what they can name; everything above them carries it as plain
data (`as_dict`), because an exception that crosses a durable boundary keeps only its text.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from arcway.domain.catalogue import CATALOGUE as CATALOGUE
from arcway.domain.characters import limited_details
from arcway.domain.codes import Code
from arcway.domain.redaction import redact as redact
from arcway.domain.retry_after import clamped
from arcway.domain.text import LONG, presentable


class ArcError(Exception):
    """A named failure.

    `message` is one plain sentence, safe for users whatever it quotes: it is redacted, cut and made visible here.
    `retry_after` is in seconds, at most an hour, and is never undercut by a retry.
    """

    def __init__(
        self,
        code: str,
        message: str | None = None,
        *,
        remedy: str | None = None,
        retryable: bool | None = None,
        retry_after: float | None = None,
        details: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        self.code = Code(code)
        kind = CATALOGUE[self.code]
        self.message = redact(message, LONG) if message else f"{kind.title}."
        self.remedy = presentable(remedy, LONG) if remedy else kind.remedy
        self.retryable = kind.retryable if retryable is None else retryable
        self.retry_after = clamped(retry_after)
        self.details: list[dict[str, Any]] = limited_details(presentable([dict(item) for item in details or ()], LONG))
        super().__init__(f"{code}: {self.message}")

    def as_dict(self) -> dict[str, Any]:
        """The error envelope that crosses durable boundaries."""
        return {
            "code": self.code.value,
            "message": self.message,
            "remedy": self.remedy,
            "retryable": self.retryable,
            "retryAfterSeconds": self.retry_after,
            "details": self.details,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "ArcError":
        """Rebuild what `as_dict` gave."""
        return cls(
            data["code"],
            data["message"],
            remedy=data["remedy"],
            retryable=data["retryable"],
            retry_after=data.get("retryAfterSeconds"),
            details=data.get("details"),
        )
