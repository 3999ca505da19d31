"""Runs the commands of docs/fleet-session.md against 30 simulated clusters and writes down what they print."""

import shutil
import tempfile
from pathlib import Path

from tests.article import ROOT, Shell, replay

PAGE, FLEET = ROOT / "docs" / "fleet-session.md", ROOT / "docs" / "shops.yaml"
_CLUSTERS = 30
_PACE_SECONDS = 0.5


def write() -> None:
    """Write the page."""
    with tempfile.TemporaryDirectory(prefix="arcway-fleet-") as folder:
        shell = Shell(Path(folder), _PACE_SECONDS, _CLUSTERS)
        try:
            shutil.copy(FLEET, shell.home)
            page = replay(PAGE.read_text(), shell)
        finally:
            shell.close()
    PAGE.write_text(page)


if __name__ == "__main__":
    write()
