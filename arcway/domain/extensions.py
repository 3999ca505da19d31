"""What an extension in Azure says of itself: its state, and why it failed, with a code, a cause and a remedy.

Azure describes a failure in words only (`statuses`, `errorInfo`), those of Helm and of the agents among them.
"""

from dataclasses import dataclass

from arcway.domain.codes import Code
from arcway.domain.findings import finding
from arcway.domain.json_values import Json

_FAILED = ("failed", "canceled")


@dataclass(frozen=True, slots=True)
class _Cause:
    """The code of a failure whose text has one of `signs`, in lower case."""

    code: Code
    signs: tuple[str, ...]


# The specific ones first: a text of Helm's often has a general sign, too.
_CAUSES = (
    _Cause(Code.EXTENSION_INSTALLED_BY_OTHERS, ("cannot be imported into the current release",)),
    _Cause(Code.EXTENSION_VERSION_NOT_OFFERED, ("failed to resolve the extension version from the given values",)),
    _Cause(Code.EXTENSION_NOT_REPORTED, ("status not populated", "retry for given duration didn't get any results")),
    _Cause(Code.EXTENSION_NOT_CONFIGURED, ("unable to add the configuration with configid {extension:",)),
    _Cause(Code.EXTENSION_PODS_NOT_READY, ("deployment is not ready:",)),
    _Cause(Code.EXTENSION_INSTALL_TIMEOUT, ("has been uninstalled due to atomic being set",)),
)


def with_failures(extension: Json) -> Json:
    """The extension as it is shown: `failures` has a finding for each reason that it failed.

    Of protected settings only the names stay, whatever Azure returns.
    """
    properties = dict(extension.get("properties") or {})
    protected = properties.get("configurationProtectedSettings")
    names = protected if isinstance(protected, dict) else {}
    properties["configurationProtectedSettings"] = dict.fromkeys(names)
    return {**extension, "properties": properties, "failures": failures(extension)}


def failures(extension: Json) -> list[Json]:
    """A finding for each reason that the extension failed; none unless it did."""
    properties = extension.get("properties") or {}
    state = str(properties.get("provisioningState"))
    if state.lower() not in _FAILED:
        return []
    reasons = list(dict.fromkeys(_reasons(properties))) or ["Azure gives no reason."]
    name = extension.get("name")
    return [finding(code_of_failure(reason), f"Extension {name} is {state}: {reason}") for reason in reasons]


def code_of_failure(reason: str) -> Code:
    """The code of what Azure says of a failed extension."""
    text = reason.lower()
    return next((cause.code for cause in _CAUSES if any(sign in text for sign in cause.signs)), Code.EXTENSION_FAILED)


def _reasons(properties: Json) -> list[str]:
    """What Azure says, in its order; an error that repeats a status is the same reason."""
    statuses = properties.get("statuses")
    items = [item for item in (statuses if isinstance(statuses, list) else []) if isinstance(item, dict)]
    errors = [item for item in items if str(item.get("level") or "Error").lower() == "error"]
    info = properties.get("errorInfo")
    if isinstance(info, dict):
        errors.append(info)
    return [str(item["message"]) for item in errors if item.get("message")]
