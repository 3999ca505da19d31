"""What a request for a fleet may be: defaults, members over them, and all that is wrong at once."""

from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.fleets.request import MOST_MEMBERS, member_body, parse_fleet
from arcway.domain.json_values import Json

DEFAULTS: Json = {
    "subscriptionId": "11111111-2222-3333-4444-555555555555",
    "resourceGroup": "clusters",
    "location": "eastus",
    "kubeconfig": {"secret": "arcway-{name}"},
}


def fleet(*members: Json, **fields: Any) -> Json:
    return {"fleet": "shops", "defaults": DEFAULTS, "members": list(members), **fields}


def problems(body: object) -> dict[str, str]:
    with pytest.raises(ArcError) as caught:
        parse_fleet(body)
    assert caught.value.code == Code.INVALID_FIELDS
    return {item["field"]: item["message"] for item in caught.value.details}


def test_a_member_is_the_defaults_with_its_own_fields() -> None:
    proxy = {"https": "http://proxy:3128", "credentials": {"secret": "arcway-proxy-{name}"}}
    defaults = {**DEFAULTS, "tags": {"team": "shop", "stage": "test"}, "proxy": proxy}
    entry = {"name": "shop-2", "location": "westeurope", "tags": {"stage": None, "site": "north"}}
    assert member_body("onboard", defaults, entry) == {
        **DEFAULTS,
        "operation": "onboard",
        "name": "shop-2",
        "location": "westeurope",
        "tags": {"team": "shop", "site": "north"},
        "kubeconfig": {"secret": "arcway-shop-2"},
        "proxy": {**proxy, "credentials": {"secret": "arcway-proxy-shop-2"}},
    }


def test_other_objects_are_replaced_as_a_whole() -> None:
    defaults = {**DEFAULTS, "kubeconfig": {"secret": "arcway-{name}", "context": "{name}-admin"}}
    assert member_body("onboard", defaults, {"name": "a"})["kubeconfig"] == {
        "secret": "arcway-a",
        "context": "a-admin",
    }
    own = {"name": "a", "kubeconfig": {"secret": "arcway-other"}}
    assert member_body("onboard", defaults, own)["kubeconfig"] == {"secret": "arcway-other"}


@pytest.mark.parametrize("field", ["extension", "configuration", "gitops"])
def test_protected_settings_may_have_a_secret_for_each_member(field: str) -> None:
    settings = {"key": {"secret": "arcway-{name}-key"}, "same": {"secret": "arcway-same"}, "wrong": "{name}"}
    part = {"name": "{name}", "settings": {"secret": "{name}"}, "protectedSettings": settings}
    body = member_body("onboard", {**DEFAULTS, field: part}, {"name": "shop-2"})
    assert body[field] == {**part, "protectedSettings": {**settings, "key": {"secret": "arcway-shop-2-key"}}}


@pytest.mark.parametrize("part", [None, "x", [1], {"protectedSettings": ["{name}"]}, {"protectedSettings": None}])
def test_what_has_no_secrets_stays_as_it_is(part: object) -> None:
    assert member_body("onboard", {**DEFAULTS, "extension": part}, {"name": "a"})["extension"] == part


@pytest.mark.parametrize("operation", ["onboard", "check", "offboard", "upgrade"])
def test_any_operation_can_be_a_fleet(operation: str) -> None:
    defaults = {name: DEFAULTS[name] for name in ("subscriptionId", "resourceGroup", "kubeconfig")}
    if operation in ("onboard", "check"):
        defaults = DEFAULTS
    request = parse_fleet(fleet({"name": "a"}, {"name": "b"}, operation=operation, defaults=defaults)).request
    assert (request.operation, request.window, request.start, request.park_for) == (operation, 50, "slow", 86_400)


@pytest.mark.parametrize(("text", "seconds"), [("24h", 86_400), ("90m", 5400), ("30s", 30), ("7d", 604_800), (60, 60)])
def test_durations(text: object, seconds: int) -> None:
    assert parse_fleet(fleet({"name": "a"}, parkFor=text)).request.park_for == seconds


def test_all_problems_of_all_members_are_reported_at_once() -> None:
    result = problems(
        fleet(
            {"name": "a"},
            {"name": "A"},
            {"name": "b", "kubeconfig": {"secret": "arcway-a"}},
            {"nam": "c"},
            {"name": "d", "tags": {"x": 5}},
            {"name": "e", "operation": "offboard"},
            {"name": "f", "location": "west europe!"},
        )
    )
    assert result == {
        "members.1.name": "is the same connected cluster as members.0",
        "members.2.kubeconfig": "is the same kubeconfig and context as that of members.0",
        "members.3.name": "Field required",
        "members.3.nam": "Extra inputs are not permitted",
        "members.4.tags.x": "Input should be a valid string",
        "members.5.operation": "is the fleet's: set it beside members",
        "members.6.location": "String should match pattern '^[a-z][a-z0-9]+$'",
    }


def test_what_is_wrong_with_the_defaults_is_reported_once() -> None:
    members = [{"name": f"a-{number}"} for number in range(50)]
    assert list(problems(fleet(*members, defaults={**DEFAULTS, "location": "!"}))) == ["defaults.location"]


def test_a_name_that_fits_into_no_secrets_name_is_reported_with_its_member() -> None:
    assert list(problems(fleet({"name": "a"}, {"name": "a.b"}))) == ["members.1.kubeconfig.secret"]


def test_the_first_problems_and_their_number() -> None:
    with pytest.raises(ArcError, match="120 problems; the first 50") as caught:
        parse_fleet(fleet(*({"name": f"bad name {number}"} for number in range(120))))
    assert len(caught.value.details) == 50


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("fleet", "Shops"),
        ("fleet", "-x"),
        ("fleet", "a" * 64),
        ("window", 0),
        ("window", 501),
        ("window", "50"),
        ("start", "fast"),
        ("parkFor", "1y"),
        ("parkFor", "31d"),
        ("parkFor", -1),
        ("operation", "destroy"),
        ("members", []),
        ("members", {}),
        ("unknown", 1),
    ],
)
def test_fields_of_the_fleet_itself(field: str, value: object) -> None:
    assert any(name.startswith(field) for name in problems({**fleet({"name": "a"}), field: value}))


def test_too_many_members_and_too_large_ones() -> None:
    assert list(problems(fleet(*({} for _ in range(MOST_MEMBERS + 1))))) == ["members"]
    large = {"name": "a", "tags": {f"t{number}": "x" * 250 for number in range(40)}}
    assert problems(fleet(large)) == {"members.0": "must have at most 8192 bytes"}


@pytest.mark.parametrize("body", [None, [], "x", 5])
def test_what_is_not_an_object(body: object) -> None:
    with pytest.raises(ArcError, match=Code.BODY_NOT_JSON):
        parse_fleet(body)


def test_equal_requests_have_equal_digests() -> None:
    first, same = (parse_fleet(fleet({"name": "a"})) for _ in range(2))
    assert first.digest == same.digest != parse_fleet(fleet({"name": "b"})).digest
