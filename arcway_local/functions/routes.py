"""Matches request paths to functions as the Azure Functions host does.

Overlapping routes are tried in the order of the function names, not of how specific they are (azure-functions-host
#9876), and a method that a function does not take makes the next one be tried. It knows names, methods and templates,
not requests.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from arcway_local.functions.errors import HostError
from arcway_local.functions.worker import Function

_PARAMETER = re.compile(r"\{(\*{0,2})(\w+)((?::[^:{}?=]+)*)(?:=([^{}]*))?(\?)?\}")
_CONSTRAINTS: Mapping[str, str] = {
    "int": r"[+-]?\d{1,10}",
    "long": r"[+-]?\d{1,19}",
    "bool": r"(?i:true|false)",
    "alpha": r"[A-Za-z]*",
    "guid": r"\{?[0-9A-Fa-f]{8}-?(?:[0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}\}?",
    "decimal": r"[+-]?\d+(?:\.\d+)?",
    "double": r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?",
    "float": r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?",
}
_SIZES: Mapping[str, Callable[[str, int], bool]] = {
    "minlength": lambda value, limit: len(value) >= limit,
    "maxlength": lambda value, limit: len(value) <= limit,
    "length": lambda value, limit: len(value) == limit,
    "min": lambda value, limit: _is_int(value) and int(value) >= limit,
    "max": lambda value, limit: _is_int(value) and int(value) <= limit,
}


@dataclass(frozen=True)
class Route:
    """One HTTP function: `methods` is empty when it takes all."""

    function: Function
    methods: frozenset[str]
    pattern: re.Pattern[str]
    checks: tuple[Callable[[Mapping[str, str]], bool], ...]
    defaults: Mapping[str, str]

    def match(self, path: str) -> dict[str, str] | None:
        """The decoded route values if `path` (raw, without query) fits, else None."""
        match = self.pattern.fullmatch(_canonical(path.strip("/")))
        if match is None:
            return None
        values = {name: unquote(value) for name, value in match.groupdict().items() if value}
        if not all(check(values) for check in self.checks):
            return None
        return {**self.defaults, **values}


def _canonical(path: str) -> str:
    """The path decoded, but for percent signs, and slashes that were encoded: they separate nothing."""
    segments = (unquote(segment).replace("%", "%25").replace("/", "%2F") for segment in path.split("/"))
    return "/".join(segments)


def build_routes(functions: Iterable[Function], prefix: str) -> tuple[Route, ...]:
    """The routes of all HTTP functions in the order in which they are tried.

    Raises HostError for a route template the host does not understand.
    """
    http = (function for function in functions if function.trigger_type == "httpTrigger")
    return tuple(
        _route(function, prefix) for function in sorted(http, key=lambda http_function: http_function.name.lower())
    )


def find(routes: Iterable[Route], method: str, path: str) -> tuple[Function, dict[str, str]] | None:
    """The function that takes `method` on `path`, with its route values; None means 404, also for a wrong method."""
    for route in routes:
        if route.methods and method.upper() not in route.methods:
            continue
        if (values := route.match(path)) is not None:
            return route.function, values
    return None


def _route(function: Function, prefix: str) -> Route:
    template = str(function.trigger.get("route") or function.name).strip("/")
    segments = [segment for segment in f"{prefix}/{template}".split("/") if segment]
    checks: list[Callable[[Mapping[str, str]], bool]] = []
    defaults: dict[str, str] = {}
    pattern = "".join(
        _segment(segment, index == 0, function, checks, defaults) for index, segment in enumerate(segments)
    )
    methods = frozenset(str(method).upper() for method in function.trigger.get("methods") or ())
    return Route(function, methods, re.compile(pattern, re.IGNORECASE | re.DOTALL), tuple(checks), defaults)


def _segment(
    segment: str,
    first: bool,
    function: Function,
    checks: list[Callable[[Mapping[str, str]], bool]],
    defaults: dict[str, str],
) -> str:
    slash = "" if first else "/"
    pattern, position = "", 0
    optional = False
    for parameter in _PARAMETER.finditer(segment):
        stars, name, constraints, default, question = parameter.groups()
        pattern += _literal(segment[position : parameter.start()])
        position = parameter.end()
        optional = bool(question or stars or default is not None)
        pattern += f"(?P<{name}>.*)" if stars else f"(?P<{name}>[^/]+)"
        if default is not None:
            defaults[name] = default
        checks += [_check(name, constraint, function) for constraint in constraints.split(":")[1:]]
    remainder = segment[position:]
    if "{" in remainder or "}" in remainder:
        raise HostError(f"The route of function {function.name} is not understood at '{segment}'.")
    pattern += _literal(remainder)
    return f"(?:{slash}{pattern})?" if optional else slash + pattern


def _literal(segment: str) -> str:
    return re.escape(segment.replace("%", "%25"))


def _check(name: str, constraint: str, function: Function) -> Callable[[Mapping[str, str]], bool]:
    if constraint in _CONSTRAINTS:
        pattern = re.compile(_CONSTRAINTS[constraint])
        return lambda values: name not in values or pattern.fullmatch(values[name]) is not None
    sized = re.fullmatch(r"(\w+)\((\d+)\)", constraint)
    if sized is not None and sized[1] in _SIZES:
        accepts, limit = _SIZES[sized[1]], int(sized[2])
        return lambda values: name not in values or accepts(values[name], limit)
    raise HostError(f"The route of function {function.name} has the constraint '{constraint}', which is not known.")


def _is_int(value: str) -> bool:
    return re.fullmatch(r"[+-]?\d+", value) is not None
