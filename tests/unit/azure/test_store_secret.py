"""Keeping a kubeconfig that was handed over, for as long as it was kept for."""

import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from arcway.azure import secrets
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.secret_names import SecretKind
from arcway.private_file import write_private
from arcway.settings import Settings, read_settings

type Tell = Callable[..., Settings]

LATER = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
def tell(monkeypatch: pytest.MonkeyPatch) -> Tell:
    def use(**environment: str) -> Settings:
        configuration = read_settings({"ARCWAY_LOCAL": "1", "WEBSITE_HOSTNAME": "127.0.0.1", **environment})
        monkeypatch.setattr(secrets, "settings", lambda: configuration)
        return configuration

    return use


def read(name: str) -> str:
    return secrets.read_secret(name, SecretKind.KUBECONFIG, user=None)


def test_the_folder_keeps_it_for_its_owner_alone(tell: Tell, tmp_path: Path) -> None:
    tell(ARCWAY_SECRETS_DIR=str(tmp_path))
    assert secrets.store_secret("arcway-kubeconfig-1", "first", LATER) is True
    assert secrets.store_secret("arcway-kubeconfig-1", "sécond", LATER) is False
    assert read("arcway-kubeconfig-1") == "sécond"
    names = ["arcway-kubeconfig-1", "arcway-kubeconfig-1.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in names} == {0o600}


def test_what_has_expired_cannot_be_used_and_is_deleted(tell: Tell, tmp_path: Path) -> None:
    tell(ARCWAY_SECRETS_DIR=str(tmp_path))
    now = datetime.now(UTC)
    secrets.store_secret("arcway-kubeconfig-old", "old", now - timedelta(seconds=1))
    secrets.store_secret("arcway-kubeconfig-new", "new", LATER)
    write_private(tmp_path / "arcway-shop", b"for good")
    with pytest.raises(ArcError, match=r"ARC-2001: .* expired"):
        read("arcway-kubeconfig-old")
    assert secrets.delete_expired(now) == ["arcway-kubeconfig-old"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".json") == [
        "arcway-kubeconfig-new",
        "arcway-shop",
    ]


def test_the_deletion_passes_over_what_others_put_there_and_what_cannot_be_read(tell: Tell, tmp_path: Path) -> None:
    tell(ARCWAY_SECRETS_DIR=str(tmp_path))
    now = datetime.now(UTC)
    write_private(tmp_path / "arcway-broken", b"x")
    write_private(tmp_path / "arcway-broken.json", b"{")
    write_private(tmp_path / "arcway-theirs", b"x")
    ended = (now - timedelta(days=1)).isoformat()
    write_private(tmp_path / "arcway-theirs.json", json.dumps({"expires": ended}).encode())
    secrets.store_secret("arcway-kubeconfig-old", "old", now - timedelta(seconds=1))
    assert secrets.delete_expired(now) == ["arcway-kubeconfig-old"]
    assert {path.name for path in tmp_path.iterdir() if path.suffix != ".json"} == {"arcway-broken", "arcway-theirs"}


def test_a_secret_of_others_stays_as_it_is(tell: Tell, tmp_path: Path) -> None:
    tell(ARCWAY_SECRETS_DIR=str(tmp_path))
    write_private(tmp_path / "arcway-kubeconfig-1", b"theirs")
    write_private(tmp_path / "arcway-kubeconfig-1.json", b'{"owners": "somebody"}')
    assert secrets.store_secret("arcway-kubeconfig-1", "mine", LATER) is False
    assert (tmp_path / "arcway-kubeconfig-1").read_text() == "theirs"


def test_a_link_is_refused_and_not_followed(tell: Tell, tmp_path: Path) -> None:
    tell(ARCWAY_SECRETS_DIR=str(tmp_path))
    (tmp_path / "other").write_text("untouched")
    (tmp_path / "arcway-x").symlink_to(tmp_path / "other")
    with pytest.raises(ArcError, match=Code.SECRET_UNUSABLE):
        secrets.store_secret("arcway-x", "new", LATER)
    assert (tmp_path / "other").read_text() == "untouched"


@pytest.mark.parametrize(
    "name", ["page-secret", "arcway-../x", "arcway-", "arcway-a/b", "arcway-page-x", "arcway-Tmp-x"]
)
def test_other_names_are_refused(tell: Tell, tmp_path: Path, name: str) -> None:
    tell(ARCWAY_SECRETS_DIR=str(tmp_path))
    with pytest.raises(ArcError, match=Code.SECRET_UNUSABLE):
        secrets.store_secret(name, "text", LATER)
    assert list(tmp_path.iterdir()) == []


def test_without_a_place_it_is_refused(tell: Tell, tmp_path: Path) -> None:
    tell()
    with pytest.raises(ArcError, match=Code.SECRET_NOT_STORED):
        secrets.store_secret("arcway-x", "text", LATER)
    tell(ARCWAY_SECRETS_DIR=str(tmp_path / "missing"))
    with pytest.raises(ArcError, match=Code.SECRET_NOT_STORED):
        secrets.store_secret("arcway-x", "text", LATER)
