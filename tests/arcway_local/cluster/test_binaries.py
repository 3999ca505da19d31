"""Where the programs of the real control plane are kept, and what is said when they cannot be built."""

import dataclasses
import shutil
from pathlib import Path

import pytest

from arcway_local.cluster.real import binaries
from arcway_local.cluster.real.binaries import CONTROL_PLANE, BuildError, Module


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Module:
    """A copy of the control plane's module, with a cache of its own."""
    shutil.copytree(binaries.TOOLS / "control-plane", tmp_path / "tools" / "control-plane")
    monkeypatch.setattr(binaries, "TOOLS", tmp_path / "tools")
    monkeypatch.setenv("ARCWAY_CACHE", str(tmp_path / "cache"))
    return CONTROL_PLANE


def test_each_version_has_a_folder_of_its_own(module: Module, tmp_path: Path) -> None:
    first = module.folder
    assert first.is_relative_to(tmp_path / "cache")
    assert module.folder == first
    flags = dataclasses.replace(module, definitions=("a=b",))
    assert flags.folder != first
    with (tmp_path / "tools" / "control-plane" / "go.sum").open("a") as sums:
        sums.write("\n")
    assert module.folder != first


def test_only_a_whole_set_of_programs_counts(module: Module) -> None:
    module.folder.mkdir(parents=True)
    for program in module.programs:
        assert not module.is_built()
        (module.folder / program).touch()
    assert module.is_built()
    assert module.build() == module.folder


def test_without_go_one_sentence_says_what_is_missing(module: Module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(BuildError, match=r"needs Go 1\.26 or newer"):
        module.build()


def test_what_the_compiler_says_is_passed_on(module: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = tmp_path / "go"
    go.write_text("#!/bin/sh\necho 'no space left' >&2\nexit 1\n")
    go.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(go))
    with pytest.raises(BuildError, match="etcd cannot be built: no space left"):
        module.build()
    assert not module.is_built()
