"""The names and types of steps are those of the activities."""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, get_args, get_type_hints

import pytest

from activities.blueprint import FLEET_STEPS, STEPS
from arcway.domain import steps
from arcway.domain.fleets import steps as fleet_steps


@pytest.mark.parametrize(("module", "activities"), [(steps, STEPS), (fleet_steps, FLEET_STEPS)], ids=["runs", "fleets"])
def test_each_step_is_declared_with_the_outcome_of_its_activity(
    module: ModuleType, activities: Sequence[Callable[..., Any]]
) -> None:
    declared = {
        getattr(module, name).name: get_args(hint)[0]
        for name, hint in get_type_hints(module).items()
        if isinstance(getattr(module, name), steps.Step)
    }
    assert declared == {step.__name__: get_type_hints(step)["return"] for step in activities}
