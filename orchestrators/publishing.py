"""publishResult: the run's last events, sent until the broker has them, its time is over or the run is canceled."""

from typing import Any

from arcway.domain.events import EventKind

from orchestrators.back_off import back_off
from orchestrators.failures import Cancelled, StepFailed
from orchestrators.run import Run, Work

PUBLISH = "publishResult"
_KINDS: dict[str, EventKind] = {"Succeeded": "succeeded", "Failed": "failed", "Canceled": "canceled"}
# A broker may be down for hours, and every attempt makes the history of the run longer.
_LONGEST_BACK_OFF = 600.0


def publish_result(run: Run, outcome: str) -> Work[None]:
    """The run stays in this phase until the event is out: work that succeeded is never failed by a broker.

    What is not published is left, and said to be.
    """
    if run.outbox.source is None:
        run.skip(PUBLISH, "no event broker is configured")
        return
    run.enter(PUBLISH)
    run.announce(_KINDS[outcome], run.facts.get("result"))
    run.cancels.forget()
    try:
        yield from _publish_all(run)
    except StepFailed as failure:
        run.outbox.give_up(failure.error["code"])
    except Cancelled:
        run.outbox.give_up("canceled")
    lost = run.outbox.lost
    run.leave_behind(lost)
    if lost:
        run.detail(f"not published: {', '.join(lost)}")
    run.end("Failed" if lost else "Succeeded")


def _publish_all(run: Run) -> Work[None]:
    attempt = 0
    while error := (yield from run.outbox.send(run.publish_once)):
        attempt += 1
        _show(run, attempt, error)
        pause = back_off(run.run_id, "publish_events", attempt, error, _LONGEST_BACK_OFF)
        yield from run.wait(pause, "Retrying", late=error)


def _show(run: Run, attempt: int, error: dict[str, Any]) -> None:
    run.attempted(attempt)
    run.detail(f"{error['code']}: {error['message']}")
