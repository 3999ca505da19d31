"""Keeping a secret that was handed over."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from arcway.azure import secrets
from arcway.domain.errors import ArcError
from arcway.settings import Settings, read_settings

type Tell = Callable[..., Settings]


@pytest.fixture
def tell(monkeypatch: pytest.MonkeyPatch) -> Tell:
    def use(**environment: str) -> Settings:
        here = read_settings({"ARCWAY_LOCAL": "1", "WEBSITE_HOSTNAME": "127.0.0.1", **environment})
        monkeypatch.setattr(secrets, "settings", lambda: here)
        return here

    return use


def test_the_folder_keeps_it_for_its_owner_alone(tell: Tell, tmp_path: Path) -> None:
    tell(ARCWAY_SECRETS_DIR=str(tmp_path))
    for text in ("first", "sécond"):
        secrets.store_secret("arcway-kubeconfig-1", text)
        assert secrets.read_secret("arcway-kubeconfig-1") == text
    assert [path.name for path in tmp_path.iterdir()] == ["arcway-kubeconfig-1"]
    assert stat.S_IMODE((tmp_path / "arcway-kubeconfig-1").stat().st_mode) == 0o600


def test_a_link_is_replaced_and_not_followed(tell: Tell, tmp_path: Path) -> None:
    tell(ARCWAY_SECRETS_DIR=str(tmp_path))
    (tmp_path / "other").write_text("untouched")
    (tmp_path / "arcway-x").symlink_to(tmp_path / "other")
    secrets.store_secret("arcway-x", "new")
    assert (tmp_path / "other").read_text() == "untouched"


@pytest.mark.parametrize("name", ["page-secret", "arcway-../x", "arcway-", "arcway-a/b"])
def test_other_names_are_refused(tell: Tell, tmp_path: Path, name: str) -> None:
    tell(ARCWAY_SECRETS_DIR=str(tmp_path))
    with pytest.raises(ArcError, match="ARC-2001"):
        secrets.store_secret(name, "text")
    assert list(tmp_path.iterdir()) == []


def test_without_a_place_it_is_refused(tell: Tell, tmp_path: Path) -> None:
    tell()
    with pytest.raises(ArcError, match="ARC-2024"):
        secrets.store_secret("arcway-x", "text")
    tell(ARCWAY_SECRETS_DIR=str(tmp_path / "missing"))
    with pytest.raises(ArcError, match="ARC-2024"):
        secrets.store_secret("arcway-x", "text")
