"""Which runs a page of the overview shows, and how large it is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.page.overview import OPERATIONS, STATES, Chosen, overview
from arcway.page.renderer import Shell, render

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def runs(count: int) -> list[dict[str, Any]]:
    return [
        {
            "id": f"cluster-{number:026x}.{number:012x}",
            "operation": OPERATIONS[number % 4],
            "state": STATES[number % 5],
            "cluster": {"name": f"shop-{number}", "resourceGroup": f"Group-{number % 3}", "subscriptionId": "s"},
            "phase": "deployAgents",
            "createdAt": (NOW - timedelta(minutes=number)).isoformat(),
            "error": {
                "code": Code.IMAGE_PULL_FAILED,
                "phase": "deployAgents",
                "message": "An <image> cannot be pulled. " * 10,
            }
            if number % 5 == 3
            else None,
        }
        for number in range(count)
    ]


def html(many: list[dict[str, Any]], chosen: Chosen) -> str:
    shell = Shell("Rita", "token", False, True)
    return render(
        "overview.html",
        shell,
        section="runs",
        view=overview(many, chosen),
        now=NOW,
        states=STATES,
        operations=OPERATIONS,
        days=30,
        seconds=5,
    )


@pytest.mark.parametrize(
    ("chosen", "count"),
    [
        (Chosen(), 120),
        (Chosen(state="Failed"), 24),
        (Chosen(operation="offboard"), 30),
        (Chosen(words="SHOP-11"), 11),
        (Chosen(words="group-1"), 40),
        (Chosen(state="Failed", operation="offboard", words="shop-1"), 2),
        (Chosen(words="shop-1\ngroup"), 0),
    ],
)
def test_what_is_chosen_is_found(chosen: Chosen, count: int) -> None:
    view = overview(runs(120), chosen)
    assert (view.matching, view.total) == (count, 120)
    assert view.counts == dict.fromkeys(STATES, 24)
    assert all(chosen.takes(run) for run in view.runs)


@pytest.mark.parametrize(("page", "first", "last"), [(1, 1, 50), (3, 101, 120), (4, 101, 120), (999999, 101, 120)])
def test_pages(page: int, first: int, last: int) -> None:
    view = overview(runs(120), Chosen(page=page))
    assert (view.first, view.last, view.pages) == (first, last, 3)
    assert [run["cluster"]["name"] for run in view.runs] == [f"shop-{number}" for number in range(first - 1, last)]


@pytest.mark.parametrize("page", ["", "0", "-1", "x", "²", "1.5"])
def test_words_that_make_no_sense_choose_everything(page: str) -> None:
    assert Chosen.of("Nonsense", "drop", "  ", page) == Chosen()


def test_a_page_of_endless_digits_is_the_last_one() -> None:
    assert overview(runs(120), Chosen.of("", "", "", "9" * 5000)).chosen.page == 3


def test_addresses_keep_what_was_chosen() -> None:
    assert Chosen(state="Failed", words="a&b", page=2).query() == "?state=Failed&q=a%26b&page=2"
    assert Chosen(state="Failed", page=2).query(state="", page=1) == ""


def test_a_thousand_runs_are_a_small_page() -> None:
    content = html(runs(1000), Chosen())
    assert len(content.encode()) < 200_000
    assert content.count('<th scope="row">') == 50
    assert "An &lt;image&gt;" in content
