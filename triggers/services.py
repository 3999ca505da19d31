"""What the triggers of one function app work with: built once, handed to each invocation."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import azure.durable_functions as df

from arcway import queries
from arcway.domain.ids import Origin
from arcway.domain.json_values import Json
from arcway.domain.request import AnyRequest
from arcway.installation import Installation
from arcway.runs.fleet_commands import command_fleet
from arcway.runs.fleets import fleet_document, fleet_state_of
from arcway.runs.index import RunIndex
from arcway.runs.starter import Author, Started, start_run
from triggers.access.authentication import Authentication
from triggers.access.callers import APPROVE, Caller, role_for
from triggers.access.page_secrets import PageSecrets
from triggers.access.session import Sessions
from triggers.access.sign_in import SignIn
from triggers.access.tokens import Tokens
from triggers.dependencies import Dependencies


@dataclass(frozen=True, slots=True)
class Services:
    """The installation, who its callers are, and the health of what it depends on."""

    installation: Installation
    authentication: Authentication
    sessions: Sessions
    sign_in: SignIn | None
    """None without an authority: all users of this machine are signed in."""
    dependencies: Dependencies
    runs: RunIndex
    """The runs as lists show them."""

    @classmethod
    def of(cls, installation: Installation) -> "Services":
        """The services of an installation."""
        authority, ca_file = installation.settings.authority, installation.settings.ca_file
        tokens = Tokens.of(authority, ca_file) if authority else None
        authentication = Authentication(tokens)
        page_secrets = PageSecrets(partial(queries.secret_of_page, installation))
        sessions = Sessions(authority, authentication, page_secrets)
        sign_in = SignIn(authority, sessions, tokens, ca_file) if authority and tokens else None
        return cls(installation, authentication, sessions, sign_in, Dependencies(installation), RunIndex())


@dataclass(frozen=True, slots=True)
class Invocation:
    """One invocation of a trigger: the services, and the engine's client that the host hands to it."""

    services: Services
    client: df.DurableFunctionsClient

    @property
    def installation(self) -> Installation:
        """The installation that the function app is of."""
        return self.services.installation

    def author_of(self, caller: Caller) -> Author:
        """The caller as the author of runs."""
        settings = self.installation.settings
        source = settings.source if settings.publishes else None
        return Author(caller.identity, caller.secret_user.roles, source)

    async def command_fleet(self, caller: Caller, fleet: str, command: Json) -> Json:
        """Give a fleet a command of the caller; returns its document.

        Raises `ArcError`: ARC-1008 the caller lacks the role, and as `arcway.runs.fleet_commands.command_fleet` does.
        """
        state = await fleet_state_of(self.client, fleet)
        decides = command["name"] in ("approve", "reject")
        caller.require(APPROVE if decides else role_for(fleet_document(state)["operation"]))
        own = {"id": str(uuid.uuid4()), "by": caller.identity.as_json()}
        return await command_fleet(self.client, state, {**own, **command})

    async def start_run(
        self,
        request: AnyRequest,
        key: str,
        origin: Origin,
        caller: Caller,
        *,
        before: Callable[[], Awaitable[None]] | None = None,
    ) -> Started:
        """Start the request's run for the caller. Raises `ArcError` as `arcway.runs.starter.start_run` does."""
        return await start_run(self.client, request, key, origin, self.author_of(caller), before=before)
