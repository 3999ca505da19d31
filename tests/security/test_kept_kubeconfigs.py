"""A kubeconfig that is given to the page is kept only for a check that is accepted, and not forever."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from arcway import kubeconfig_upload
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.owners import SecretUser
from arcway.domain.secret_names import SecretKind
from arcway.installation import Installation
from arcway.kubeconfig_upload import KEPT, KubeconfigUpload, storing
from tests.installations import local_installation

GIVEN = KubeconfigUpload("arcway-kubeconfig-0123456789", "a kubeconfig")


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return local_installation(ARCWAY_SECRETS_DIR=str(tmp_path))


def read(installation: Installation) -> str:
    return installation.secrets.read(GIVEN.secret, SecretKind.KUBECONFIG, user=SecretUser())


async def test_it_is_there_for_the_run_and_for_a_week(installation: Installation) -> None:
    async with storing(installation, GIVEN):
        assert read(installation) == GIVEN.kubeconfig
    assert read(installation) == GIVEN.kubeconfig
    now = datetime.now(UTC)
    assert kubeconfig_upload.forget_expired(installation, now) == []
    assert kubeconfig_upload.forget_expired(installation, now + KEPT + timedelta(minutes=1)) == [GIVEN.secret]


async def test_nothing_is_kept_of_a_check_that_is_refused(installation: Installation) -> None:
    with pytest.raises(ArcError, match=Code.RUN_IN_PROGRESS):
        async with storing(installation, GIVEN):
            raise ArcError(Code.RUN_IN_PROGRESS)
    with pytest.raises(ArcError, match="does not exist"):
        read(installation)


async def test_one_that_another_run_needs_stays_when_a_check_is_refused(installation: Installation) -> None:
    async with storing(installation, GIVEN):
        pass
    with pytest.raises(ArcError, match=Code.RUN_IN_PROGRESS):
        async with storing(installation, GIVEN):
            raise ArcError(Code.RUN_IN_PROGRESS)
    assert read(installation) == GIVEN.kubeconfig
