"""What Arcway asks of Helm. Must not know which Helm answers."""

from dataclasses import dataclass
from typing import Any, Protocol

from arcway.cluster.kubeconfig import Access

CALL_SECONDS = 60.0
"""No call takes longer: at this deadline whoever answers is killed."""


_WILL_NOT_PASS = (
    "forbidden",
    "Unauthorized",
    "is invalid",
    "cannot be imported",
    "denied the request",
    "exceeded quota",
    "parse error",
    "template:",
    "unknown field",
    "not found",
)

# The API server forbids to create anything in a namespace that is being deleted; that ends with the namespace.
_GOING = "being terminated"


def may_pass(text: str) -> bool:
    """Whether what Helm says may pass by itself. Helm hands on only the text of what the API server answered, so what
    is known to last is listed, and anything else (a broken connection, a server error) is worth another attempt.
    """
    return _GOING in text or not any(words in text for words in _WILL_NOT_PASS)


@dataclass(frozen=True, slots=True)
class Release:
    """A release as it is in the cluster."""

    status: str
    """As Helm spells it: deployed, failed, pending-install, pending-upgrade, pending-rollback, uninstalling."""
    revision: int
    chart_version: str
    values: dict[str, Any]
    """The values it was given, without the chart's own."""


class Helm(Protocol):
    """Every method raises `ArcError` (ARC-5001, ARC-5003, ARC-5004, ARC-5010) for what it can name."""

    def digest_of(self, reference: str) -> str:
        """The digest (`sha256:…`) that `host/path/chart:version` has in its registry now."""

    def pull(self, reference: str, digest: str) -> bytes:
        """The archive of the chart whose manifest has this digest, whatever the version means by now."""

    def release(self, access: Access, name: str, namespace: str, revision: int | None = None) -> Release | None:
        """One revision of the release, the latest unless told otherwise; None when there is none."""

    def install(self, access: Access, name: str, namespace: str, chart: bytes, values: dict[str, Any]) -> None:
        """Install without waiting for workloads; the namespace is created."""

    def upgrade(self, access: Access, name: str, namespace: str, chart: bytes, values: dict[str, Any]) -> None:
        """Upgrade to exactly `values` without waiting for workloads."""

    def roll_back(self, access: Access, name: str, namespace: str, revision: int) -> None:
        """Make what `revision` was the release again, as a new revision, without waiting for workloads."""

    def uninstall(self, access: Access, name: str, namespace: str) -> None:
        """Uninstall without running hooks and without waiting; harmless when there is no such release."""
