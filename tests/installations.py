"""Installations as tests make them: of a few settings, connected to nothing until something is asked."""

from dataclasses import replace
from typing import Any

from arcway.installation import Installation
from arcway.settings import read_settings
from triggers.services import Invocation, Services

LOCAL = {"ARCWAY_LOCAL": "1", "WEBSITE_HOSTNAME": "127.0.0.1:7071"}
"""The settings that an installation on one machine needs at least."""


def local_installation(**environment: str) -> Installation:
    """An installation on one machine."""
    return Installation(read_settings({**LOCAL, **environment}))


def invocation(client: Any = None, installation: Installation | None = None, **services: Any) -> Invocation:
    """A trigger's invocation with this durable client; `services` take the place of the installation's own."""
    own = Services.of(installation or local_installation())
    return Invocation(replace(own, **services), client)
