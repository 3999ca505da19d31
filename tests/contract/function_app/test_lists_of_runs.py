"""Lists of runs against the engine over gRPC: what they show, and what they read for it."""

import base64
import json
from datetime import timedelta

import pytest

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.page.overview import Chosen
from arcway.runs import index
from arcway.runs.index import PAGE_SIZE
from arcway_local.functions.records import CUSTOM_STATUS_LIMIT
from tests.arcway_local.functions.driving import complete
from tests.contract.function_app.run_hub import FOUR_MIB, SUBSCRIPTION, Hub
from triggers.page import views


async def test_a_page_of_runs_is_newest_first_and_continues_behind_the_last(hub: Hub) -> None:
    for number in range(7):
        hub.run(f"c{number}")
    first, token = await hub.page(top=3)
    # What starts or ends between two pages moves no other run.
    hub.run("later")
    second, token = await hub.page(top=3, token=token)
    third, end = await hub.page(top=3, token=token)
    assert [run["cluster"]["name"] for run in (*first, *second, *third)] == [f"c{number}" for number in range(7)][::-1]
    assert end is None


async def test_the_order_of_a_list_is_not_that_of_the_engine(hub: Hub) -> None:
    # Azure Storage returns instances in the order of their ids.
    hub.engine.is_sorted = False
    names = [f"c{number}" for number in range(20)]
    for name in names:
        hub.run(name)
    assert await hub.names() == names[::-1]
    hub.run("later")
    assert await hub.names() == ["later", *names[::-1]]


async def test_filters_take_what_a_status_says(hub: Hub) -> None:
    hub.run("a", group="one")
    hub.end(hub.begin("b", group="two"), "Failed")
    hub.show(hub.begin("c", operation="upgrade"), state="Running")
    assert await hub.names(state="Failed") == ["b"]
    assert await hub.names(state="running") == ["c"]
    assert await hub.names(operation="upgrade") == ["c"]
    assert await hub.names(resource_group="ONE") == ["a"]
    assert await hub.names(subscription=SUBSCRIPTION.upper()) == ["c", "b", "a"]


async def test_a_list_reads_only_what_may_have_changed(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "CLOCK_SKEW", timedelta(0))
    for number in range(2 * PAGE_SIZE + 1):
        hub.run(f"c{number}")
    running = hub.begin("running")
    hub.show(running, state="Running")
    assert await hub.names(state="Running") == ["running"]
    assert hub.engine.rows() == 2 * PAGE_SIZE + 2
    assert await hub.names(state="Running") == ["running"]
    assert hub.engine.rows() == 1
    hub.end(running, "Failed")
    assert await hub.names(state="Failed") == ["running"]
    assert await hub.names(state="Running") == []
    assert hub.engine.rows() == 0
    # Once, for the one that had ended, and without its input.
    assert [(call.instanceId, call.getInputsAndOutputs) for call in hub.engine.single] == [(running, False)]


async def test_no_answer_of_the_engine_is_larger_than_a_client_takes(hub: Hub) -> None:
    for number in range(600):
        instance = hub.begin(f"c{number}")
        # Three bytes each: the longest status that a task hub keeps.
        hub.show(
            instance,
            complete(result=json.dumps("x" * 20_000)),
            status=json.dumps("中" * (CUSTOM_STATUS_LIMIT - 2), ensure_ascii=False),
        )
    documents, token = await hub.page(top=1000)
    assert (len(documents), token) == (600, None)
    sizes = [page.ByteSize() for page in hub.engine.pages]
    assert sum(sizes) > FOUR_MIB > max(sizes)


async def test_a_run_that_has_not_begun_is_accepted(hub: Hub) -> None:
    instance = hub.begin("new", group="one")
    hub.run("old")
    (document,), _ = await hub.page(state="Accepted", resource_group="one", operation="onboard")
    assert (document["cluster"]["name"], document["id"].partition(".")[0]) == ("new", instance)
    assert await hub.names() == ["old", "new"]
    # Its input is read once, and no other.
    assert [call.instanceId for call in hub.engine.single] == [instance]
    hub.show(instance, state="Running")
    assert await hub.names(state="Running") == ["new"]
    assert await hub.names(state="Accepted") == []


@pytest.mark.parametrize("status", ["", "{", "5", "[]", '{"id": 5}', '"\\ud800"'])
async def test_a_status_that_cannot_be_read_hides_no_other_run(hub: Hub, status: str) -> None:
    odd = hub.begin("odd")
    hub.show(odd, complete(), status=status)
    hub.run("good")
    documents, _ = await hub.page()
    assert {run["id"].partition(".")[0] for run in documents} >= {odd}
    assert "good" in [run["cluster"]["name"] for run in documents]
    assert len({run["id"] for run in documents}) == 2
    assert await hub.call(views.subscriptions) == [SUBSCRIPTION]


async def test_a_continuation_token_of_an_earlier_version_continues(hub: Hub) -> None:
    for name in ("a", "b", "c"):
        hub.run(name)
    documents, _ = await hub.page()
    for run, rest in zip(documents, (["b", "a"], ["a"], []), strict=True):
        position = json.dumps([run["createdAt"], run["id"]])
        token = base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")
        shown, _ = await hub.page(token=token)
        assert [item["cluster"]["name"] for item in shown] == rest
    with pytest.raises(ArcError) as caught:
        await hub.page(token="WzFd")
    assert caught.value.code == Code.INVALID_PARAMETERS


async def test_the_overview_counts_all_and_reads_the_documents_of_its_page(hub: Hub) -> None:
    for number in range(60):
        instance = hub.begin(f"c{number:02}")
        hub.end(instance, "Failed" if number % 3 == 0 else "Succeeded")
    hub.begin("new")
    view = await hub.call(lambda own: views._overview(own, Chosen(page=2)))
    assert (view.counts["Failed"], view.counts["Succeeded"], view.counts["Accepted"]) == (20, 40, 1)
    assert [run["cluster"]["name"] for run in view.runs] == [f"c{number:02}" for number in range(10, -1, -1)]
    assert all(run["phases"] for run in view.runs)
    found = await hub.call(lambda own: views._overview(own, Chosen("Failed", "onboard", "C0")))
    assert [run["cluster"]["name"] for run in found.runs] == ["c09", "c06", "c03", "c00"]
    assert await hub.call(views.subscriptions) == [SUBSCRIPTION]
