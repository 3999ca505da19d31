"""Decides what a link is for when it is attached: an entity, `$cbs` or `$management`, and whether it may be.

Addresses are `amqps://host:port/entity` or just the entity.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from arcway_local.service_bus.broker import Broker
from arcway_local.service_bus.cbs import Grants
from arcway_local.service_bus.entity import Entity
from arcway_local.service_bus.faults import Faults
from arcway_local.service_bus.links import EntranceLink, IncomingLink, Link, Speaker
from arcway_local.service_bus.management import Management
from arcway_local.service_bus.model import BadRequest, NotSimulated, Refused
from arcway_local.service_bus.outgoing import AnswerLink, ExitLink
from arcway_local.service_bus.sections import BATCH_FORMAT, compose_reply, read_draft, read_request, split_batch
from arcway_local.service_bus.values import Described, Int, Symbol

_CBS = "$cbs"
_MANAGEMENT = "/$management"
_COORDINATOR = (0x30, "amqp:coordinator:list")
_SETTLED = 1
_ENVELOPE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Attachment:
    """The fields of an attach frame that the broker uses."""

    handle: int
    peer_receives: bool
    send_settle_mode: int
    source: Described | None
    target: Described | None

    @classmethod
    def read(cls, fields: list[Any]) -> "Attachment":
        """Read the fields from the frame."""
        return cls(int(fields[1]), bool(fields[2]), 2 if fields[3] is None else int(fields[3]), fields[5], fields[6])


class Attacher:
    """Makes links for one connection, whose tokens it checks."""

    def __init__(self, broker: Broker, faults: Faults, grants: Grants, largest: int) -> None:
        self._broker = broker
        self._faults = faults
        self._grants = grants
        self._largest = largest

    def attach(self, session: Speaker, attachment: Attachment, answers: Callable[[str], AnswerLink | None]) -> Link:
        """Create the link; `answers` finds the session's link for responses to an address. Raises Refused."""
        end = attachment.source if attachment.peer_receives else attachment.target
        if end is not None and end.descriptor in _COORDINATOR:
            raise NotSimulated("Transactions are not simulated.")
        address = _address(end)
        if address != _CBS:
            self._grants.check(address)
        if address == _CBS or address.endswith(_MANAGEMENT):
            return self._request_link(session, attachment, address, answers)
        if not attachment.peer_receives:
            return self._entrance(session, attachment.handle, address)
        _refuse_filters(attachment.source)
        queue = self._broker.queue(address)
        return ExitLink(session, attachment.handle, queue, attachment.send_settle_mode != _SETTLED, self._broker.wake)

    def _entrance(self, session: Speaker, handle: int, address: str) -> Link:
        entity = self._broker.target(address)

        def take(content: bytes, form: int) -> None:
            parts = split_batch(content) if form == BATCH_FORMAT else [content]
            # All are read before one is taken, so that a batch is refused as a whole.
            for draft in [read_draft(part) for part in parts]:
                entity.enqueue(draft)

        largest = self._limit(entity)
        return EntranceLink(session, handle, entity.path, take, largest, self._faults)

    def _request_link(
        self,
        session: Speaker,
        attachment: Attachment,
        address: str,
        answers: Callable[[str], AnswerLink | None],
    ) -> Link:
        management: Management | None = None
        largest = self._largest
        if address != _CBS:
            largest = self._limit(self._broker.find(address.removesuffix(_MANAGEMENT)))
            management = Management(self._broker, address.removesuffix(_MANAGEMENT), largest)
        if attachment.peer_receives:
            return AnswerLink(session, attachment.handle, address)

        def take(content: bytes, form: int) -> None:
            link = answers(address)
            if link is None:
                raise BadRequest(f"There is no link for answers from {address}.")
            reply = self._token_reply(content) if management is None else _reply(management, content)
            link.answer(reply)

        # What schedules a message has more in it than the message; that one is measured separately.
        return IncomingLink(session, attachment.handle, address, take, largest + _ENVELOPE)

    def _limit(self, entity: Entity) -> int:
        return entity.rules.largest_message or self._largest

    def _token_reply(self, content: bytes) -> bytes:
        request = read_request(content)
        status, description = 202, "Accepted"
        try:
            self._grants.put_token(request)
        except Refused as refused:
            status, description = refused.status, str(refused)
        properties = {"status-code": Int(status), "status-description": description}
        return compose_reply(request.correlation, properties, None)


def _reply(management: Management, content: bytes) -> bytes:
    request = read_request(content)
    try:
        body = management.answer(request)
    except Refused as refused:
        properties = {
            "statusCode": Int(refused.status),
            "statusDescription": str(refused),
            "errorCondition": Symbol(refused.condition),
        }
        return compose_reply(request.correlation, properties, None)
    status, description = (204, "No content") if body is None else (200, "OK")
    properties = {"statusCode": Int(status), "statusDescription": description}
    return compose_reply(request.correlation, properties, body)


def _address(end: Described | None) -> str:
    fields = end.value if end is not None else None
    address = fields[0] if isinstance(fields, list) and fields else None
    if not isinstance(address, str):
        raise BadRequest("A link needs an address.")
    try:
        path = urlsplit(address).path if "://" in address else address
    except ValueError as error:
        raise BadRequest(f"{address!r} is not an address.") from error
    return unquote(path).strip("/").lower()


def _refuse_filters(source: Described | None) -> None:
    fields = source.value if source is not None else []
    filters = fields[7] if len(fields) > 7 else None
    if filters is None:
        return
    names = ", ".join(str(name) for name in filters) if isinstance(filters, dict) else str(filters)
    if "com.microsoft:session-filter" in names:
        raise NotSimulated("Sessions are not simulated.")
    if names:
        raise NotSimulated(f"Filters on links are not simulated: {names}.")
