"""The request for a fleet: one operation, defaults, and the members that it is done on. One parser for all ways in.

A member's request is the fleet's defaults with the member's own fields over them, and is checked by the parser of
single requests, so that a fleet accepts what a request accepts and nothing else.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeGuard

from pydantic import BeforeValidator, Field, ValidationError

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.fleets.durations import seconds_of
from arcway.domain.fleets.expectations import ExpectedPlan, plan_problems
from arcway.domain.fleets.selection import Selection
from arcway.domain.fleets.stages import (
    MOST_STAGES,
    Budget,
    MaxFailures,
    StageRequest,
    Window,
    assign,
    in_order,
    problems_of,
    resolved,
)
from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json
from arcway.domain.model import Model, field_errors
from arcway.domain.operations import Operation
from arcway.domain.request import parse_request

MOST_MEMBERS = 10_000
ENTRY_BYTES = 8 * 1024
_PROBLEMS_SHOWN = 50
_LONGEST_PARK = 30 * 86_400
_PLACEHOLDER = "{name}"
_WITH_PROTECTED_SETTINGS = ("extension", "configuration", "gitops")
_PLACE = ("subscriptionId", "resourceGroup", "name")
_NAME = re.compile(r"[0-9A-Za-z_.-]{1,63}")


type FleetName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]


class FleetRequest(Model):
    """Do one operation on many clusters."""

    fleet: FleetName
    """The fleet's name. Only one fleet of a name is in progress at a time."""
    operation: Operation = "onboard"
    defaults: dict[str, Any] = Field(default_factory=dict)
    """Any fields of the operation's request; `{name}` in each secret and context stands for the member's name."""
    members: Annotated[list[dict[str, Any]], Field(max_length=MOST_MEMBERS)] = Field(default_factory=list)
    """The clusters: fields of the operation's request, over the defaults. Of tags, each name is overridden alone,
    and null takes it away; every other field is replaced."""
    select: Selection | None = None
    """Clusters besides members; expanded when the fleet is accepted."""
    window: Window = 50
    """The maximum number of members in progress at once."""
    start: Literal["slow", "all"] = "slow"
    """slow: three at once, and one more with each success up to the window. all: the window at once."""
    park_for: Annotated[int, BeforeValidator(seconds_of), Field(ge=0, le=_LONGEST_PARK)] = 86_400
    """How long a member whose cluster is busy or unreachable is tried again, such as 24h. Default: 24h."""
    stages: Annotated[list[StageRequest], Field(max_length=MOST_STAGES)] = Field(default_factory=list)
    """Which members are done before the others, and what has to be true before the next ones begin."""
    max_failures: MaxFailures | None = None
    """How many members of a stage may fail before the fleet halts: a number, or a percentage of the stage. Default: 10%
    for onboard, update, applyExtension, applyGitops and enablePolicy, 100% for check, 0 for the others."""
    budget: Budget | None = None
    """strict: so few members are in progress that no more than maxFailures + 1 can fail. soft: the window is used.
    Default: soft for onboard, update, applyExtension, applyGitops, enablePolicy and check, strict for the others."""
    count: Annotated[list[Literal["refused"]], Field(max_length=1)] = Field(default_factory=list)
    """refused: members that fail before anything is changed count as failures, too."""
    plan: ExpectedPlan | None = None
    """The plan that the fleet must keep to: a member that would change more is parked and nothing is done with it."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """A checked request for a fleet, with all its members in the order in which they are done."""

    request: FleetRequest
    stages: list[Json]
    """The stages as the fleet's input has them."""
    digest: str
    planned: list[Json] | None = None
    """What the plan says of each member, in the order of the members; None without a plan."""


def read_fleet_request(body: object) -> FleetRequest:
    """Validate a JSON value as a request for a fleet, but for its members.

    Raises `ArcError` ARC-1002 when it is not an object and ARC-1001 with all problems in `details`.
    """
    if not isinstance(body, dict):
        raise ArcError(Code.BODY_NOT_JSON)
    try:
        return FleetRequest.model_validate(body)
    except ValidationError as error:
        raise _invalid(field_errors(error)) from error


def fleet_of(
    request: FleetRequest, selected: Sequence[Json] = (), tags: Mapping[str, Mapping[str, str]] | None = None
) -> Fleet:
    """The fleet of a request and the members that it selects. It takes a while for thousands of members.

    `tags` are those of connected clusters in Azure, by lower-case resource id.

    Raises `ArcError` ARC-1001 with the problems of all members in `details`, the first 50 of them.
    """
    everyone = request.model_copy(update={"members": [*request.members, *selected]})
    if not 0 < len(everyone.members) <= MOST_MEMBERS:
        place = "select" if request.select else "members"
        message = f"must have 1 to {MOST_MEMBERS} members; there are {len(everyone.members)}"
        raise _invalid([{"field": place, "message": message}])
    problems = [{"field": field, "message": message} for field, message in problems_of(request.stages)]
    if problems := [*problems, *_problems(everyone)]:
        raise _invalid(problems)
    return _in_stages(everyone, digest_of(request), tags or {})


def _in_stages(request: FleetRequest, digest: str, tags: Mapping[str, Mapping[str, str]]) -> Fleet:
    """The fleet with its members in the order of its stages.

    Raises `ArcError` ARC-1001 for a stage without members, and for a plan of other members.
    """
    bodies = [member_body(request.operation, request.defaults, entry) for entry in request.members]
    keys = [_key(body) for body in bodies]
    if request.plan is not None and (problems := list(plan_problems(request.plan, keys))):
        raise _invalid(problems)
    own_tags = [{**tags.get(key, {}), **(body.get("tags") or {})} for key, body in zip(keys, bodies, strict=True)]
    numbers = assign(request.stages, own_tags) if request.stages else [0] * len(bodies)
    sizes = [numbers.count(number) for number in range(len(request.stages) or 1)]
    if empty := [number for number, size in enumerate(sizes) if not size]:
        raise _invalid([{"field": f"stages.{number}", "message": "takes no member"} for number in empty])
    order = in_order(numbers, [str(body.get("subscriptionId")).lower() for body in bodies])
    stages = resolved(
        request.stages,
        sizes,
        operation=request.operation,
        window=request.window,
        max_failures=request.max_failures,
        budget=request.budget,
    )
    planned = request.plan.forecasts_of([keys[index] for index in order]) if request.plan else None
    members = [request.members[index] for index in order]
    return Fleet(request.model_copy(update={"members": members}), stages, digest, planned)


def digest_of(request: FleetRequest) -> str:
    """The digest of a request as it came: equal for equal requests, whatever they select, and whatever fields requests
    have since it was accepted.
    """
    fields = request.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:32]


def parse_fleet(body: object) -> Fleet:
    """The fleet of a JSON value that selects nothing. Raises `ArcError` as `read_fleet_request` and `fleet_of` do."""
    return fleet_of(read_fleet_request(body))


def member_body(operation: str, defaults: Json, entry: Json) -> Json:
    """A member's request in its outside form: the entry's fields over the defaults."""
    body = {**defaults, **entry, "operation": operation}
    if isinstance(own := entry.get("tags"), dict):
        default = defaults.get("tags")
        tags = {**(default if isinstance(default, dict) else {}), **own}
        body["tags"] = {name: value for name, value in tags.items() if value is not None}
    name = body.get("name")
    # Of a name that is none, that is what is wrong, and not what the placeholder is in.
    return {**body, **_with_name(body, name if _is_name(name) else "name")}


def _key(body: Json) -> str:
    """The resource id of a member's cluster, in lower case."""
    return ClusterId(body["subscriptionId"], body["resourceGroup"], body["name"]).key


def _is_name(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _with_name(body: Json, name: str) -> Json:
    """The references of a request with the member's name for the placeholder."""
    references: Json = {}
    if isinstance(kubeconfig := body.get("kubeconfig"), dict):
        references["kubeconfig"] = _replaced(kubeconfig, ("secret", "context"), name)
    if isinstance(proxy := body.get("proxy"), dict) and isinstance(credentials := proxy.get("credentials"), dict):
        references["proxy"] = {**proxy, "credentials": _replaced(credentials, ("secret",), name)}
    for field in _WITH_PROTECTED_SETTINGS:
        if isinstance(part := body.get(field), dict) and isinstance(settings := part.get("protectedSettings"), dict):
            named = {
                key: _replaced(item, ("secret",), name) for key, item in settings.items() if isinstance(item, dict)
            }
            references[field] = {**part, "protectedSettings": {**settings, **named}}
    return references


def _replaced(reference: Json, fields: tuple[str, ...], name: str) -> Json:
    texts = {field: reference[field] for field in fields if isinstance(reference.get(field), str)}
    return {**reference, **{field: text.replace(_PLACEHOLDER, name) for field, text in texts.items()}}


def _problems(request: FleetRequest) -> Iterator[Json]:
    """What is wrong with the members, each problem of the defaults once."""
    clusters: dict[tuple[str, ...], int] = {}
    credentials: dict[tuple[Any, ...], int] = {}
    of_defaults: set[tuple[str, str]] = set()
    for number, entry in enumerate(request.members):
        body = member_body(request.operation, request.defaults, entry)
        for item in _details(request, entry, body):
            place, message = _place(number, entry, request.defaults, item["field"]), item["message"]
            if place.startswith("members.") or (place, message) not in of_defaults:
                yield {"field": place, "message": message}
            of_defaults.add((place, message))
        key = tuple(str(body.get(name)).lower() for name in _PLACE)
        if (first := clusters.setdefault(key, number)) != number:
            yield {"field": f"members.{number}.name", "message": f"is the same connected cluster as members.{first}"}
        if isinstance(kubeconfig := body.get("kubeconfig"), dict) and _is_name(body.get("name")):
            credential = (repr(kubeconfig.get("secret")), repr(kubeconfig.get("context")))
            if (first := credentials.setdefault(credential, number)) != number:
                message = f"is the same kubeconfig and context as that of members.{first}"
                yield {"field": f"members.{number}.kubeconfig", "message": message}


def _details(request: FleetRequest, entry: Json, body: Json) -> list[Json]:
    """What is wrong with one member's request; fields as in that."""
    if len(json.dumps(entry)) > ENTRY_BYTES:
        return [{"field": "(body)", "message": f"must have at most {ENTRY_BYTES} bytes"}]
    if entry.get("operation") is not None or request.defaults.get("operation") is not None:
        return [{"field": "operation", "message": "is the fleet's: set it beside members"}]
    try:
        parse_request(body)
    except ArcError as error:
        return error.details
    return []


def _place(number: int, entry: Json, defaults: Json, field: str) -> str:
    """Where the field of a member's request is in the fleet's."""
    if field == "(body)":
        return f"members.{number}"
    name = field.partition(".")[0]
    is_of_defaults = name in defaults and name not in entry and _PLACEHOLDER not in json.dumps(defaults[name])
    return f"defaults.{field}" if is_of_defaults else f"members.{number}.{field}"


def _invalid(problems: list[Any]) -> ArcError:
    """The first problems, and how many there are."""
    details = problems[:_PROBLEMS_SHOWN]
    fields = ", ".join(dict.fromkeys(str(item["field"]) for item in details[:10]))
    total = f" ({len(problems)} problems; the first {len(details)} are listed)" if len(problems) > len(details) else ""
    return ArcError(Code.INVALID_FIELDS, f"The fleet has invalid fields: {fields}{total}.", details=details)
