"""Folders of tests that are run in a way of their own, and what the default run leaves out."""

import re

REAL = "tests/e2e/real_cluster"
MATRIX = "tests/chaos/fault_matrix"

# Together they take longer than all others. The default run has of each subject what a change is most likely to break.
_LONG = re.compile(
    "|".join(
        (
            rf"{REAL}/test_(?!connect_real|command\.)",
            r"tests/chaos/stack/(?!test_storm)",
            rf"{MATRIX}/test_upgrade_limit",
            r"tests/chaos/service_bus/test_(restarts|storm)",
            r"tests/contract/article",
            r"tests/contract/azure_api/test_budget\.py::test_two_installations",
            r"tests/deploy/test_package",
            r"tests/browser/test_(accessibility|extensions|fleets)",
            r"tests/e2e/test_api_description\.py::test_generated",
            r"tests/e2e/test_extension_runs\.py::(?!test_(new_extension|disconnect_removes|command_line))",
            r"tests/e2e/test_gitops_runs\.py::(?!test_(extension_is_installed|command_line))",
            r"tests/e2e/test_policy_runs\.py::(?!test_(policy_is_enabled|command_line))",
            r"tests/e2e/test_fleet_plans\.py::(?!test_a_plan_s)",
            r"tests/e2e/test_fleets\.py::(?!test_(many_clusters|what_is_in_the_way|the_command_line))",
            r"tests/e2e/test_(all_contexts|features|marks|states_of_azure)",
            r"tests/contract/kubernetes_api/.*\[real",
        )
    )
)


def is_left_out(nodeid: str) -> bool:
    """Whether the default run, which no path and no `--slow` makes another one, is without this test."""
    return _LONG.match(nodeid) is not None
