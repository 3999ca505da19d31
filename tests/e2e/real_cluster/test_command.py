"""scripts/control-plane: a control plane of one's own, from up to down, leaving nothing behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.contract.kubernetes_api.conftest import rest_client

ROOT = Path(__file__).parents[3]


def _command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "arcway_local.cluster.real", "--dir", str(folder), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.usefixtures("control_plane")
@pytest.mark.skipif("ARCWAY_TEST_KUBECONFIG" in os.environ, reason="another cluster is used")
def test_from_up_to_down(tmp_path: Path) -> None:
    nothing = _command(tmp_path, "kubeconfig")
    assert nothing.returncode == 1
    assert "scripts/control-plane up" in nothing.stderr
    try:
        path = Path(_command(tmp_path, "--nodes", "3", "up").stdout.strip())
        assert path.stat().st_mode & 0o777 == 0o600
        reread = _command(tmp_path, "up")
        assert (reread.returncode, Path(reread.stdout.strip())) == (0, path)
        described = json.loads(_command(tmp_path, "status").stdout)
        assert set(described["pids"]) == {
            "etcd",
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
            "kwok",
        }
        with rest_client(yaml.safe_load(path.read_text())) as http:
            assert len(http.get("/api/v1/nodes").json()["items"]) == 3
    finally:
        assert _command(tmp_path, "down").returncode == 0
    assert not path.exists()
    listed = subprocess.run(["/bin/ps", "-A", "-o", "command="], capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) not in listed
    assert _command(tmp_path, "status").returncode == 1
