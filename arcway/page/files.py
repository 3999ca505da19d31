"""The page's static files: read once, named by their content so that browsers may cache them without end.

There are the files listed here and no others, so no name leads out of the folder.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PLACE = "/api/page"
"""Where the page is served."""

_FOLDER = Path(__file__).parent / "static"
_FILES = {
    "page.css": ("page.css", "text/css"),
    "page.js": ("page.js", "text/javascript"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
    "htmx.min.js": ("vendor/htmx.min.js", "text/javascript"),
    "htmx.LICENSE": ("vendor/htmx.LICENSE", "text/plain"),
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file; `version` changes with its content."""

    content: bytes
    media_type: str
    version: str


@cache
def static_file(name: str) -> StaticFile | None:
    """The file of this name, None when the page has none such."""
    if name not in _FILES:
        return None
    path, media_type = _FILES[name]
    content = (_FOLDER / path).read_bytes()
    return StaticFile(content, media_type, hashlib.sha256(content).hexdigest()[:16])


def address_of(name: str) -> str:
    """The address of a static file, which is another one when its content is. Raises `KeyError`."""
    if (file := static_file(name)) is None:
        raise KeyError(name)
    return f"{PLACE}/static/{name}?v={file.version}"
