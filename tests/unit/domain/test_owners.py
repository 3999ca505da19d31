"""Who may use a secret that names its owners."""

import pytest

from arcway.domain.owners import QUEUE, SecretUser

USER = SecretUser("AAAA-1", frozenset({"Team.Shop", QUEUE}))


@pytest.mark.parametrize(
    ("owners", "owned"),
    [
        (None, True),
        ("", False),
        (" ,;", False),
        ("aaaa-1", True),
        ("x,AAAA-1", True),
        ("x;aaaa-1", True),
        ("x\taaaa-1", True),
        ("aaaa-1x", False),
        ("aaaa", False),
        ("Team.Shop", True),
        ("team.shop", False),
        ("queue", True),
        ("Team.Other", False),
    ],
)
def test_owner_is_an_object_id_in_any_case_or_a_role_in_its_own(owners: str | None, owned: bool) -> None:
    assert USER.owns(owners) is owned


def test_user_without_an_object_id_owns_by_role_alone() -> None:
    assert not SecretUser().owns("none")
    assert not SecretUser(None, frozenset({"a"})).owns("b")
    assert SecretUser(None, frozenset({"a"})).owns("b a")


def test_user_is_who_started_the_run() -> None:
    started = {"startedBy": {"name": "Rita", "objectId": "aaaa-1"}, "roles": ["Team.Shop", "x"]}
    assert SecretUser.of(started) == SecretUser("aaaa-1", frozenset({"Team.Shop", "x"}))


@pytest.mark.parametrize("started", [{}, {"startedBy": None, "roles": None}, {"startedBy": {"name": "queue"}}])
def test_run_of_an_earlier_version_has_no_user(started: dict[str, object]) -> None:
    assert SecretUser.of(started) == SecretUser()
