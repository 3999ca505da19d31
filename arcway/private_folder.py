"""Folders that only this user can reach."""

import atexit
import os
import shutil
import stat
import tempfile
from functools import cache
from pathlib import Path


def folder_problem(folder: Path) -> str | None:
    """What is wrong with an existing folder, as a phrase that follows its name; None when nothing is or none exists."""
    try:
        status = folder.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if not stat.S_ISDIR(status.st_mode):
        return "is a symbolic link" if stat.S_ISLNK(status.st_mode) else "is not a folder"
    if status.st_uid != os.geteuid():
        return "belongs to another user"
    if stat.S_IMODE(status.st_mode) & 0o077:
        return "is accessible to other users; restrict it to its owner (chmod 700)"
    return None


def make_private(folder: Path) -> Path:
    """Make a folder with mode 0700, and its missing parents, where there is none.

    Raises PermissionError when the folder that is there is not private.
    """
    missing = []
    for parent in (folder, *folder.parents):
        if parent.exists() or parent.is_symlink():
            break
        missing.append(parent)
    for parent in reversed(missing):
        parent.mkdir(mode=0o700, exist_ok=True)
    if problem := folder_problem(folder):
        raise PermissionError(f"{folder} {problem}.")
    return folder


@cache
def process_folder() -> Path:
    """A private folder of this process under an unpredictable name; it is removed when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="arcway-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
