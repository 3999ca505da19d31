"""The package, built once for all tests of this folder."""

from pathlib import Path

import pytest

from tools import package


class Package:
    """A built package."""

    def __init__(self, folder: Path) -> None:
        self.sizes = package.build(folder)
        self.app, self.archive = folder / "app", folder / "arcway.zip"
        self.site = self.app / package.SITE


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The package for the default back end."""
    return Package(tmp_path_factory.mktemp("package"))
