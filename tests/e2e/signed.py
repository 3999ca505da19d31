"""A stack that asks its callers to sign in, and tokens of whom a test wants."""

from typing import Any

import httpx

from arcway_local.stack import Stack
from tests.e2e.conftest import Arcway, Control

USERS = {
    "reader": {"name": "Rita Reader", "roles": ["Arcway.Read"]},
    "onboarder": {"name": "Olga Onboarder", "roles": ["Arcway.Onboard", "Arcway.Read"]},
    "offboarder": {"name": "Otto Offboarder", "roles": ["Arcway.Offboard", "Arcway.Read"]},
    "approver": {"name": "Ana Approver", "roles": ["Arcway.Approve", "Arcway.Read"]},
    "guest": {"name": "Gus Guest", "roles": []},
}
APPLICATION = "eeeeeeee-4444-5555-6666-777777777777"
APPLICATION_SECRET = "the application's own"


class Signed:
    """A stack that asks for a sign-in, and tokens of whom a test wants."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.azure = Control(stack.azure["endpoint"], stack.azure["caFile"])
        self.clusters = Control(stack.cluster["endpoint"], stack.cluster["caFile"])
        self.azure.put("users", USERS)
        roles = ["Arcway.Onboard", "Arcway.Offboard", "Arcway.Read"]
        self.azure.put("applications", {APPLICATION: {"secret": APPLICATION_SECRET, "roles": roles}})

        self._clients = [self.azure.http, self.clusters.http]

    def close(self) -> None:
        for client in self._clients:
            client.close()

    def token(self, user: str, **claims: Any) -> str:
        response = self.azure.http.post("/control/tokens", json={"user": user, "claims": claims}).raise_for_status()
        token_text: str = response.json()["access_token"]
        return token_text

    def as_(self, token: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=f"{self.stack.url}/api", headers=headers, timeout=240)

    def application(self) -> str:
        """The token that an application gets for itself."""
        form = {
            "grant_type": "client_credentials",
            "client_id": APPLICATION,
            "client_secret": APPLICATION_SECRET,
            "scope": f"api://{self.stack.azure['apiClientId']}/.default",
        }
        answer = self.azure.http.post(f"/{self.stack.azure['tenantId']}/oauth2/v2.0/token", data=form)
        token_text: str = answer.raise_for_status().json()["access_token"]
        return token_text

    def arcway(self, token: str) -> Arcway:
        """The product as this caller sees it."""
        arcway = Arcway(self.stack, self.azure)
        arcway.http.headers["Authorization"] = f"Bearer {token}"
        self._clients.append(arcway.http)
        return arcway
