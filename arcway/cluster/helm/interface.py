"""The port to Helm: the operations that Arcway needs."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from arcway.cluster.access import admission
from arcway.cluster.access.kubeconfig import Access
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError, redact
from arcway.domain.secrets_held import hold
from arcway.metrics import helm_slot_free, helm_slot_taken

CALL_SECONDS = 60.0
"""No call takes longer: at this deadline the worker is killed."""
SLOT_SECONDS = 120.0
"""How long a call waits until fewer than ARCWAY_HELM_WORKERS are in progress. A step makes at most five calls, so it
ends within 15 minutes, half of the `functionTimeout` of host.json."""
_SLOT_RETRY_SECONDS = 15.0
ANSWER_BYTES = 16 * 1024 * 1024
"""A release with its manifest and notes; its record in the cluster is a Secret of at most 1 MiB, compressed."""
_STATUS = re.compile(r"[a-z-]{1,40}")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,127}")
_MOST_REVISIONS = 10**9
_WHERE_SECRETS_ARE = ("httpsProxy", "httpProxy", "onboardingPrivateKey")


class Slots:
    """How many calls may be in progress at once."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = threading.Semaphore(count)

    @contextmanager
    def slot(self, operation: str) -> Iterator[None]:
        """Hold one of the slots. Raises `ArcError` ARC-5004, to be tried again, when none is free in time."""
        began = time.monotonic()
        if not self._free.acquire(timeout=SLOT_SECONDS):
            message = f"All {self._count} Helm workers were busy for {SLOT_SECONDS:.0f} s before {operation}."
            remedy = (
                "No action needed: Arcway tries again. If it keeps failing, raise ARCWAY_HELM_WORKERS and the memory."
            )
            raise ArcError(Code.HELM_TIMEOUT, message, remedy=remedy, retry_after=_SLOT_RETRY_SECONDS)
        helm_slot_taken(time.monotonic() - began)
        try:
            yield
        finally:
            self._free.release()
            helm_slot_free()


_WILL_NOT_PASS = (
    "forbidden",
    "Unauthorized",
    "is invalid",
    "cannot be imported",
    "denied the request",
    "exceeded quota",
    "parse error",
    "template:",
    "execution error",
    "unknown field",
    "not found",
    "has no",
    "no matches for kind",
    "no release provided",
)
_LOCKED = "another operation (install/upgrade/rollback) is in progress"
# Of the stored manifest or of the chart's: only the former shows which.
_API_GONE = "no matches for kind"

# The API server forbids to create anything in a namespace that is being deleted; that ends with the namespace.
_GOING = "being terminated"


def is_transient(message: str) -> bool:
    """Whether an error of Helm may be transient. Helm hands on only the text of the API server's response, so what
    is known to last is listed, and anything else (a broken connection, a server error) is worth another attempt.
    """
    return _GOING in message or not any(words in message for words in _WILL_NOT_PASS)


def refusal(helm_message: str, operation: str, code: Code, *, is_late: bool) -> ArcError:
    """Translate an error message of Helm to `ArcError`, with `code` unless the message has a code of its own."""
    message = f"Helm {operation}: {redact(helm_message.strip(), 400)}"
    if _LOCKED in helm_message:
        return ArcError(Code.RELEASE_LOCKED, message)
    if is_late:
        return ArcError(Code.HELM_TIMEOUT, message)
    if _GOING not in helm_message and (refused := admission.refusal_in(helm_message)):
        passes = admission.is_transient(helm_message)
        return ArcError(code if passes else Code.ADMISSION_DENIED, message, remedy=refused.remedy, retryable=passes)
    if _API_GONE in helm_message:
        return ArcError(Code.RELEASE_API_MISSING, message)
    return ArcError(code, message, retryable=is_transient(helm_message))


@dataclass(frozen=True, slots=True)
class Release:
    """A release as it is in the cluster."""

    status: str
    """As Helm spells it: deployed, failed, pending-install, pending-upgrade, pending-rollback, uninstalling."""
    revision: int
    chart_version: str
    values: dict[str, Any]
    """The values it was given, without the chart's own."""

    @classmethod
    def read(cls, status: object, revision: object, chart_version: object, values: object) -> "Release":
        """What the release's record in the cluster says. The values are taken as they are: they are written back.

        Raises `ArcError` ARC-2027 when the record is not one that Helm writes.
        """
        if (
            not isinstance(status, str)
            or not _STATUS.fullmatch(status)
            or not isinstance(chart_version, str)
            or not _VERSION.fullmatch(chart_version)
            or not isinstance(revision, int)
            or not 0 < revision < _MOST_REVISIONS
            or not isinstance(values, dict | None)
        ):
            raise ArcError(
                Code.KUBERNETES_RESPONSE_INVALID,
                "The release record in the cluster was not written by Helm.",
            )
        _hold_secrets_in(values or {})
        return cls(status, revision, chart_version, values or {})


def _hold_secrets_in(values: dict[str, Any]) -> None:
    """The password of the proxy and the agents' key, which errors about the release may quote."""
    of_all = values.get("global")
    globals_ = of_all if isinstance(of_all, dict) else {}
    for name in _WHERE_SECRETS_ARE:
        if isinstance(value := globals_.get(name), str):
            user_info = value.rpartition("@")[0].rpartition("://")[2] if "://" in value else value
            hold(user_info, user_info.partition(":")[2])


class Helm(Protocol):
    """Every method raises `ArcError` (ARC-5001, ARC-5003, ARC-5004, ARC-5010) for what it can name."""

    def check(self) -> None:
        """Check that Helm can be started and loaded here."""

    def digest_of(self, reference: str) -> str:
        """The digest (`sha256:…`) that `host/path/chart:version` has in its registry now."""

    def pull(self, reference: str, digest: str) -> bytes:
        """The archive of the chart whose manifest has this digest, whatever the version means by now."""

    def release(self, access: Access, name: str, namespace: str, revision: int | None = None) -> Release | None:
        """Read one revision of the release, by default the latest; None if it does not exist."""

    def install(self, access: Access, name: str, namespace: str, chart: bytes, values: dict[str, Any]) -> None:
        """Install without waiting for workloads; the namespace is created."""

    def upgrade(self, access: Access, name: str, namespace: str, chart: bytes, values: dict[str, Any]) -> None:
        """Upgrade to exactly `values` without waiting for workloads."""

    def roll_back(self, access: Access, name: str, namespace: str, revision: int) -> None:
        """Make what `revision` was the release again, as a new revision, without waiting for workloads."""

    def uninstall(self, access: Access, name: str, namespace: str) -> None:
        """Uninstall without running hooks and without waiting; does nothing if the release does not exist."""
