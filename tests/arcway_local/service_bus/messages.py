"""Encoded messages for tests."""

from typing import Any

from arcway_local.service_bus.codec import described, encode


def encoded(
    value: Any = b"body",
    header: list[Any] | None = None,
    annotations: dict[Any, Any] | None = None,
    properties: list[Any] | None = None,
    application: dict[str, Any] | None = None,
) -> bytes:
    """A message; bytes become a data section, anything else a value."""
    parts = [(0x70, header), (0x72, annotations), (0x73, properties), (0x74, application)]
    parts.append((0x75 if isinstance(value, bytes) else 0x77, value))
    return b"".join(described(code, encode(part)) for code, part in parts if part is not None)
