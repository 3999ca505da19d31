"""The package that is deployed: how large it is, what is in it, and that the app is indexed from it alone."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.conftest import Package
from tests.deploy.test_templates import template_settings
from tools import package

pytestmark = [pytest.mark.xdist_group("package"), pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
# Microsoft's worker library comes with the platform, not with the package: it is the last place that is searched.
_INDEX = """
import asyncio, json, sys
from pathlib import Path
from arcway_local.functions.worker import Worker
async def main():
    worker = Worker()
    await worker.load(Path(sys.argv[1]))
    loaded = sorted({str(Path(m.__file__)) for m in list(sys.modules.values()) if getattr(m, "__file__", None)})
    print(json.dumps({"functions": [f.name for f in worker.functions], "files": loaded}))
asyncio.run(main())
"""
# The second is loaded with any virtual environment.
_OF_THE_PLATFORM = ("azure_functions_runtime", "_distutils_hack", "arcway_local")


def run_from(built: Package, *arguments: str, path: tuple[Path, ...] = (), **settings: str) -> str:
    """Run Python with the package before everything else on its path."""
    search = os.pathsep.join(map(str, (built.site, built.app, *path)))
    environment = {"PATH": os.defpath, "PYTHONPATH": search, "HOME": str(built.app.parent), **settings}
    completed = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        env={**environment, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONSAFEPATH": "1"},
        cwd=built.app,
        timeout=120,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
    return completed.stdout


def test_package_is_within_its_limits(built: Package) -> None:
    with zipfile.ZipFile(built.archive) as archive:
        entries = archive.infolist()
    unpacked = sum(entry.file_size for entry in entries)
    assert (built.sizes.files, built.sizes.unpacked) == (len(entries), unpacked)
    assert unpacked <= 240_000_000
    assert built.archive.stat().st_size <= 60_000_000


@pytest.mark.parametrize(("unpacked", "zipped"), [(240_000_001, 1), (1, 60_000_001)])
def test_package_over_a_limit_is_refused(unpacked: int, zipped: int) -> None:
    with pytest.raises(package.PackageError, match="the limit is"):
        package.Sizes(1, unpacked, zipped).check()


def test_package_has_one_copy_of_the_helm_library(built: Package) -> None:
    assert len(list(built.app.rglob("libhelm_c*"))) == 1


def test_libraries_that_differ_are_not_trimmed(tmp_path: Path) -> None:
    folder = tmp_path / "helm_python" / "lib"
    folder.mkdir(parents=True)
    (folder / "libhelm_c.so").write_bytes(b"old")
    (folder / "libhelm_c.so.0").write_bytes(b"new")
    with pytest.raises(package.PackageError, match="differ"):
        package.trim(tmp_path)


def test_helm_library_loads_from_the_package(built: Package) -> None:
    code = "import helm_python, json; from helm_python import _native; print(helm_python.__file__)"
    assert run_from(built, "-c", code).strip().startswith(str(built.site))


def test_app_is_indexed_from_the_package_alone(built: Package) -> None:
    document: dict[str, Any] = json.loads(
        run_from(built, "-c", _INDEX, str(built.app), path=(ROOT,), **template_settings())
    )
    assert len(document["functions"]) >= 60
    venv = Path(sys.prefix)
    elsewhere = {file for file in document["files"] if file.startswith((str(venv), str(ROOT)))}
    packages = {Path(file).relative_to(venv).parts[3] for file in elsewhere if file.startswith(str(venv))}
    own = {Path(file).relative_to(ROOT).parts[0] for file in elsewhere if not file.startswith(str(venv))}
    assert packages | own <= set(_OF_THE_PLATFORM)
    assert {Path(file).name for file in document["files"] if file.startswith(str(built.site))}


def test_funcignore_leaves_out_what_the_package_leaves_out() -> None:
    """Git reads the patterns: another reader than the one that wrote them."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    files = set(subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0"))
    ignoring = ["git", "ls-files", "-z", "--cached", "--ignored", "--exclude-from=.funcignore"]
    ignored = set(subprocess.run(ignoring, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0"))
    ignoring[3] = "--others"
    ignored |= set(subprocess.run(ignoring, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0"))
    existing = {name for name in files - ignored if name and (ROOT / name).is_file()}
    deployed = {path.relative_to(ROOT).as_posix() for path in package.own_files()} | {"host.json"}
    assert existing == deployed


def test_nothing_inside_of_a_package_is_left_out() -> None:
    patterns = [line for line in (ROOT / ".funcignore").read_text().splitlines() if line and line[0] != "#"]
    assert all(pattern.startswith("/") for pattern in patterns if pattern not in ("__pycache__/", ".ruff_cache/"))


@pytest.mark.parametrize("back_end", package.BACK_ENDS)
def test_package_has_the_host_json_of_its_back_end(tmp_path: Path, back_end: str) -> None:
    package.copy_own_files(tmp_path, back_end)
    assert (tmp_path / "host.json").read_text() == (ROOT / package.BACK_ENDS[back_end]).read_text()


def test_unknown_back_end_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DURABLE_BACKEND", "netherite")
    with pytest.raises(SystemExit):
        package.main([])
    assert "DURABLE_BACKEND must be one of mssql, scheduler, storage, not netherite" in capsys.readouterr().err
