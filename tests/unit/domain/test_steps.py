"""The names and types of steps are those of the activities."""

from typing import get_args, get_type_hints

from activities.blueprint import STEPS
from arcway.domain import steps


def test_each_step_is_declared_with_the_outcome_of_its_activity() -> None:
    declared = {
        getattr(steps, name).name: get_args(hint)[0]
        for name, hint in get_type_hints(steps).items()
        if isinstance(getattr(steps, name), steps.Step)
    }
    assert declared == {step.__name__: get_type_hints(step)["return"] for step in STEPS}
