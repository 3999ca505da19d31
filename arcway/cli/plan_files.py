"""Plan files: JSON lines, a first one that says what the plan is of, and then one for each member.

The digest in the first line is the SHA-256 of the lines behind it, so that a file that was edited is noticed. Sends no
requests.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from arcway.cli.client import USAGE, CommandError
from arcway.domain.fleets.plan import Forecast, canonical, line_of
from arcway.domain.json_values import Json
from arcway.domain.text import decoded

_HEAD = ("fleet", "operation", "depth", "digest")
_REMEDY = "Make a new plan: arcway fleet plan -f FILE --out PLANFILE"


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A plan as its file has it; `members` are by resource id."""

    fleet: str
    operation: str
    depth: str
    digest: str
    members: Mapping[str, Forecast]

    @classmethod
    def of(cls, plan: Json) -> "PlanFile":
        """The plan that the API returned."""
        members = {item["resourceId"]: Forecast.read(item) for item in plan["members"]}
        return cls(plan["fleet"], plan["operation"], plan["depth"], plan["digest"], members)

    def text(self) -> str:
        """The file's lines, equal for equal plans."""
        head = {name: getattr(self, name) for name in _HEAD}
        lines = [canonical(head), *(line_of(key, item) for key, item in sorted(self.members.items()))]
        return "".join(line + "\n" for line in lines)

    def expected_by(self, file: Path, body: Json) -> Json:
        """The plan as the request `body` has it that is held to it. Raises `CommandError` if it is another fleet's."""
        self._require(file, "fleet", body.get("fleet"))
        self._require(file, "operation", body.get("operation") or "onboard")
        members: Json = {}
        for key, item in self.members.items():
            members[key] = item.as_json() if item.changes or item.code else item.kind
        return {"digest": self.digest, "depth": self.depth, "members": members}

    def differences(self, file: Path, earlier: "PlanFile") -> Iterator[tuple[str, Forecast | None, Forecast | None]]:
        """The members whose lines differ from those of the earlier plan in the file: id, before, after.

        Raises `CommandError` if the earlier plan cannot be compared.
        """
        for name in ("fleet", "operation", "depth"):
            earlier._require(file, name, getattr(self, name))
        for key in sorted({*self.members, *earlier.members}):
            before, after = earlier.members.get(key), self.members.get(key)
            if before != after:
                yield key, before, after

    def _require(self, file: Path, name: str, value: object) -> None:
        own = getattr(self, name)
        if own != value:
            raise CommandError(f"{file} is a plan of {name} {own}, not of {value}.", USAGE, remedy=_REMEDY)


def read_plan_file(file: Path) -> PlanFile:
    """The plan in a file. Raises `CommandError` naming the line that is not of a plan, or that the file was edited."""
    try:
        head_line, _, lines = decoded(file.read_bytes()).partition("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {error}", USAGE) from error
    head = _object(file, 1, head_line)
    if not all(isinstance(head.get(name), str) for name in _HEAD):
        raise CommandError(f"{file}:1: not the first line of a plan.", USAGE, remedy=_REMEDY)
    digest = hashlib.sha256(lines.encode()).hexdigest()
    if digest != head["digest"]:
        message = f"{file} was edited: the digest of its members is {digest}, not {head['digest']}."
        raise CommandError(message, USAGE, remedy=_REMEDY)
    members: dict[str, Forecast] = {}
    for number, line in enumerate(lines.split("\n")[:-1], 2):
        member = _object(file, number, line)
        try:
            members[member["resourceId"]] = Forecast.read(member)
        except (KeyError, TypeError) as error:
            raise CommandError(f"{file}:{number}: not a member's line of a plan.", USAGE, remedy=_REMEDY) from error
    return PlanFile(head["fleet"], head["operation"], head["depth"], digest, members)


def write_plan_file(file: Path, plan: PlanFile) -> None:
    """Write the plan. Raises `CommandError`."""
    try:
        file.write_text(plan.text(), encoding="utf-8", newline="\n")
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error}", USAGE) from error


def _object(file: Path, number: int, line: str) -> Json:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise CommandError(f"{file}:{number}: not JSON: {error.msg}", USAGE, remedy=_REMEDY) from error
    if not isinstance(value, dict):
        raise CommandError(f"{file}:{number}: not a JSON object.", USAGE, remedy=_REMEDY)
    return value
