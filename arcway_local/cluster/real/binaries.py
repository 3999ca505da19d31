"""The programs of a real control plane, and Helm's own client: where they are cached and how they are built.

Versions and checksums are those of the Go modules under tools/; whatever changes there changes the cache's folder.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[3] / "tools"
KUBERNETES = "v1.36.3"
HELM = "v4.3.1"
_GO_MINIMUM = "1.26"


class BuildError(Exception):
    """The programs cannot be built; one sentence."""


@dataclass(frozen=True, slots=True)
class Module:
    """A Go module under tools/ and the programs made from it, by package."""

    name: str
    programs: dict[str, str]
    definitions: tuple[str, ...]
    """Values for the linker: without them clients see version v0.0.0."""

    @property
    def folder(self) -> Path:
        """Where the programs of exactly this module are cached."""
        digest = hashlib.sha256(repr((self.programs, self.definitions, platform.system(), platform.machine())).encode())
        for part in ("go.mod", "go.sum"):
            digest.update((TOOLS / self.name / part).read_bytes())
        return cache_folder() / self.name / digest.hexdigest()[:16]

    def is_built(self) -> bool:
        """Whether all its programs are cached."""
        return all((self.folder / program).is_file() for program in self.programs)

    def build(self) -> Path:
        """Build what is not cached yet; returns the folder. Raises `BuildError`."""
        with _locked(self.folder.with_suffix(".lock")):
            if not self.is_built():
                self._build()
        return self.folder

    def _build(self) -> None:
        go = _go()
        flags = "-s -w " + " ".join(f"-X {definition}" for definition in self.definitions)
        with tempfile.TemporaryDirectory(dir=self.folder.parent) as folder:
            for program, package in self.programs.items():
                target = str(Path(folder) / program)
                command = [go, "build", "-trimpath", "-buildvcs=false", f"-ldflags={flags}", "-o", target, package]
                environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
                built = subprocess.run(  # noqa: S603 - the Go compiler, no shell
                    command, cwd=TOOLS / self.name, env=environment, stderr=subprocess.PIPE, text=True, check=False
                )
                if built.returncode:
                    raise BuildError(f"{program} cannot be built: {built.stderr.strip()[-1000:]}")
            Path(folder).chmod(0o755)
            shutil.copytree(folder, self.folder, dirs_exist_ok=True)


CONTROL_PLANE = Module(
    "control-plane",
    {
        "etcd": "go.etcd.io/etcd/server/v3",
        "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
        "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
        "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
        "kwok": "sigs.k8s.io/kwok/cmd/kwok",
    },
    (
        f"k8s.io/component-base/version.gitVersion={KUBERNETES}",
        f"k8s.io/component-base/version.gitMajor={KUBERNETES[1:].split('.')[0]}",
        f"k8s.io/component-base/version.gitMinor={KUBERNETES.split('.')[1]}",
    ),
)
HELM_CLIENT = Module(
    "helm", {"helm": "helm.sh/helm/v4/cmd/helm"}, (f"helm.sh/helm/v4/internal/version.version={HELM}",)
)


def cache_folder() -> Path:
    """ARCWAY_CACHE, or `arcway` in the user's cache folder."""
    configured = os.environ.get("ARCWAY_CACHE")
    return (
        Path(configured) if configured else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "arcway"
    )


def _go() -> str:
    program = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if program is None:
        raise BuildError(f"Building the control plane needs Go {_GO_MINIMUM} or newer on the PATH.")
    return program


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Of two builders that start at once, one waits for the other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
