"""A pod's log. No container runs: the log is the one that the pod's ordered behaviour has."""

from collections.abc import Mapping

from arcway_local.cluster.behaviour import Behaviour
from arcway_local.cluster.errors import bad_request
from arcway_local.cluster.requests import flag
from arcway_local.cluster.values import name_of
from arcway_local.json_documents import Json


def read(pod: Json, behaviour: Behaviour, query: Mapping[str, str]) -> str:
    """The log, cut to `tailLines`. Raises ApiError 400 for an unknown container, or one without a previous run."""
    names = [container["name"] for container in pod["spec"]["containers"]]
    name = query.get("container") or (names[0] if len(names) == 1 else "")
    if not name:
        raise bad_request(
            f"a container name must be specified for pod {name_of(pod)}, choose one of: [{' '.join(names)}]"
        )
    if name not in names:
        raise bad_request(f"container {name} is not valid for pod {name_of(pod)}")
    status: Json = next((item for item in pod["status"].get("containerStatuses", []) if item["name"] == name), {})
    if flag(query, "previous") and "terminated" not in status.get("lastState", {}):
        raise bad_request(f'previous terminated container "{name}" in pod "{name_of(pod)}" not found')
    rule = behaviour.rule(pod)
    lines = rule.log.splitlines(keepends=True) if rule else []
    tail_lines = query.get("tailLines", "")
    return "".join(
        lines[-int(tail_lines) :] if tail_lines.isdecimal() and int(tail_lines) else [] if tail_lines == "0" else lines
    )
