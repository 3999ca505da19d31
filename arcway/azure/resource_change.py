"""What an operation sets in a connected cluster: which values differ from those in Azure, and where each belongs.

A property inside another one is named with dots (`gateway.enabled`). What a change does not name stays unchanged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from arcway.domain.features import SELF_HOSTED_ISSUER

PATCHABLE = frozenset({"tags", "distribution", "azureHybridBenefit", "gateway.enabled"})
"""What a PATCH takes; anything else needs a PUT of the whole resource."""
# By the name that users see.
_PLACES = {"agentAutoUpgrade": "arcAgentProfile.agentAutoUpgrade"}
# Compared as text by every service that checks a token.
_EXACT = frozenset({SELF_HOSTED_ISSUER})


@dataclass(frozen=True, slots=True)
class Change:
    """The properties of a connected cluster that an operation sets; None leaves a property unchanged."""

    tags: dict[str, str] | None = None
    """All tags that the resource should have."""
    removed_tags: Sequence[str] = ()
    """Names of tags that it should not have; Azure compares them without regard to case."""
    distribution: str | None = None
    infrastructure: str | None = None
    hybrid_benefit: str | None = None
    auto_upgrade: bool | None = None
    public_key: str | None = None
    features: Mapping[str, Any] = field(default_factory=dict)
    """The settings of features, as `arcway.domain.features.resource_settings` has them."""

    def differing(self, existing: dict[str, Any]) -> dict[str, Any]:
        """Return the new values that differ from the resource in Azure, by property or `tags`."""
        desired = self._wanted(existing)
        return {name: value for name, value in desired.items() if not _equal(name, _current(existing, name), value)}

    def _wanted(self, existing: dict[str, Any]) -> dict[str, Any]:
        desired: dict[str, Any] = {
            "distribution": self.distribution,
            "infrastructure": self.infrastructure,
            "azureHybridBenefit": self.hybrid_benefit,
            "agentPublicKeyCertificate": self.public_key,
            "agentAutoUpgrade": None if self.auto_upgrade is None else "Enabled" if self.auto_upgrade else "Disabled",
            **self.features,
        }
        if self.tags is not None or self.removed_tags:
            tags = (existing.get("tags") or {}) if self.tags is None else self.tags
            removed = {name.lower() for name in self.removed_tags}
            desired["tags"] = {name: value for name, value in tags.items() if name.lower() not in removed}
        return {name: value for name, value in desired.items() if value is not None}


def applied(body: dict[str, Any], differing: Mapping[str, Any]) -> dict[str, Any]:
    """`body` with the new values in their places; it is not changed itself."""
    properties = dict(body.get("properties") or {})
    for name, value in differing.items():
        if name != "tags":
            _put(properties, _PLACES.get(name, name).split("."), value)
    tags = {"tags": differing["tags"]} if "tags" in differing else {}
    return {**body, **tags, "properties": properties} if properties else {**body, **tags}


def _put(properties: dict[str, Any], path: Sequence[str], value: Any) -> None:
    name, *rest = path
    if rest:
        inner = dict(properties.get(name) or {})
        _put(inner, rest, value)
        value = inner
    properties[name] = value


def _current(existing: dict[str, Any], name: str) -> Any:
    if name == "tags":
        return existing.get("tags") or {}
    value: Any = existing.get("properties") or {}
    for part in _PLACES.get(name, name).split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _equal(name: str, current: Any, desired: Any) -> bool:
    """The service changes the case of what it is sent (`kind`, `AKS`), but not that of tags; a key is in base64.

    What is off need not be there at all.
    """
    if name == "agentPublicKeyCertificate":
        return "".join(str(current).split()) == "".join(str(desired).split())
    if desired in (False, "Disabled") and current is None:
        return name != "agentAutoUpgrade"
    if isinstance(current, str) and isinstance(desired, str) and name not in _EXACT:
        return current.lower() == desired.lower()
    return bool(current == desired)
