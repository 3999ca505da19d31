"""What one installation works with: its settings, and the clients that are made from them.

Built once, in `function_app.py`, and handed to steps, queries and triggers: no module keeps a client of its own.
A test builds its own.
"""

import re
from functools import cached_property
from urllib.parse import unquote, urlsplit

from arcway.azure.clients import AzureClients
from arcway.azure.events import EventSender
from arcway.azure.secrets import Secrets
from arcway.cluster.access.connections import Connections
from arcway.cluster.helm import Helm, helm_for
from arcway.domain.secrets_held import hold_always
from arcway.engine_client import EngineClients
from arcway.settings import Settings


class Installation:
    """One installation. Making it connects to nothing; the secrets among its settings are masked from then on."""

    def __init__(self, settings: Settings) -> None:
        hold_always(*re.findall(r"SharedAccessKey=([^;]+)", settings.bus_connection or ""))
        hold_always(*(unquote(urlsplit(url).password or "") for url in settings.proxy.values() if "://" in url))
        self.settings = settings
        self.azure = AzureClients(settings)
        self.secrets = Secrets(settings, self.azure)
        self.events = EventSender(settings, self.azure)
        self.connections = Connections()
        self.engine = EngineClients()

    @cached_property
    def helm(self) -> Helm:
        """Made when it is first asked for, because it needs a work folder."""
        return helm_for(self.settings)
