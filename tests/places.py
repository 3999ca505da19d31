"""Folders of tests that are run in a way of their own."""

REAL = "tests/e2e/real_cluster"
MATRIX = "tests/chaos/fault_matrix"
