"""Route templates and the order in which overlapping routes are tried."""

import pytest

from arcway_local.functions.errors import HostError
from arcway_local.functions.routes import build_routes, find
from arcway_local.functions.worker import Function


def function(name: str, route: str | None = None, *methods: str) -> Function:
    return Function(name, name, {"type": "httpTrigger", "name": "req", "route": route, "methods": list(methods)}, ())


def match(template: str, path: str, prefix: str = "api") -> dict[str, str] | None:
    match = find(build_routes([function("f", template)], prefix), "GET", path)
    return None if match is None else match[1]


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("plain", "/api/plain", {}),
        ("Plain", "/API/plain/", {}),
        ("a.b", "/api/aXb", None),
        ("x/{name}", "/api/x/a%2Fb%20c", {"name": "a/b c"}),
        ("plain", "/api/%70l%61in", {}),
        ("with space", "/api/with%20space", {}),
        ("x/y", "/api/x%2Fy", None),
        ("50%25", "/api/50%2525", {}),
        ("x/{name}", "/api/%78/a%25b%0Ac", {"name": "a%b\nc"}),
        ("x/{*rest}", "/api/x/a%0Ab/c", {"rest": "a\nb/c"}),
        ("x/{name}", "/api/x", None),
        ("x/{name}", "/api/x/a/b", None),
        ("x/{name?}", "/api/x", {}),
        ("x/{name=fall}", "/api/x", {"name": "fall"}),
        ("x/{name=fall}", "/api/x/back", {"name": "back"}),
        ("x/{n:int}", "/api/x/-12", {"n": "-12"}),
        ("x/{n:int}", "/api/x/1.5", None),
        ("x/{n:int:min(5)}", "/api/x/4", None),
        ("x/{n:int:min(5)}", "/api/x/5", {"n": "5"}),
        ("x/{n:int?}", "/api/x", {}),
        ("x/{id:guid}", "/api/x/0f8fad5b-d9cb-469f-a165-70867728950e", {"id": "0f8fad5b-d9cb-469f-a165-70867728950e"}),
        ("x/{s:maxlength(2)}", "/api/x/abc", None),
        ("x/{a}-{b}", "/api/x/1-2", {"a": "1", "b": "2"}),
        ("x/{*rest}", "/api/x/a/b.c", {"rest": "a/b.c"}),
        ("x/{*rest}", "/api/x", {}),
        ("{*rest}", "/api", {}),
    ],
)
def test_templates(template: str, path: str, values: dict[str, str] | None) -> None:
    assert match(template, path) == values


def test_without_a_prefix_routes_are_at_the_root() -> None:
    assert match("{*rest}", "/", prefix="") == {}
    assert match("x", "/x", prefix="") == {}


def test_a_function_without_route_is_found_by_its_name() -> None:
    assert find(build_routes([function("Hello")], "api"), "POST", "/api/hello") is not None


def test_overlapping_routes_go_by_function_name() -> None:
    routes = build_routes([function("b", "x/special"), function("A", "x/{any}")], "api")
    match = find(routes, "GET", "/api/x/special")
    assert match is not None
    assert match[0].name == "A"


def test_a_method_that_one_function_does_not_take_is_offered_to_the_next() -> None:
    routes = build_routes([function("a", "x", "GET"), function("b", "x", "post")], "api")
    match = find(routes, "POST", "/api/x")
    assert match is not None
    assert match[0].name == "b"
    assert find(routes, "DELETE", "/api/x") is None


@pytest.mark.parametrize("template", ["x/{n:nothing}", "x/{n", "x/{}", "x/{n:min(a)}"])
def test_a_template_that_is_not_understood_is_refused(template: str) -> None:
    with pytest.raises(HostError, match="The route of function f"):
        build_routes([function("f", template)], "api")
