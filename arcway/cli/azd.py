"""The Arcway that `azd up` deployed from this clone: its address and scope, from azd's environment.

Only the folder of this clone is read, never the current one: a folder from elsewhere could name a server of its own,
and the scope of another service's tokens with it.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from arcway.cli.embedded import APP_DIR
from arcway.domain.urls import is_url

_SCOPE = re.compile(r"api://[0-9A-Fa-f-]{36}/\.default")
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")
_LINE = re.compile(r'^(ARCWAY_SERVER|ARCWAY_SCOPE)="?([^"\n]*)"?$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where the service is, and the scope of its tokens."""

    server: str
    scope: str


def deployment(project: Path = APP_DIR) -> Deployment | None:
    """The service of azd's default environment; None without one, or when its values are not such as azd writes."""
    folder = project / ".azure"
    try:
        name = json.loads((folder / "config.json").read_text(encoding="utf-8"))["defaultEnvironment"]
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            return None
        values = dict(_LINE.findall((folder / name / ".env").read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    server, scope = values.get("ARCWAY_SERVER", ""), values.get("ARCWAY_SCOPE", "")
    if not is_url(server, "https") or not _SCOPE.fullmatch(scope):
        return None
    return Deployment(server, scope)
