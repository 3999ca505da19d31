"""Callers and the roles that they hold."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.owners import SecretUser
from arcway.domain.run import Identity


class Role(StrEnum):
    """The app roles of Arcway's app registration (docs/permissions.md)."""

    READ = "Arcway.Read"
    ONBOARD = "Arcway.Onboard"
    OFFBOARD = "Arcway.Offboard"
    APPROVE = "Arcway.Approve"


type Needed = frozenset[Role]
"""Roles of which a route needs any one; none at all for a route without a role."""

OPEN: Needed = frozenset()
READ: Needed = frozenset({Role.READ})
ONBOARD: Needed = frozenset({Role.ONBOARD})
OFFBOARD: Needed = frozenset({Role.OFFBOARD})
APPROVE: Needed = frozenset({Role.APPROVE})
CHANGE: Needed = ONBOARD | OFFBOARD
"""For routes whose handler asks for the role of the run's operation."""

_NAME_LIMIT = 256
_OTHER_ROLES = 20
_OTHER_ROLE = re.compile(r"[!-~]{1,64}")


@dataclass(frozen=True, slots=True)
class Caller:
    """A user or an application; `object_id` is None only where there is no authority to ask."""

    name: str
    object_id: str | None
    roles: frozenset[Role]
    other_roles: frozenset[str] = field(default=frozenset(), kw_only=True)
    """App roles that are not Arcway's; the owner tags of secrets may name them."""

    @property
    def identity(self) -> Identity:
        """The caller as runs and events show it."""
        return Identity(name=self.name, object_id=self.object_id)

    @property
    def secret_user(self) -> SecretUser:
        """The caller as the owners of secrets go by it."""
        return SecretUser(self.object_id, self.roles | self.other_roles)

    def may(self, needed: Needed) -> bool:
        """Whether the caller holds one of the roles."""
        return not needed or bool(self.roles & needed)

    def require(self, needed: Needed) -> None:
        """Raises `ArcError` ARC-1008 naming the role that is missing."""
        if not self.may(needed):
            raise ArcError(Code.ROLE_MISSING, f"{self.name} does not hold the role {' or '.join(sorted(needed))}.")


LOCAL = Caller("local", None, frozenset(Role))
"""All callers on a machine that serves only itself."""
NOBODY = Caller("nobody", None, frozenset())
"""A caller of a route without a role."""


def role_for(operation: str) -> Needed:
    """The role that an operation needs."""
    return OFFBOARD if operation in ("offboard", "deleteExtension", "deleteGitops", "disablePolicy") else ONBOARD


def roles_in(claim: object) -> frozenset[Role]:
    """The roles of a token's `roles` claim that Arcway knows."""
    return frozenset(role for role in Role if role in claim) if isinstance(claim, list) else frozenset()


def other_roles_in(claim: object) -> frozenset[str]:
    """The other roles of a token's `roles` claim: as many as the page's cookie has room for."""
    if not isinstance(claim, list):
        return frozenset()
    roles = {role for role in claim if isinstance(role, str) and _OTHER_ROLE.fullmatch(role)}
    return frozenset(sorted(roles - set(Role))[:_OTHER_ROLES])


def of_claims(name: str, claims: Mapping[str, Any]) -> Caller:
    """The caller whom a token's claims name."""
    claim = claims.get("roles")
    return Caller(name, claims["oid"], roles_in(claim), other_roles=other_roles_in(claim))


def readable(name: object, instead: str) -> str:
    """A display name as it may be kept: printable and at most 256 characters."""
    printable = "".join(part for part in name if part.isprintable()).strip() if isinstance(name, str) else ""
    return (printable or instead)[:_NAME_LIMIT]
