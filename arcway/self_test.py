"""Whether this process can work where it runs: settings that fit, a work folder, files in memory, Helm's library.

The quick parts are reported when the process starts; Helm's part starts a worker, so it waits until health is asked for
the first time.
"""

import tempfile
from dataclasses import dataclass

from arcway.cluster.helm.chart_cache import work_folder
from arcway.domain.errors import ArcError
from arcway.domain.observations import observe
from arcway.installation import Installation
from arcway.private_file import memory_file_problem
from arcway.private_folder import process_folder
from arcway.settings import Settings
from arcway.telemetry import log


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What is wrong with each part, None for nothing."""

    settings: str | None
    work_folder: str | None
    memory_files: str | None
    """Not a failure: secrets then are in files of a private folder for the time of a call."""
    helm: str | None

    @property
    def passed(self) -> bool:
        """Whether the process can do its work."""
        return self.settings is None and self.work_folder is None and self.helm is None


def report_at_start(installation: Installation) -> None:
    """Log what is wrong of the quick parts, a line each."""
    settings = installation.settings
    memory = memory_file_problem()
    for part, problem in (
        ("settings", _settings_problem(settings)),
        ("work folder", _work_folder_problem(settings)),
        ("files in memory", f"{memory}; secrets are kept in a private folder instead" if memory else None),
    ):
        if problem:
            log.warning("self-test: %s: %s", part, problem)


def run_self_test(installation: Installation) -> SelfTest:
    """Test every part. Blocks until Helm's library is loaded: a second or so, at most as long as a Helm call."""
    settings = installation.settings
    try:
        installation.helm.check()
        helm = None
    except (ArcError, OSError) as error:
        helm = str(error)
    test = SelfTest(_settings_problem(settings), _work_folder_problem(settings), memory_file_problem(), helm)
    for part, problem in (("settings", test.settings), ("workFolder", test.work_folder), ("helm", test.helm)):
        if problem:
            observe("selfTest", part=part)
    return test


def _settings_problem(settings: Settings) -> str | None:
    """Settings that are right one by one, but with which no cluster can be reached or no user can sign in."""
    if settings.vaults or settings.secrets_dir:
        return None
    if settings.authority and settings.authority.secret_name:
        return "ARCWAY_VAULTS names no vault, so neither kubeconfigs nor the page's client secret can be read"
    return "ARCWAY_VAULTS names no vault, so no kubeconfig can be read"


def _work_folder_problem(settings: Settings) -> str | None:
    try:
        with tempfile.TemporaryFile(dir=work_folder(settings.work_dir or process_folder())) as file:
            file.write(b"content")
            file.flush()
    except (ArcError, OSError) as error:
        return str(error)
    return None
