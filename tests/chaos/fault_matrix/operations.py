"""The operations on what a connected cluster has: what comes before a run, what its input is, what holds after it."""

from collections.abc import Callable
from typing import NamedTuple

from arcway.domain.json_values import Json
from tests.chaos.fault_matrix import extensions, gitops, policies
from tests.chaos.fault_matrix.world import Case


class Operation(NamedTuple):
    prepare: Callable[[Case], None]
    input_of: Callable[[Case, str], Json]
    check: Callable[..., None]


_EXTENSION = Operation(extensions.prepare, extensions.of_extension, extensions.check_extension)
_POLICY = Operation(policies.prepare, policies.of_policy, policies.check_policy)
_GITOPS = Operation(gitops.prepare, gitops.of_configuration, gitops.check_configuration)
OPERATIONS = {
    **dict.fromkeys(extensions.OPERATIONS, _EXTENSION),
    **dict.fromkeys(gitops.OPERATIONS, _GITOPS),
    **dict.fromkeys(policies.OPERATIONS, _POLICY),
}
