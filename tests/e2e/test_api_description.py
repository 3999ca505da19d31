"""What the API says of itself, held against what it does: generated requests, and the answers of a whole connection."""

import os
import random
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, seed, settings

from arcway.domain.json_values import Json
from arcway_local.stack import Stack
from tests.e2e.conftest import Arcway, SimulatedCluster

if TYPE_CHECKING:
    from schemathesis.schemas import APIOperation, BaseSchema

DEFAULT_CASES, SLOW_CASES = 500, 2000
SEED = "ARCWAY_GENERATED_REQUESTS_SEED"


@pytest.fixture
def description(stack: Stack) -> "BaseSchema":
    import schemathesis

    url = f"{stack.url}/api/openapi.json"
    schema = schemathesis.openapi.from_url(url)
    # Neither the Functions host nor its libraries know TRACE: no function ever sees one.
    schema.config.phases.coverage.unexpected_methods = {"get", "post", "put", "patch", "delete"}
    return schema


def operations(schema: "BaseSchema") -> "Iterator[APIOperation[Any, Any, Any, Any]]":
    for candidate in schema.get_all_operations():
        operation = candidate.ok()  # type: ignore[union-attr] # of an Err it raises, as it should
        yield operation


class Tried:
    """Sends generated requests and holds the answers against the description."""

    def __init__(self) -> None:
        import schemathesis.checks as known

        known.load_all_checks()
        names = (
            "not_a_server_error",
            "status_code_conformance",
            "content_type_conformance",
            "response_schema_conformance",
            "response_headers_conformance",
            "unsupported_method",
            "allow_header_conformance",
        )
        self._checks = known.CHECKS.get_by_names(names)
        # A body may say 0 for false, which its schema does not.
        self._checks_of_parameters = known.CHECKS.get_by_names((*names, "negative_data_rejection"))
        self._session = requests.Session()
        self._session.trust_env = False
        self._responses: list[requests.Response] = []
        # The library reads responses as streams, and what it does not read to the end keeps its connection.
        self._session.hooks["response"].append(lambda response, **_: self._responses.append(response))
        self.statuses: Counter[int] = Counter()
        self.wrong: dict[str, str] = {}

    def close(self) -> None:
        for response in self._responses:
            response.raw.close()
        self._session.close()

    def __call__(self, case: Any) -> None:
        from schemathesis.core.failures import FailureGroup

        answer = case.call(session=self._session)
        self.statuses[answer.status_code] += 1
        try:
            case.validate_response(answer, checks=self._checks if case.operation.body else self._checks_of_parameters)
        except FailureGroup as failures:
            for failure in failures.exceptions:
                kind = f"{case.operation.label} {answer.status_code} {type(failure).__name__}"
                self.wrong.setdefault(kind, f"{failures}\n{answer.request.body!r}\n{answer.text[:500]}")


def run(schema: "BaseSchema", cases: int, chosen: int) -> Tried:
    """About so many requests, spread over the operations: what they must refuse, and what they may take."""
    from schemathesis import GenerationMode

    tried, result, chance = Tried(), list(operations(schema)), random.Random(chosen)
    each = cases // (2 * len(result))
    try:
        for operation in result:
            edges = list(
                schema.iter_coverage_cases(
                    operation,
                    generation_modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE],
                    generation_config=schema.config.generation_for(operation=operation),
                )
            )
            for case in chance.sample(edges, min(each, len(edges))):
                tried(case)
            for mode in GenerationMode.POSITIVE, GenerationMode.NEGATIVE:
                fuzz(tried, operation, mode, max(1, each // 2), chosen)
    finally:
        tried.close()
    return tried


def fuzz(tried: Tried, operation: "APIOperation[Any, Any, Any, Any]", mode: Any, cases: int, chosen: int) -> None:
    from hypothesis.errors import Unsatisfiable

    @seed(chosen)
    @settings(
        max_examples=cases,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[*HealthCheck],
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def test(case: Any) -> None:
        tried(case)

    try:
        test()
    except Unsatisfiable:
        assert mode.name == "NEGATIVE"  # an operation without parameters takes everything


def test_generated_requests_get_described_answers(description: "BaseSchema") -> None:
    tried = run(description, DEFAULT_CASES, 0)
    assert not tried.wrong, "\n\n".join(tried.wrong.values())
    assert tried.statuses.total() >= DEFAULT_CASES / 2
    assert tried.statuses.keys() >= {200, 202, 400, 404, 405}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_thousand_generated_requests_get_described_answers(description: "BaseSchema") -> None:
    tried = run(description, SLOW_CASES * 2, int(os.environ.get(SEED, "1")))
    assert not tried.wrong, "\n\n".join(tried.wrong.values())
    assert tried.statuses.total() >= SLOW_CASES, tried.statuses


def test_the_answers_of_a_connection_are_as_described(
    description: "BaseSchema", arcway: Arcway, cluster: SimulatedCluster
) -> None:
    """Generated requests connect nothing: what only a connected cluster shows is held against the description here."""
    assert arcway.connect(cluster)["state"] == "Succeeded"
    by_label = {operation.label: operation for operation in operations(description)}
    first = {"subscription": arcway.subscription, "group": "clusters", "name": f"c-{cluster.name}"}
    where = "/connectedClusters/{subscription}/{group}/{name}"
    run = arcway.http.get("/runs", params={"subscription": arcway.subscription}).json()["value"][0]
    requests: list[tuple[str, Json, Json]] = [
        ("GET /runs", {}, {"subscription": arcway.subscription}),
        ("GET /runs/{id}", {"id": run["id"]}, {}),
        ("POST /runs/{id}/cancel", {"id": run["id"]}, {}),
        ("POST /runs/{id}/retry", {"id": run["id"]}, {}),
        ("GET /connectedClusters", {}, {"subscription": arcway.subscription}),
        (f"GET {where}", first, {}),
        (f"GET {where}/agents", first, {}),
        ("GET /health", {}, {}),
    ]
    for label, values, query in requests:
        method, _, path = label.partition(" ")
        answer = arcway.http.request(method, path.format(**values), params=query)
        assert answer.status_code == 200, label
        by_label[label].validate_response(answer)


def test_a_description_that_is_known_is_not_sent_again(arcway: Arcway) -> None:
    first = arcway.http.get("/openapi.json")
    assert first.json()["openapi"] == "3.1.0"
    second_response = arcway.http.get("/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (second_response.status_code, second_response.content, second_response.headers["ETag"]) == (
        304,
        b"",
        first.headers["ETag"],
    )
    assert arcway.http.get("/openapi.json", headers={"If-None-Match": '"other"'}).status_code == 200
