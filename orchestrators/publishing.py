"""publishResult: the run's last events, sent until the broker has them, its time is over or the run is canceled."""

from arcway.domain.events import EventKind
from arcway.domain.text import counted

from orchestrators.back_off import back_off
from orchestrators.failures import RunCanceled, StepFailed
from orchestrators.run_context import RunContext, Work

PUBLISH = "publishResult"
_KINDS: dict[str, EventKind] = {"Succeeded": "succeeded", "Failed": "failed", "Canceled": "canceled"}
# A broker may be down for hours, and every attempt makes the history of the run longer.
_LONGEST_BACK_OFF = 600.0


def publish_result(run: RunContext, outcome: str) -> Work[None]:
    """The run stays in this phase until the event is out: work that succeeded is never failed by a broker.

    What is not published is left, and said to be.
    """
    if run.outbox.source is None:
        run.skip_phase(PUBLISH, "no event broker is configured")
        return
    run.enter_phase(PUBLISH)
    run.queue_event(_KINDS[outcome], run.facts.get("result"))
    run.cancels.forget()
    try:
        yield from _publish_all(run)
    except StepFailed as failure:
        run.outbox.give_up(failure.error["code"])
    except RunCanceled:
        run.outbox.give_up(None)
    lost = run.outbox.lost
    run.add_leftovers(lost)
    if lost:
        run.set_detail(f"{counted(len(lost), 'event')} {'was' if len(lost) == 1 else 'were'} not published")
    else:
        run.set_error(None)
    run.end_phase("Failed" if lost else "Succeeded")


def _publish_all(run: RunContext) -> Work[None]:
    attempt = 0
    while error := (yield from run.outbox.send(run.publish_once)):
        attempt += 1
        run.set_attempts(attempt)
        run.set_error(error)
        pause = back_off(run.run_id, "publish_events", attempt, error, _LONGEST_BACK_OFF)
        yield from run.wait(pause, "Retrying", timeout_error=error)
