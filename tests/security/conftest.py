"""The fixtures of the end-to-end tests: attacks go against the whole stack."""

from tests.e2e.conftest import arcway, azure, azure_control, cluster, cluster_control, command, signed, stack

__all__ = ["arcway", "azure", "azure_control", "cluster", "cluster_control", "command", "signed", "stack"]
