"""The simulated clusters as a process of their own."""

import json
import signal
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[3]


def _command(directory: Path, *extra: str) -> list[str]:
    return [
        sys.executable,
        "-W",
        "error",
        "-m",
        "arcway_local.cluster",
        "--count",
        "2",
        "--dir",
        str(directory),
        *extra,
    ]


def test_it_announces_itself_ends_on_sigterm_and_says_why_it_cannot_start(tmp_path: Path) -> None:
    (tmp_path / "cluster-009.yaml").write_text("left by an earlier run")
    with subprocess.Popen(_command(tmp_path), stdout=subprocess.PIPE, cwd=_ROOT, text=True) as process:
        assert process.stdout is not None
        try:
            ready = json.loads(process.stdout.readline())
            assert ready["control"] == f"{ready['endpoint']}/control"
            files = [Path(file) for file in ready["kubeconfigs"]]
            assert [file.name for file in files] == ["cluster-001.yaml", "cluster-002.yaml"]
            assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
            assert sorted(tmp_path.glob("*.yaml")) == files
            port = ready["endpoint"].rsplit(":", 1)[1]
            second = subprocess.run(
                _command(tmp_path / "second", "--port", port), capture_output=True, cwd=_ROOT, text=True, timeout=240
            )
            assert second.returncode == 1
            assert second.stderr.startswith("cannot serve the simulated clusters: ")
            assert second.stderr.count("\n") == 1
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=240) == 0
    assert list(tmp_path.glob("*.yaml")) == []
