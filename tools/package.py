"""Builds the package that is deployed: `python -m tools.package [--back-end scheduler|storage|mssql]`.

Writes the folder `app` and `arcway.zip`, byte-identical for the same sources. Needs Python and pip and nothing else, on
any system: what it installs are wheels for Linux, by their hashes, whatever system builds. Exits with 1 and a sentence
when the package cannot be made or is larger than an instance of Flex Consumption should take.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BACK_ENDS = {"scheduler": "host.json", "storage": "infra/host.storage.json", "mssql": "infra/host.mssql.json"}
OWN_PARTS = ("function_app.py", "requirements.txt", "LICENSE", "activities", "arcway", "orchestrators", "triggers")
NOT_DEPLOYED = ("arcway/cli",)
SITE = Path(".python_packages/lib/site-packages")
UNPACKED_MEGABYTES, ZIPPED_MEGABYTES = 240, 60
_MEGABYTE = 1_000_000
# Newest first: pip takes the first wheel that fits. The Functions image for Python 3.13 has glibc 2.36.
_PLATFORMS = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014")
# One library under three names of 85 MB each, of which the loader tries this one first.
_HELM_LIBRARIES = "helm_python/lib"
# The asynchronous client, which nothing imports.
_UNUSED = ("kubernetes/aio", "bin")
# The earliest time that a zip file can hold.
_TIME = (1980, 1, 1, 0, 0, 0)


class PackageError(Exception):
    """One sentence why there is no package."""


@dataclass(frozen=True)
class Sizes:
    """What was built: bytes and files."""

    files: int
    unpacked: int
    zipped: int

    def check(self) -> None:
        """Raise `PackageError` when the package is larger than it may be."""
        for size, limit, state in (
            (self.unpacked, UNPACKED_MEGABYTES, "unpacked"),
            (self.zipped, ZIPPED_MEGABYTES, "zipped"),
        ):
            if size > limit * _MEGABYTE:
                raise PackageError(f"The package has {size / _MEGABYTE:.1f} MB {state}; the limit is {limit} MB.")

    def __str__(self) -> str:
        megabytes = f"{self.unpacked / _MEGABYTE:.1f} MB unpacked, {self.zipped / _MEGABYTE:.1f} MB zipped"
        return f"{self.files} files, {megabytes} (limits: {UNPACKED_MEGABYTES} and {ZIPPED_MEGABYTES} MB)"


def build(output: Path, back_end: str = "scheduler", machine: str = "x86_64") -> Sizes:
    """Build the package into `output`, replacing what an earlier build left there. Raises `PackageError`."""
    app, archive = output / "app", output / "arcway.zip"
    output.mkdir(parents=True, exist_ok=True)
    archive.unlink(missing_ok=True)
    shutil.rmtree(app, ignore_errors=True)
    copy_own_files(app, back_end)
    install(app / SITE, machine)
    trim(app / SITE)
    files = sorted(path for path in app.rglob("*") if path.is_file())
    write_zip(archive, app, files)
    sizes = Sizes(len(files), sum(path.stat().st_size for path in files), archive.stat().st_size)
    sizes.check()
    return sizes


def copy_own_files(app: Path, back_end: str) -> None:
    """Copy the product's files that are deployed, with the host.json of the back end."""
    for source in own_files():
        target = app / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    host = (ROOT / BACK_ENDS[back_end]).read_text()
    json.loads(host)
    (app / "host.json").write_text(host)


def own_files() -> Iterator[Path]:
    """The product's files that are deployed, but for host.json."""
    for name in OWN_PARTS:
        part = ROOT / name
        for path in sorted(part.rglob("*")) if part.is_dir() else [part]:
            relative = path.relative_to(ROOT).as_posix()
            is_left_out = relative.startswith(tuple(f"{folder}/" for folder in NOT_DEPLOYED))
            is_cache = any(part == "__pycache__" or part.startswith(".") for part in relative.split("/"))
            if path.is_file() and not (is_left_out or is_cache):
                yield path


def install(site: Path, machine: str) -> None:
    """Install what requirements.txt pins, for Linux. Raises `PackageError`."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    # The pins are complete: without --no-deps pip would ask for what the building system needs beside them.
    command += ["--require-hashes", "--no-deps", "--only-binary=:all:", "--no-compile", "--target", str(site)]
    # The check is of the Python that builds, not of the one that is built for.
    command += ["--implementation", "cp", "--python-version", "3.13", "--ignore-requires-python"]
    for platform in _PLATFORMS:
        command += ["--platform", f"{platform}_{machine}"]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    completed = subprocess.run(
        [*command, "--requirement", str(ROOT / "requirements.txt")], env=environment, check=False
    )
    if completed.returncode:
        raise PackageError("pip could not install requirements.txt; its message is above.")


def trim(site: Path) -> None:
    """Remove what is there twice or that nothing imports. Raises `PackageError` when the library is not as expected."""
    libraries = sorted((site / _HELM_LIBRARIES).glob("libhelm_c.so*"), key=lambda path: len(path.name))
    if not libraries:
        raise PackageError("The Helm package has no library for Linux; see requirements.txt.")
    kept = libraries.pop()
    for spare in libraries:
        if spare.read_bytes() != kept.read_bytes():
            raise PackageError(f"{spare.name} and {kept.name} differ, so neither can be left out.")
        spare.unlink()
    for name in _UNUSED:
        shutil.rmtree(site / name, ignore_errors=True)
    # What pip notes of its own work differs from one version of pip to the next.
    for name in ("RECORD", "INSTALLER", "REQUESTED"):
        for file in site.glob(f"*.dist-info/{name}"):
            file.unlink()


def write_zip(archive: Path, app: Path, files: Sequence[Path]) -> None:
    """Write the files in their order, with one time and one mode for all."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as target:
        for path in files:
            entry = zipfile.ZipInfo(path.relative_to(app).as_posix(), _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            target.writestr(entry, path.read_bytes(), compresslevel=6)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build and print the sizes."""
    parser = argparse.ArgumentParser(prog="scripts/package", description="Build the package that is deployed to Azure.")
    parser.add_argument(
        "--back-end",
        choices=sorted(BACK_ENDS),
        default=os.environ.get("DURABLE_BACKEND") or "scheduler",
        help="where the workflow keeps its state; default: the setting DURABLE_BACKEND, or scheduler",
    )
    parser.add_argument("--machine", choices=("x86_64", "aarch64"), default="x86_64", help="default: x86_64")
    parser.add_argument("--output", type=Path, default=ROOT / ".package", help="folder; default: .package")
    chosen = parser.parse_args(arguments)
    if chosen.back_end not in BACK_ENDS:
        parser.error(f"DURABLE_BACKEND must be one of {', '.join(sorted(BACK_ENDS))}, not {chosen.back_end}")
    try:
        sizes = build(chosen.output, chosen.back_end, chosen.machine)
    except PackageError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{chosen.output / 'arcway.zip'}: {sizes}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
