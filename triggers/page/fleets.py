"""The pages of fleets: all of them, one with its members, and what its buttons do."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import accumulate
from urllib.parse import urlencode

import azure.functions as func

from arcway.domain.catalogue import CATALOGUE
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.fleets.document import OVER
from arcway.domain.fleets.member_map import decode
from arcway.domain.fleets.stage_document import COMMENT_LENGTH
from arcway.domain.json_values import Json
from arcway.page.files import PLACE
from arcway.page.fleet_map import LABELS, Squares
from arcway.runs.fleet_members import MemberFilter, list_members
from arcway.runs.fleets import fleet_document, fleet_state_of, list_fleets
from triggers.access.callers import APPROVE, role_for
from triggers.access.session import Viewer, redirect
from triggers.page.responses import fields_of, render_page
from triggers.services import Invocation

_FLEETS_SECONDS, _FLEET_SECONDS = 5, 2
_MEMBERS = 50
_BUTTONS = {
    "Accepted": "pause",
    "Running": "pause",
    "Soaking": "pause",
    "WaitingForApproval": "pause",
    "Paused": "resume",
    "Halted": "resume",
}


async def fleets_page(req: func.HttpRequest, invocation: Invocation, viewer: Viewer) -> func.HttpResponse:
    """The latest fleet of each name."""
    fleets = await list_fleets(invocation.client)
    now = datetime.now(UTC)
    return render_page("fleets.html", viewer, section="fleets", fleets=fleets, now=now, seconds=_FLEETS_SECONDS)


async def fleet_page(req: func.HttpRequest, invocation: Invocation, viewer: Viewer) -> func.HttpResponse:
    """One fleet: its members as squares, the causes of failures, and members by ?state=, ?code= and ?begin=."""
    state = await fleet_state_of(invocation.client, req.route_params["id"])
    fleet = fleet_document(state)
    chosen, begin = _chosen(req.params), _begin(req.params.get("begin", ""), fleet["size"])
    members, following, problem = list[Json](), None, None
    try:
        members, following = await list_members(invocation.client, state, chosen, _MEMBERS, begin)
    except ArcError as error:
        problem = error
    squares = Squares.of(decode(fleet["map"], fleet["size"]))
    place, may_change = f"{PLACE}/fleets/{fleet['id']}", viewer.may(role_for(fleet["operation"]))
    return render_page(
        "fleet.html",
        viewer,
        section="fleets",
        fleet=fleet,
        squares=squares,
        bars=_bars(fleet),
        ended=fleet["size"] - sum(fleet["counts"][name] for name in ("waiting", "running", "parked")),
        actions=_actions(fleet, place) if may_change else [],
        may_approve=viewer.may(APPROVE),
        can_retry=may_change and fleet["state"] not in ("Canceling", "Succeeded") and not _is_ended_check(fleet),
        place=place,
        members=members,
        chosen=chosen.code or chosen.state,
        query=urlencode({name: value for name, value in (("state", chosen.state), ("code", chosen.code)) if value}),
        begin=begin,
        next=following,
        problem=problem,
        seconds=_FLEET_SECONDS,
    )


async def ask_cancel_fleet(req: func.HttpRequest, invocation: Invocation, viewer: Viewer) -> func.HttpResponse:
    """The page that asks whether to cancel the fleet, and its runs in progress."""
    fleet = fleet_document(await fleet_state_of(invocation.client, req.route_params["id"]))
    viewer.require(role_for(fleet["operation"]))
    waiting, place = fleet["counts"]["waiting"] + fleet["counts"]["parked"], f"{PLACE}/fleets/{fleet['id']}"
    return render_page("cancel_fleet.html", viewer, section="fleets", fleet=fleet, waiting=waiting, place=place)


async def cancel_fleet(req: func.HttpRequest, invocation: Invocation, viewer: Viewer) -> func.HttpResponse:
    """Cancel the fleet."""
    running = "cancel" if fields_of(req).get("running") == "cancel" else "finish"
    return await _command(req, invocation, viewer, {"name": "cancel", "running": running})


async def pause_fleet(req: func.HttpRequest, invocation: Invocation, viewer: Viewer) -> func.HttpResponse:
    """Start no more members."""
    return await _command(req, invocation, viewer, {"name": "pause"})


async def resume_fleet(req: func.HttpRequest, invocation: Invocation, viewer: Viewer) -> func.HttpResponse:
    """Start members again."""
    return await _command(req, invocation, viewer, {"name": "resume"})


async def approve_gate(req: func.HttpRequest, invocation: Invocation, viewer: Viewer) -> func.HttpResponse:
    """Approve the gate that was shown, by the check that was shown."""
    fields = fields_of(req)
    decision = {"gate": fields.get("gate"), "comment": _comment(fields), "digest": fields.get("digest") or None}
    return await _command(req, invocation, viewer, {"name": "approve", **decision})


async def reject_gate(req: func.HttpRequest, invocation: Invocation, viewer: Viewer) -> func.HttpResponse:
    """End the fleet at the gate that was shown."""
    fields = fields_of(req)
    decision = {"gate": fields.get("gate"), "comment": _comment(fields)}
    return await _command(req, invocation, viewer, {"name": "reject", **decision})


def _comment(fields: Mapping[str, str]) -> str | None:
    return fields.get("comment", "").strip()[:COMMENT_LENGTH] or None


async def retry_fleet(req: func.HttpRequest, invocation: Invocation, viewer: Viewer) -> func.HttpResponse:
    """Try the failed and parked members again: those of one code, or all."""
    code = fields_of(req).get("code")
    return await _command(
        req, invocation, viewer, {"name": "retry", "members": None, "codes": [code] if code in CATALOGUE else None}
    )


async def _command(req: func.HttpRequest, invocation: Invocation, viewer: Viewer, command: Json) -> func.HttpResponse:
    document = await invocation.command_fleet(viewer, req.route_params["id"], command)
    return redirect(f"{PLACE}/fleets/{document['id']}")


def _chosen(parameters: dict[str, str]) -> MemberFilter:
    state, code = parameters.get("state"), parameters.get("code")
    return MemberFilter(state if state in LABELS else None, code if code in CATALOGUE else None)


def _begin(text: str, size: int) -> int:
    """The index that an address names. Raises `ArcError` ARC-1006."""
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and int(text) <= size):
        raise ArcError(Code.INVALID_PARAMETERS, details=[{"field": "begin", "message": "is not the index of a member"}])
    return int(text)


def _bars(fleet: Json) -> list[Json]:
    """A bar for each stage: its members by state, in per cent."""
    return [{**stage, "segments": _segments(stage["counts"], stage["size"])} for stage in fleet["stages"]]


def _segments(counts: Json, size: int) -> list[Json]:
    shares = [(label, 100 * counts[label] / size) for label in LABELS if counts[label]]
    starts = accumulate((share for _, share in shares), initial=0.0)
    return [
        {"state": label, "start": round(start, 3), "share": round(share, 3)}
        for (label, share), start in zip(shares, starts, strict=False)
    ]


def _is_ended_check(fleet: Json) -> bool:
    """Whether the fleet only checked its members and is over: another plan is a new check."""
    return bool(fleet["checks"]) and fleet["state"] in OVER


def _actions(fleet: Json, place: str) -> list[Json]:
    """What the viewer may do with the fleet in its present state."""
    actions: list[Json] = []
    if button := _BUTTONS.get(fleet["state"]):
        actions.append({"label": button.capitalize(), "place": f"{place}/{button}", "post": True})
        actions.append({"label": "Cancel", "place": f"{place}/cancel", "post": False})
    if fleet["failures"] and (fleet["state"] in OVER or button) and not _is_ended_check(fleet):
        actions.append({"label": "Retry failed and parked members", "place": f"{place}/retry", "post": True})
    return actions
