"""The protected settings of an extension, read for the step that needs them: values, and when each was written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from activities.extension_target import wanted_extension
from activities.step import Call
from arcway.domain.extension_request import ApplyExtensionRequest
from arcway.domain.policy_request import EnablePolicyRequest
from arcway.domain.secret_names import SecretKind


@dataclass(frozen=True, slots=True)
class ProtectedSettings:
    """By name: the values, and when the secret of each was last changed (None if that is not known)."""

    values: Mapping[str, str] = field(repr=False)
    written: Mapping[str, datetime | None]


def read_protected_settings(call: Call[ApplyExtensionRequest] | Call[EnablePolicyRequest]) -> ProtectedSettings:
    """Raises `ArcError` ARC-2001 or ARC-2040 for a secret that cannot be used."""
    secrets, references = call.installation.secrets, wanted_extension(call).protected_settings
    read = {
        name: secrets.read_with_time(reference.secret, SecretKind.EXTENSION_SETTING, user=call.user)
        for name, reference in references.items()
    }
    return ProtectedSettings(
        {name: value for name, (value, _) in read.items()}, {name: time for name, (_, time) in read.items()}
    )
