"""The files that choose the back end: equal but for it, because the scale controller reads the file, not settings."""

import json
from pathlib import Path
from typing import Any

import pytest

from arcway.cluster.helm.interface import CALL_SECONDS, SLOT_SECONDS

ROOT = Path(__file__).parents[2]
FILES = {
    "scheduler": ROOT / "host.json",
    "storage": ROOT / "infra" / "host.storage.json",
    "mssql": ROOT / "infra" / "host.mssql.json",
}
TYPES = {"scheduler": "azureManaged", "storage": "AzureStorage", "mssql": "mssql"}


def document(back_end: str) -> dict[str, Any]:
    """One of the files."""
    content: dict[str, Any] = json.loads(FILES[back_end].read_text())
    return content


def durable(back_end: str) -> dict[str, Any]:
    """What it says of Durable Functions."""
    section: dict[str, Any] = document(back_end)["extensions"]["durableTask"]
    return section


@pytest.mark.parametrize("back_end", ["storage", "mssql"])
def test_host_files_are_equal_but_for_the_storage_provider(back_end: str) -> None:
    one, other = document("scheduler"), document(back_end)
    providers = [content["extensions"]["durableTask"].pop("storageProvider") for content in (one, other)]
    assert one == other
    assert providers[0] != providers[1]


def test_host_files_are_all_known() -> None:
    assert set((ROOT / "infra").glob("host.*.json")) == set(FILES.values()) - {ROOT / "host.json"}


@pytest.mark.parametrize("back_end", TYPES)
def test_storage_provider_is_of_the_back_end(back_end: str) -> None:
    assert durable(back_end)["storageProvider"]["type"] == TYPES[back_end]


@pytest.mark.parametrize("back_end", TYPES)
def test_hub_name_is_literal(back_end: str) -> None:
    """A setting in it would be one more that the scale controller has to resolve."""
    assert durable(back_end)["hubName"].isalnum()


def test_extension_bundle_is_the_generally_available_one_with_grpc() -> None:
    """The extension answers gRPC since 3.9.0; the first such bundle is 4.33.1 (it has 3.10)."""
    bundle = document("scheduler")["extensionBundle"]
    assert bundle == {"id": "Microsoft.Azure.Functions.ExtensionBundle", "version": "[4.33.1, 5.0.0)"}


def test_function_timeout_is_longer_than_the_longest_step() -> None:
    """An existing release costs five calls of Helm: release, digest, pull, digest again, upgrade."""
    hours, minutes, seconds = map(int, document("scheduler")["functionTimeout"].split(":"))
    assert hours * 3600 + minutes * 60 + seconds >= 1.5 * 5 * (CALL_SECONDS + SLOT_SECONDS)
