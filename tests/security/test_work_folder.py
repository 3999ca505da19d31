"""The work folder belongs to this user alone: others can neither read it, nor put a chart or a program into it."""

import hashlib
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from arcway.cluster.helm import helm_for
from arcway.cluster.helm.chart_cache import ChartCache, ca_bundle
from arcway.cluster.helm.cli import HelmProgram
from arcway.cluster.helm.pool import WorkerPool
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.settings import Settings, SettingsError, read_settings
from tests.installations import LOCAL

DIGEST = "sha256:" + "a" * 64


def mode_of(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode)


def reachable_by_group(folder: Path) -> Path:
    folder.mkdir()
    folder.chmod(0o750)
    return folder


def reachable_by_all(folder: Path) -> Path:
    folder.mkdir()
    folder.chmod(0o701)
    return folder


def symbolic_link(folder: Path) -> Path:
    (folder.parent / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(folder.parent / "elsewhere")
    return folder


def dangling_link(folder: Path) -> Path:
    folder.symlink_to(folder.parent / "nowhere")
    return folder


def file(folder: Path) -> Path:
    folder.write_text("")
    folder.chmod(0o600)
    return folder


BAD = [reachable_by_group, reachable_by_all, symbolic_link, dangling_link, file]


@pytest.mark.parametrize("make", BAD)
def test_a_folder_that_others_reach_keeps_the_app_from_starting(make: Callable[[Path], Path], tmp_path: Path) -> None:
    folder = make(tmp_path / "work")
    with pytest.raises(SettingsError, match="ARCWAY_WORK_DIR "):
        read_settings({**LOCAL, "ARCWAY_WORK_DIR": str(folder)})


@pytest.mark.parametrize("make", BAD)
@pytest.mark.parametrize("adapter", ["library", "program"])
def test_helm_does_not_work_in_a_folder_that_others_reach(
    adapter: str, make: Callable[[Path], Path], tmp_path: Path
) -> None:
    folder = make(tmp_path / "work")
    program = tmp_path / "helm"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o700)
    helm = WorkerPool(folder, 1, None) if adapter == "library" else HelmProgram(program, folder, 1, None)
    with pytest.raises(ArcError) as caught:
        helm.digest_of("registry.example/chart:1.0.0")
    assert (caught.value.code, caught.value.retryable) == (Code.HELM_TIMEOUT, False)
    assert str(folder) in caught.value.message


def test_a_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir(mode=0o700)
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    with pytest.raises(SettingsError, match="belongs to another user"):
        read_settings({**LOCAL, "ARCWAY_WORK_DIR": str(tmp_path / "work")})


def test_what_is_made_is_private_whatever_the_umask(tmp_path: Path) -> None:
    umask_before = os.umask(0)
    try:
        cache = ChartCache(tmp_path / "state" / "helm" / "charts")
        cache.put(DIGEST, b"archive")
        ca_file = tmp_path / "ca.pem"
        ca_file.write_text("ca")
        assert ca_bundle(tmp_path / "other", str(ca_file))
    finally:
        os.umask(umask_before)
    for folder in ("state", "state/helm", "state/helm/charts", "other"):
        assert mode_of(tmp_path / folder) == 0o700


def test_without_a_setting_the_folder_has_no_name_that_others_know() -> None:
    pool = cast("WorkerPool", helm_for(read_settings(LOCAL)))
    try:
        folder = pool._work_dir
        assert (folder.parent, folder.name[:7]) == (Path(tempfile.gettempdir()), "arcway-")
        assert mode_of(folder) == 0o700
        # Each process has another one.
        program = "from arcway.private_folder import process_folder; print(process_folder())"
        completed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert completed.stdout.strip() not in ("", str(folder))
    finally:
        pool.close()


def test_the_name_of_an_installation_stays_what_it_was(tmp_path: Path) -> None:
    def name(environment: dict[str, str]) -> str:
        settings: Settings = read_settings({**LOCAL, **environment})
        return settings.installation_name

    assert name({}) == name({}) == f"local-{hashlib.sha256(tempfile.gettempdir().encode()).hexdigest()[:12]}"
    assert (
        name({"ARCWAY_WORK_DIR": str(tmp_path)}) == f"local-{hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]}"
    )


def test_an_archive_that_was_changed_in_the_cache_is_not_used(tmp_path: Path) -> None:
    cache = ChartCache(tmp_path / "charts")
    cache.put(DIGEST, b"archive")
    assert cache.get(DIGEST) == b"archive"
    (path,) = (tmp_path / "charts").iterdir()
    path.write_bytes(b"another")
    assert cache.get(DIGEST) is None
    assert list((tmp_path / "charts").iterdir()) == []


@pytest.mark.parametrize("digest", ["sha256:*", "../../etc/passwd", "sha256:" + "A" * 64, "md5:" + "a" * 64, ""])
def test_only_a_digest_names_an_archive(digest: str, tmp_path: Path) -> None:
    cache = ChartCache(tmp_path / "charts")
    cache.put(DIGEST, b"archive")
    with pytest.raises(ArcError, match=Code.CHART_UNAVAILABLE):
        cache.get(digest)
    with pytest.raises(ArcError, match=Code.CHART_UNAVAILABLE):
        cache.put(digest, b"archive")
