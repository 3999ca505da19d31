"""Keeping a kubeconfig that was handed over, for as long as it was kept for."""

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from arcway.azure.secrets import Secrets
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.secret_names import SecretKind
from arcway.private_file import write_private
from tests.installations import local_installation

LATER = datetime.now(UTC) + timedelta(days=1)


def secrets_of(**environment: str) -> Secrets:
    return local_installation(**environment).secrets


def read(secrets: Secrets, name: str) -> str:
    return secrets.read(name, SecretKind.KUBECONFIG, user=None)


def test_the_folder_keeps_it_for_its_owner_alone(tmp_path: Path) -> None:
    secrets = secrets_of(ARCWAY_SECRETS_DIR=str(tmp_path))
    assert secrets.store("arcway-kubeconfig-1", "first", LATER) is True
    assert secrets.store("arcway-kubeconfig-1", "sécond", LATER) is False
    assert read(secrets, "arcway-kubeconfig-1") == "sécond"
    names = ["arcway-kubeconfig-1", "arcway-kubeconfig-1.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in names} == {0o600}


def test_what_has_expired_cannot_be_used_and_is_deleted(tmp_path: Path) -> None:
    secrets = secrets_of(ARCWAY_SECRETS_DIR=str(tmp_path))
    now = datetime.now(UTC)
    secrets.store("arcway-kubeconfig-old", "old", now - timedelta(seconds=1))
    secrets.store("arcway-kubeconfig-new", "new", LATER)
    write_private(tmp_path / "arcway-shop", b"for good")
    with pytest.raises(ArcError, match=r"ARC-2001: .* expired"):
        read(secrets, "arcway-kubeconfig-old")
    assert secrets.delete_expired(now) == ["arcway-kubeconfig-old"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".json") == [
        "arcway-kubeconfig-new",
        "arcway-shop",
    ]


def test_the_deletion_passes_over_what_others_put_there_and_what_cannot_be_read(tmp_path: Path) -> None:
    secrets = secrets_of(ARCWAY_SECRETS_DIR=str(tmp_path))
    now = datetime.now(UTC)
    write_private(tmp_path / "arcway-broken", b"x")
    write_private(tmp_path / "arcway-broken.json", b"{")
    write_private(tmp_path / "arcway-theirs", b"x")
    ended = (now - timedelta(days=1)).isoformat()
    write_private(tmp_path / "arcway-theirs.json", json.dumps({"expires": ended}).encode())
    secrets.store("arcway-kubeconfig-old", "old", now - timedelta(seconds=1))
    assert secrets.delete_expired(now) == ["arcway-kubeconfig-old"]
    assert {path.name for path in tmp_path.iterdir() if path.suffix != ".json"} == {"arcway-broken", "arcway-theirs"}


def test_a_secret_of_others_stays_as_it_is(tmp_path: Path) -> None:
    secrets = secrets_of(ARCWAY_SECRETS_DIR=str(tmp_path))
    write_private(tmp_path / "arcway-kubeconfig-1", b"theirs")
    write_private(tmp_path / "arcway-kubeconfig-1.json", b'{"owners": "somebody"}')
    assert secrets.store("arcway-kubeconfig-1", "mine", LATER) is False
    assert (tmp_path / "arcway-kubeconfig-1").read_text() == "theirs"


def test_a_link_is_refused_and_not_followed(tmp_path: Path) -> None:
    secrets = secrets_of(ARCWAY_SECRETS_DIR=str(tmp_path))
    (tmp_path / "other").write_text("untouched")
    (tmp_path / "arcway-x").symlink_to(tmp_path / "other")
    with pytest.raises(ArcError, match=Code.SECRET_UNUSABLE):
        secrets.store("arcway-x", "new", LATER)
    assert (tmp_path / "other").read_text() == "untouched"


@pytest.mark.parametrize(
    "name", ["page-secret", "arcway-../x", "arcway-", "arcway-a/b", "arcway-page-x", "arcway-Tmp-x"]
)
def test_other_names_are_refused(tmp_path: Path, name: str) -> None:
    secrets = secrets_of(ARCWAY_SECRETS_DIR=str(tmp_path))
    with pytest.raises(ArcError, match=Code.SECRET_UNUSABLE):
        secrets.store(name, "text", LATER)
    assert list(tmp_path.iterdir()) == []


def test_without_a_place_it_is_refused(tmp_path: Path) -> None:
    secrets = secrets_of()
    with pytest.raises(ArcError, match=Code.SECRET_NOT_STORED):
        secrets.store("arcway-x", "text", LATER)
    secrets = secrets_of(ARCWAY_SECRETS_DIR=str(tmp_path / "missing"))
    with pytest.raises(ArcError, match=Code.SECRET_NOT_STORED):
        secrets.store("arcway-x", "text", LATER)
