"""A simulated Azure in a process of its own, and plain HTTP to it."""

import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract.azure_api.versions import add_version

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Azure:
    """A running simulated Azure; `http` sends a valid token, `anonymous` none."""

    ready: dict[str, str]
    http: httpx.Client
    anonymous: httpx.Client

    @property
    def subscription(self) -> str:
        return f"/subscriptions/{self.ready['subscriptionId']}"

    def control(self, path: str, body: Any) -> None:
        self.anonymous.put(f"/control/{path}", json=body).raise_for_status()


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Azure]:
    process = subprocess.Popen(
        [sys.executable, "-m", "arcway_local.azure", "--dir", str(tmp_path / "azure")],
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    ready = json.loads(process.stdout.readline())
    tls = ssl.create_default_context(cafile=ready["caFile"])
    with httpx.Client(base_url=ready["endpoint"], verify=tls) as anonymous:
        headers = {"X-IDENTITY-HEADER": ready["identityHeader"]}
        token = anonymous.get("/msi/token", params={"resource": ready["endpoint"]}, headers=headers).json()[
            "access_token"
        ]
        with httpx.Client(
            base_url=ready["endpoint"],
            verify=tls,
            headers={"Authorization": f"Bearer {token}"},
            event_hooks={"request": [add_version]},
        ) as http:
            yield Azure(ready, http, anonymous)
    process.send_signal(signal.SIGTERM)
    assert process.wait(240) == 0
    process.stdout.close()
