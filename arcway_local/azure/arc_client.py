"""The way of simulated agents to the Arc service."""

from typing import Any

import aiohttp


class NotYet(Exception):
    """What the agents wait for does not exist yet; they try again."""


class ArcClient:
    """Asks the Arc service at `endpoint`."""

    def __init__(self, session: aiohttp.ClientSession, endpoint: str, tls: Any) -> None:
        self._session = session
        self._endpoint = endpoint
        self._tls = tls

    async def ask(self, action: str, body: dict[str, Any]) -> dict[str, Any]:
        """The service's answer. Raises `NotYet`, with the text `identity` when the service does not know the caller."""
        try:
            async with self._session.post(
                f"{self._endpoint}/azure-arc-agents/{action}", json=body, ssl=self._tls
            ) as response:
                answer: dict[str, Any] = await response.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise NotYet("the service") from error
        if response.status != 200:
            raise NotYet("identity" if response.status == 401 else str(answer))
        return answer
