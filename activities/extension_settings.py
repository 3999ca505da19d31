"""Protected settings, read for the step that needs them: values, and when each was written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from activities.step import Call
from arcway.domain.model import SecretReference
from arcway.domain.secret_names import SecretKind


@dataclass(frozen=True, slots=True)
class ProtectedSettings:
    """By name: the values, and when the secret of each was last changed (None if that is not known)."""

    values: Mapping[str, str] = field(repr=False)
    written: Mapping[str, datetime | None]


def read_protected_settings[N: str](
    call: Call[Any], references: Mapping[N, SecretReference], kind: SecretKind = SecretKind.EXTENSION_SETTING
) -> ProtectedSettings:
    """The settings that the references name.

    Raises `ArcError` ARC-2001 or ARC-2040 for a secret that cannot be used.
    """
    secrets = call.installation.secrets
    read = {
        name: secrets.read_with_time(reference.secret, kind, user=call.user) for name, reference in references.items()
    }
    return ProtectedSettings(
        {name: value for name, (value, _) in read.items()}, {name: time for name, (_, time) in read.items()}
    )
