"""Which of Helm's errors are worth another attempt."""

import pytest

from arcway.cluster.helm.interface import is_transient

_APPLY = "failed to create resource: server-side apply failed for object azure-arc/x /v1, Kind=Secret: "


@pytest.mark.parametrize(
    ("message", "passes"),
    [
        ("connection refused", True),
        ("the server was unable to return a response in the time allotted", True),
        (_APPLY + "secrets is forbidden: User cannot create resource secrets", False),
        (_APPLY + "namespaces azure-arc not found", False),
        (
            _APPLY
            + 'secrets "x" is forbidden: unable to create new content in namespace azure-arc because it is being '
            "terminated",
            True,
        ),
        ("parse error at (agents/templates/x.yaml:1)", False),
    ],
)
def test_what_may_pass_is_tried_again(message: str, passes: bool) -> None:
    assert is_transient(message) is passes
