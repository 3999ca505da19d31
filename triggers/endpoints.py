"""The operations of the API: parameters, body, responses and errors of each, declared beside its handler.

A declaration is the only source of an operation's roles, of the parameters that are accepted, and of its description
(`triggers/api_description`), so that these cannot differ. An undeclared parameter is refused: a misspelt
dryRun would start a run.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from inspect import cleandoc
from typing import Annotated, Any

import azure.functions as func
from pydantic import BeforeValidator, ConfigDict, ValidationError

from arcway.domain.characters import control_characters
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.model import Model, field_errors
from triggers import http
from triggers.access.callers import Caller, Needed
from triggers.services import Invocation


class Parameters(Model):
    """The path's and the query's parameters of an operation, by the names that callers use."""

    model_config = ConfigDict(populate_by_name=False)


class NoParameters(Parameters):
    """For operations without any."""


@dataclass(frozen=True, slots=True)
class Header:
    """A header that an operation reads."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a status means; `shape` is a type that pydantic can describe, None for no body."""

    description: str
    shape: Any = None
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One method of one path below /api."""

    path: str
    method: str
    name: str
    needed: Needed
    handler: http.Handler
    description: str
    parameters: type[Parameters]
    headers: tuple[Header, ...]
    body: type[Model] | None
    examples: Mapping[str, Mapping[str, Any]]
    answers: Mapping[int, Answer]
    codes: tuple[Code, ...]
    """Of the errors that it can end with; those that every operation can end with are left out."""


_DECLARED: dict[str, dict[str, Endpoint]] = {}


def endpoint[P: Parameters](
    place: str,
    needed: Needed,
    *,
    name: str,
    answers: Mapping[int, Answer],
    parameters: type[P],
    codes: tuple[Code, ...] = (),
    headers: tuple[Header, ...] = (),
    body: type[Model] | None = None,
    examples: Mapping[str, Mapping[str, Any]] | None = None,
) -> Callable[[Callable[[func.HttpRequest, Invocation, Caller, P], Awaitable[func.HttpResponse]]], http.Handler]:
    """Declare the handler of a place such as `GET runs/{id}`; its docstring tells callers what it does.

    The handler is called with its parameters, if these are as declared; otherwise the caller gets ARC-1006.
    """
    method, _, path = place.partition(" ")

    def declare(
        handler: Callable[[func.HttpRequest, Invocation, Caller, P], Awaitable[func.HttpResponse]],
    ) -> http.Handler:
        async def guarded(request: func.HttpRequest, invocation: Invocation, caller: Caller) -> func.HttpResponse:
            return await handler(request, invocation, caller, _read(request, path, parameters))

        _DECLARED.setdefault(path, {})[method] = Endpoint(
            path=path,
            method=method,
            name=name,
            needed=needed,
            handler=guarded,
            description=cleandoc(handler.__doc__ or ""),
            parameters=parameters,
            headers=headers,
            body=body,
            examples=examples or {},
            answers=answers,
            codes=codes,
        )
        return guarded

    return declare


def declared_routes() -> dict[str, dict[str, http.Guarded]]:
    """The declared handlers by path and method, each with the roles that it needs."""
    return {
        path: {method: (item.needed, item.handler) for method, item in methods.items()}
        for path, methods in sorted(_DECLARED.items())
    }


def declared() -> list[Endpoint]:
    """All operations, by path."""
    return [endpoint for _, methods in sorted(_DECLARED.items()) for endpoint in methods.values()]


def path_names(path: str) -> list[str]:
    """The names of the path's parameters."""
    return re.findall(r"\{(\w+)\}", path)


def _read[P: Parameters](request: func.HttpRequest, path: str, parameters: type[P]) -> P:
    names = path_names(path)
    if twice := sorted(request.params.keys() & set(names)):
        details = [{"field": name, "message": "belongs in the path, not in the query"} for name in twice]
        raise ArcError(Code.INVALID_PARAMETERS, details=details)
    if control_problems := control_characters(dict(request.params)):
        raise ArcError(Code.INVALID_PARAMETERS, details=control_problems)
    in_path = {name: request.route_params[name] for name in names if name in request.route_params}
    try:
        return parameters.model_validate({**request.params, **in_path})
    except ValidationError as error:
        raise ArcError(Code.INVALID_PARAMETERS, details=field_errors(error)) from error


def _flag(value: object) -> object:
    if value in ("true", "false", True, False):
        return value in ("true", True)
    raise ValueError("must be true or false")


def digits(value: object) -> object:
    """For a whole number. Raises ValueError for what Python reads as one beside digits: spaces, signs, underscores."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,9}", value):
        raise ValueError("must be a number")
    return value


def _time(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        # A plus sign that was not percent-encoded arrives as a space.
        time = datetime.fromisoformat(value.replace(" ", "+"))
        time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError("must be an ISO 8601 time") from error
    if not 1970 <= time.year < 9999:
        raise ValueError("must be a time from 1970 on")
    return time


Flag = Annotated[bool, BeforeValidator(_flag)]
Time = Annotated[datetime, BeforeValidator(_time)]
