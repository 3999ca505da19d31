"""The document of a fleet's plan: lines, digest, counts, requests and stages."""

import hashlib

import pytest

from arcway.domain.codes import Code
from arcway.domain.fleets.plan import (
    CLASSES,
    Forecast,
    digest_of,
    line_of,
)
from arcway.domain.fleets.plan_document import plan_document
from arcway.domain.fleets.request import parse_fleet
from arcway.domain.ids import ClusterId
from arcway.domain.json_values import Json
from tests.unit.fleets.test_plan import GITOPS_CHANGES, SUBSCRIPTION, expected


def key(name: str, group: str = "clusters") -> str:
    return ClusterId(SUBSCRIPTION, group, name).key


def test_a_line_is_canonical() -> None:
    line = line_of("/Subscriptions/A", Forecast("change", ("a", "b")))
    assert line == '{"changes":["a","b"],"class":"change","code":null,"resourceId":"/subscriptions/a"}'


def test_the_digest_is_that_of_the_sorted_lines() -> None:
    forecasts = {key("b"): expected("create"), key("a"): Forecast("busy", code=Code.RUN_IN_PROGRESS)}
    lines = "".join(line_of(name, forecasts[name]) + "\n" for name in sorted(forecasts))
    assert digest_of(forecasts) == hashlib.sha256(lines.encode()).hexdigest()
    assert digest_of({name.upper(): item for name, item in reversed(forecasts.items())}) == digest_of(forecasts)
    assert digest_of({**forecasts, key("b"): expected("unchanged")}) != digest_of(forecasts)


def test_the_document_has_counts_and_what_it_takes() -> None:
    forecasts = {
        key("c"): expected("create", "provider Microsoft.Kubernetes", "resourceGroup"),
        key("b"): expected("create", "provider Microsoft.Kubernetes", "resourceGroup"),
        key("a", "other"): expected("change", "agents.proxy"),
        key("d"): expected("change", "tags"),
        key("e"): expected("unchanged"),
        key("f"): Forecast("refused", code=Code.SUBSCRIPTION_DISABLED),
    }
    plan = plan_document("shops", "onboard", "cluster", forecasts, [])
    assert [member["resourceId"] for member in plan["members"]] == sorted(forecasts)
    assert plan["members"][-1] == {
        "resourceId": key("a", "other"),
        "class": "change",
        "changes": ["agents.proxy"],
        "code": None,
    }
    assert plan["counts"] == dict.fromkeys(CLASSES, 0) | {"create": 2, "change": 2, "unchanged": 1, "refused": 1}
    # Three connected clusters, one resource group and one registration.
    assert plan["estimate"] == {"writes": 5, "reads": 6 + 5}
    assert (plan["digest"], plan["depth"], plan["fleet"]) == (digest_of(forecasts), "cluster", "shops")


def test_a_plan_has_the_stages_with_their_limits_in_numbers() -> None:
    members = [{"name": f"m{number}"} for number in range(40)]
    body = {
        "fleet": "shops",
        "operation": "upgrade",
        "defaults": {"subscriptionId": SUBSCRIPTION, "resourceGroup": "g", "kubeconfig": {"secret": "arcway-{name}"}},
        "members": members,
        "window": 20,
        "stages": [
            {"name": "canary", "first": 3, "soak": "2h", "approve": "after"},
            {"name": "pilots", "percent": 25, "maxFailures": "30%"},
            {"name": "rest", "maxFailures": 50},
        ],
    }
    stages = plan_document("shops", "upgrade", "azure", {}, parse_fleet(body).stages)["stages"]
    assert [tuple(stage.values()) for stage in stages] == [
        ("canary", 3, 1, 0, 7200, "after"),
        ("pilots", 10, 4, 3, 0, None),
        ("rest", 27, 20, 50, 0, None),
    ]
    soft = plan_document("shops", "upgrade", "azure", {}, parse_fleet({**body, "budget": "soft"}).stages)["stages"]
    assert [stage["atOnce"] for stage in soft] == [3, 10, 20]


@pytest.mark.parametrize(
    ("operation", "planned", "estimate"),
    [
        ("offboard", expected("change", "agents", "connectedCluster"), {"writes": 1, "reads": 3}),
        ("offboard", expected("change", "agents"), {"writes": 0, "reads": 3}),
        ("update", expected("change", "tags"), {"writes": 1, "reads": 1}),
        ("upgrade", expected("change", "agents.version"), {"writes": 0, "reads": 2}),
        ("onboard", expected("adopt"), {"writes": 1, "reads": 2}),
        ("onboard", Forecast("busy", code=Code.RUN_IN_PROGRESS), {"writes": 0, "reads": 1}),
    ],
)
def test_the_estimate_of_one_member(operation: str, planned: Forecast, estimate: Json) -> None:
    assert plan_document("shops", operation, "azure", {key("a"): planned}, [])["estimate"] == estimate


def test_estimate_counts_extension_and_configuration() -> None:
    document = plan_document("f", "applyGitops", "cluster", {key("a"): expected("change", *GITOPS_CHANGES)}, [])
    assert document["estimate"] == {"writes": 3, "reads": 9}
    document = plan_document(
        "f", "onboard", "cluster", {key("a"): expected("create", "configuration", "extension")}, []
    )
    assert document["estimate"]["writes"] == 3
