"""An HTTP client of Arcway: finds the local one, turns problem details into an error with an exit code.

Exit codes: docs/command-line.md. Must not print.
"""

import logging
import ssl
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx

from arcway.cli import azd, embedded, sign_in
from arcway.cli.embedded import Stack
from arcway.cli.sign_in import SignIn, SignInError
from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from arcway.domain.urls import UserInfoError, parse_url

OK, FAILED, USAGE, PARTLY_FAILED, TIMED_OUT, NOT_FOUND, REFUSED = 0, 1, 2, 3, 4, 5, 6
INTERRUPTED = 130
"""Ctrl-C, as shells spell it."""

log = logging.getLogger(__name__)
_EXIT_CODES = {
    400: USAGE,
    404: NOT_FOUND,
    409: REFUSED,
    410: NOT_FOUND,
    401: REFUSED,
    403: REFUSED,
    413: USAGE,
    415: USAGE,
}
_LOOKS_AT_REST = 4
_POLL_SECONDS = 0.1
_LONGEST_POLL_SECONDS = 2.0
# What a platform's front end returns while the service behind it starts, restarts or is deployed.
_NOT_YET = (502, 503, 504)
_QUIET_SECONDS = 10.0
_START_SECONDS = 120.0


def _trusted() -> ssl.SSLContext | bool:
    """The public CAs, and the one of ARCWAY_CA_FILE."""
    if (ca := sign_in.ca_file()) is None:
        return True
    context = ssl.create_default_context()
    context.load_verify_locations(ca)
    return context


class CommandError(Exception):
    """Ends a command: the error, its remedy and the exit code."""

    def __init__(self, message: str, exit_code: int, *, remedy: str | None = None, details: Any = None) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.remedy = remedy
        self.details = details or []


class NotYetError(CommandError):
    """The service does not respond now: it, or its workflow engine, may be starting. Its runs continue."""


class NoAnswerError(NotYetError):
    """The server's address does not respond."""


class ArcwayClient:
    """A running Arcway. `stack` is set if it is the embedded stack."""

    def __init__(self, url: str, stack: Stack | None, signed_in: SignIn | None = None) -> None:
        self.url = url.rstrip("/")
        self.stack = stack
        self._signed_in = sign_in.of_stack(stack) if stack else signed_in
        # What is sent to this machine must not take the way over a proxy.
        remote = not sign_in.is_loopback_url(url)
        self._http = httpx.Client(base_url=self.url, timeout=70, trust_env=remote, verify=_trusted())

    @classmethod
    def find(cls, url: str | None) -> "ArcwayClient":
        """Return the Arcway at `url`, the local one if it is running, or the one that azd deployed from this clone.

        Raises `CommandError` if there is none.
        """
        if url:
            try:
                parse_url(url, "http", "https")
            except UserInfoError:
                raise CommandError("--server must be an address without user and password.", USAGE) from None
            except ValueError:
                pass  # the client says what is wrong with it
            try:
                return cls(url, None, sign_in.of_user(url))
            except SignInError as error:
                raise CommandError(str(error), USAGE, remedy="Use an https address.") from error
        stack = embedded.running(embedded.state_dir())
        if stack is None and (deployed := azd.deployment()):
            log.info("Arcway at %s, as azd deployed it", deployed.server)
            return cls(deployed.server, None, sign_in.of_user(deployed.server, deployed.scope))
        if stack is None:
            raise CommandError(
                "No local Arcway is running.", FAILED, remedy="Start one with `arcway up`, or pass --server."
            )
        return cls(stack.url, stack)

    def get(self, path: str, headers: Mapping[str, str] | None = None, **query: Any) -> Json:
        """GET a path under /api. Raises `CommandError`."""
        parameters = {key: value for key, value in query.items() if value is not None}
        return self._send("GET", path, headers, params=parameters)

    def post(self, path: str, body: Json | None = None, headers: Mapping[str, str] | None = None, **query: Any) -> Json:
        """POST to a path under /api. Raises `CommandError`."""
        return self._send("POST", path, headers, json=body, params=query)

    def start(self, path: str, body: Json, key: str | None = None, **query: Any) -> Json:
        """POST what starts a run or a fleet, repeated while the service behind the address starts.

        The key, a new one if none is given, makes sure that repeating it does not start a second one. Raises
        `CommandError`.
        """
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return self._when_up(lambda: self.post(path, body, headers, **query), _START_SECONDS)

    def get_when_up(self, path: str, timeout: float) -> Json:
        """GET a path under /api, repeated for `timeout` seconds while the service behind the address starts.

        Raises `CommandError`.
        """
        return self._when_up(lambda: self.get(path), timeout)

    def _was_stopped(self) -> bool:
        """Whether this is the local Arcway and all of it was stopped, so that waiting is of no use."""
        return self.stack is not None and embedded.running(embedded.state_dir()) is None

    def _when_up(self, send: Callable[[], Json], timeout: float) -> Json:
        until = time.monotonic() + timeout
        while True:
            try:
                return send()
            except NotYetError as error:
                # An address at which nothing listens is more likely a wrong one than one that starts.
                is_wrong = self.stack is None and isinstance(error.__cause__, httpx.ConnectError)
                if is_wrong or self._was_stopped() or time.monotonic() > until:
                    raise
                time.sleep(_LONGEST_POLL_SECONDS / 4)

    def patch(self, path: str, body: Json) -> Json:
        """PATCH a path under /api. Raises `CommandError`."""
        return self._send("PATCH", path, json=body)

    def follow(self, run: Json, timeout: float) -> Iterator[Json]:
        """Yield the run each time it changes, until it has ended. Raises `CommandError` 4 after `timeout` seconds."""

        def late(latest: Json) -> CommandError:
            message = f"Run {run['id']} is still in phase {latest['phase']} after {timeout:.0f} s; it continues."
            return CommandError(message, TIMED_OUT, remedy=f"arcway status {run['id']}")

        yield from self._follow(run, f"runs/{run['id']}", timeout, late)

    def follow_fleet(self, fleet: Json, timeout: float) -> Iterator[Json]:
        """Yield the fleet each time it changes, until it has ended or is halted with no member in progress.

        Raises `CommandError` 4 after `timeout` seconds.
        """

        def is_at_rest(latest: Json) -> bool:
            return bool(latest["halted"]) and not latest["counts"]["running"] and latest["state"] == "Halted"

        def late(latest: Json) -> CommandError:
            message = f"Fleet {latest['name']} is {latest['state']} after {timeout:.0f} s; it continues."
            reference = latest["id"] if latest["checks"] else latest["name"]
            return CommandError(message, TIMED_OUT, remedy=f"arcway fleet show {reference} --follow")

        yield from self._follow(fleet, f"fleets/{fleet['id']}", timeout, late, is_at_rest)

    def _follow(
        self,
        document: Json,
        path: str,
        timeout: float,
        late: Callable[[Json], CommandError],
        is_at_rest: Callable[[Json], bool] = lambda _document: False,
    ) -> Iterator[Json]:
        deadline, pause, updated_at, same = time.monotonic() + timeout, _POLL_SECONDS, None, 0
        while True:
            same += 1
            if document["updatedAt"] != updated_at:
                updated_at, pause, same = document["updatedAt"], _POLL_SECONDS, 0
                yield document
            # A command that was given just before has its effect soon, and not at once.
            if document["finishedAt"] or (same >= _LOOKS_AT_REST and is_at_rest(document)):
                return
            if time.monotonic() > deadline:
                raise late(document)
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_POLL_SECONDS)
            document = self._again(path, deadline) or document

    def _again(self, path: str, deadline: float) -> Json | None:
        """GET, repeated while the service does not respond, because its runs continue; None at the deadline.

        Raises `CommandError`: of the local Arcway also when all of it was stopped.
        """
        quiet_until: float | None = time.monotonic() + _QUIET_SECONDS
        while True:
            try:
                return self.get(path)
            except NotYetError as error:
                if self._was_stopped():
                    raise
                now = time.monotonic()
                if now > deadline:
                    return None
                if quiet_until and now > quiet_until:
                    log.warning("%s Its runs continue; waiting until it responds.", error)
                    quiet_until = None
                time.sleep(_LONGEST_POLL_SECONDS / 4)

    def _send(self, method: str, path: str, extra_headers: Mapping[str, str] | None = None, **options: Any) -> Json:
        try:
            headers = {**(self._signed_in.header() if self._signed_in else {}), **(extra_headers or {})}
            response = self._http.request(method, f"/api/{path}", headers=headers, **options)
            log.info(
                "%s %s: %s in %.0f ms", method, path, response.status_code, 1000 * response.elapsed.total_seconds()
            )
        except SignInError as error:
            raise CommandError(str(error), REFUSED, remedy="Sign in with `az login`, then try again.") from error
        except httpx.HTTPError as error:
            raise NoAnswerError(f"Arcway at {self.url} does not respond: {error}", FAILED) from error
        body = _object_in(response)
        if response.status_code in _NOT_YET and (body is None or body.get("code") in (None, Code.ENGINE_UNREACHABLE)):
            reason = (body or {}).get("detail") or f"it returned {response.status_code}"
            raise NotYetError(f"Arcway at {self.url} does not respond: {reason}", FAILED, remedy="Try again later.")
        if body is None:
            message = f"Arcway at {self.url} returned {response.status_code} without a JSON object."
            code = REFUSED if response.status_code in (401, 403) else FAILED
            raise CommandError(message, code, remedy="Check the address given with --server, and ARCWAY_SCOPE.")
        if response.is_success:
            return body
        raise CommandError(
            f"{body.get('code', response.status_code)}: {body.get('detail', response.reason_phrase)}",
            _EXIT_CODES.get(response.status_code, FAILED),
            remedy=body.get("remedy"),
            details=body.get("details"),
        )


def _object_in(response: httpx.Response) -> Json | None:
    try:
        body = response.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
