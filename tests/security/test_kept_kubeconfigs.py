"""A kubeconfig that is given to the page is kept only for a check that is accepted, and not for ever."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from arcway import kubeconfig_upload
from arcway.azure import secrets as product
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.owners import SecretUser
from arcway.domain.secret_names import SecretKind
from arcway.kubeconfig_upload import KEPT, KubeconfigUpload, storing
from arcway.settings import read_settings

GIVEN = KubeconfigUpload("arcway-kubeconfig-0123456789", "a kubeconfig")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    environment = {"ARCWAY_LOCAL": "1", "WEBSITE_HOSTNAME": "127.0.0.1", "ARCWAY_SECRETS_DIR": str(tmp_path)}
    configuration = read_settings(environment)
    monkeypatch.setattr(product, "settings", lambda: configuration)
    return tmp_path


def read() -> str:
    return product.read_secret(GIVEN.secret, SecretKind.KUBECONFIG, user=SecretUser())


async def test_it_is_there_for_the_run_and_for_a_week() -> None:
    async with storing(GIVEN):
        assert read() == GIVEN.kubeconfig
    assert read() == GIVEN.kubeconfig
    now = datetime.now(UTC)
    assert kubeconfig_upload.forget_expired(now) == []
    assert kubeconfig_upload.forget_expired(now + KEPT + timedelta(minutes=1)) == [GIVEN.secret]


async def test_nothing_is_kept_of_a_check_that_is_refused() -> None:
    with pytest.raises(ArcError, match=Code.RUN_IN_PROGRESS):
        async with storing(GIVEN):
            raise ArcError(Code.RUN_IN_PROGRESS)
    with pytest.raises(ArcError, match="does not exist"):
        read()


async def test_one_that_another_run_needs_stays_when_a_check_is_refused() -> None:
    async with storing(GIVEN):
        pass
    with pytest.raises(ArcError, match=Code.RUN_IN_PROGRESS):
        async with storing(GIVEN):
            raise ArcError(Code.RUN_IN_PROGRESS)
    assert read() == GIVEN.kubeconfig
