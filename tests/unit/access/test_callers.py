"""Roles: what a token may name, what an operation needs, and what the app registration offers."""

import json
from pathlib import Path

import pytest

from arcway.domain.errors import ArcError
from triggers.access.callers import (
    APPROVE,
    CHANGE,
    LOCAL,
    NOBODY,
    OFFBOARD,
    ONBOARD,
    OPEN,
    READ,
    Caller,
    Role,
    role_for,
    roles_in,
)

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    "claim", [None, "Arcway.Read", {"Arcway.Read": 1}, [], ["arcway.read"], ["Other.Role", 7, None]]
)
def test_only_a_list_of_known_roles_counts(claim: object) -> None:
    assert roles_in(claim) == frozenset()


def test_roles_of_a_token() -> None:
    assert roles_in(["Arcway.Offboard", "Other", "Arcway.Read"]) == {Role.OFFBOARD, Role.READ}


def test_no_role_contains_another() -> None:
    for role in Role:
        holder = Caller("x", "y", frozenset({role}))
        assert [needed for needed in (READ, ONBOARD, OFFBOARD, APPROVE) if holder.may(needed)] == [frozenset({role})]
        assert holder.may(CHANGE) == (role in (Role.ONBOARD, Role.OFFBOARD))


def test_the_error_of_a_missing_role_names_it() -> None:
    with pytest.raises(ArcError, match=r"ARC-1008: nobody does not hold the role Arcway\.Offboard or Arcway\.Onboard"):
        NOBODY.require(CHANGE)
    NOBODY.require(OPEN)
    LOCAL.require(CHANGE)


def test_what_an_operation_needs() -> None:
    assert role_for("offboard") == OFFBOARD
    assert {role_for(name) for name in ("onboard", "check", "update", "upgrade")} == {ONBOARD}


def test_the_app_registration_offers_these_roles() -> None:
    offered = json.loads((ROOT / "docs" / "app-registration.json").read_text())
    assert [role["value"] for role in offered["appRoles"]] == [*Role]
    assert all(set(role["allowedMemberTypes"]) == {"User", "Application"} for role in offered["appRoles"])
    assert offered["api"]["requestedAccessTokenVersion"] == 2
