"""The principals of the simulated tenant: users, applications with secrets, an API's app registration with roles."""

import secrets
import uuid
from dataclasses import asdict, dataclass, field
from typing import Any

from arcway_local.json_documents import Json

API_CLIENT_ID = "cccccccc-4444-5555-6666-777777777777"
COMMAND_LINE_ID = "dddddddd-4444-5555-6666-777777777777"
ROLES = ("Arcway.Read", "Arcway.Onboard", "Arcway.Offboard", "Arcway.Approve")

_NAMESPACE = uuid.UUID("9a9f1c3c-53a5-4c7e-9b11-0f0f6c1d2e3f")


@dataclass(slots=True)
class Principal:
    """A user or an application, and the roles of the API that are assigned to it."""

    name: str
    object_id: str
    roles: list[str] = field(default_factory=list)
    secret: str | None = None

    @classmethod
    def parse(cls, key: str, form: Any) -> "Principal":
        """From `{"name", "roles", "objectId", "secret"}`, or from a secret alone. The key makes the object id."""
        fields = {"secret": form} if isinstance(form, str) else form
        object_id = str(uuid.uuid5(_NAMESPACE, key))
        return cls(
            fields.get("name", key),
            fields.get("objectId", object_id),
            list(fields.get("roles", [])),
            fields.get("secret"),
        )


class Directory:
    """The principals by user name or client id, and the API's own client secret."""

    def __init__(self) -> None:
        self.api_secret = secrets.token_urlsafe(32)
        self.users = {
            "alice": Principal.parse("alice", {"name": "Alice Example", "roles": ROLES}),
            "bob": Principal.parse("bob", {"name": "Bob Example", "roles": ROLES[:1]}),
        }
        command_line = {"name": "Command line", "roles": ROLES, "secret": secrets.token_urlsafe(32)}
        self.applications = {COMMAND_LINE_ID: Principal.parse(COMMAND_LINE_ID, command_line)}

    def application(self, client_id: str, secret: str) -> Principal | None:
        """The application with this client id and secret; None for any other secret."""
        principal = self.applications.get(client_id)
        is_authentic = (
            principal is not None
            and principal.secret
            and secrets.compare_digest(principal.secret.encode(), secret.encode())
        )
        return principal if is_authentic else None

    def is_api(self, client_id: str, secret: str) -> bool:
        """Whether these are the client id and the secret of the API's own app registration."""
        return client_id == API_CLIENT_ID and secrets.compare_digest(self.api_secret.encode(), secret.encode())

    def form(self) -> Json:
        """The JSON form in which the directory is stored."""
        return {
            "apiSecret": self.api_secret,
            "users": {key: asdict(user) for key, user in self.users.items()},
            "applications": {key: asdict(application) for key, application in self.applications.items()},
        }

    def restore(self, form: Json) -> None:
        """Restore the directory from what `form` returned."""
        self.api_secret = form["apiSecret"]
        self.users = {key: Principal(**user) for key, user in form["users"].items()}
        self.applications = {key: Principal(**application) for key, application in form["applications"].items()}
