"""Takes one context out of the user's kubeconfig, so that no other cluster's credential leaves the machine.

Must not judge it: the service's policy does. Must not run anything it names.
"""

import json
import os
from pathlib import Path
from typing import Any

import yaml

from arcway.cli.server import USAGE, CommandError


def one_context(path: Path | None, context: str | None) -> str:
    """A kubeconfig of one context, as JSON. Raises `CommandError` when the file or the context is not there."""
    file = path or Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")
    try:
        document = yaml.safe_load(file.read_text())
        name = context or document["current-context"]
        chosen = _named(document, "context", name)
        cluster, user = _named(document, "cluster", chosen["cluster"]), _named(document, "user", chosen["user"])
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"ARC-2002: {file} cannot be read: {error}.", USAGE) from error
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        text = (
            f"ARC-2002: {file} is no kubeconfig with context {context or '(current)'}: {type(error).__name__} {error}."
        )
        raise CommandError(text, USAGE, remedy="See `kubectl config get-contexts`.") from error
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "contexts": [{"name": name, "context": {"cluster": chosen["cluster"], "user": chosen["user"]}}],
            "clusters": [{"name": chosen["cluster"], "cluster": cluster}],
            "users": [{"name": chosen["user"], "user": user}],
        }
    )


def _named(document: Any, kind: str, name: str) -> Any:
    for item in document[f"{kind}s"]:
        if item["name"] == name:
            return item[kind]
    raise KeyError(f"{kind} {name}")
