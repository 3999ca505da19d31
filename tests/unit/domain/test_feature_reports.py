"""What a connected cluster says of its features: what is on, the issuer and its flag, the agents' errors."""

from typing import Any

import pytest

from arcway.domain.feature_reports import (
    agent_errors,
    agent_state,
    features_in_azure,
    features_of_agents,
    handed_out,
    is_older_failure,
    issuer_of,
)
from arcway.domain.json_values import Json

ISSUER = "https://eastus.oic.example/tenant/uuid/"
AT = "2026-01-01T10:00:00Z"


def resource(**properties: Any) -> Json:
    return {"id": "x", "properties": properties}


def failed(*errors: object) -> Json:
    return resource(arcAgentProfile={"agentState": "Failed", "agentErrors": [*errors]})


@pytest.mark.parametrize(
    "odd", [{}, {"properties": None}, resource(oidcIssuerProfile="x", arcAgentProfile=[1], gateway=7)]
)
def test_resource_that_says_nothing_has_no_features(odd: Json) -> None:
    assert (features_in_azure(odd), issuer_of(odd), handed_out(odd), agent_state(odd)) == ([], None, {}, None)
    assert (agent_errors(odd), is_older_failure(odd, AT)) == ("", False)


def test_features_are_read_from_the_resource_and_the_release() -> None:
    on = resource(
        oidcIssuerProfile={"enabled": True},
        securityProfile={"workloadIdentity": {"enabled": True}},
        gateway={"enabled": False},
        privateLinkState="Enabled",
    )
    assert features_in_azure(on) == ["OIDC issuer", "workload identity", "private link"]
    values = {"clusterconnect-agent": {"enabled": "true"}, "customLocations": {"enabled": True}, "guard": {}}
    assert features_of_agents({"systemDefaultValues": values}) == ["cluster connect", "custom locations"]
    assert features_of_agents({}) == []


@pytest.mark.parametrize(
    ("profile", "distribution", "expected"),
    [
        ({"enabled": True}, "k3s", {}),
        ({"enabled": False, "issuerUrl": ISSUER}, "k3s", {}),
        ({"enabled": True, "issuerUrl": 5}, "k3s", {}),
        ({"enabled": True, "issuerUrl": "https://a.example/;reboot x"}, "k3s", {}),
        ({"enabled": True, "issuerUrl": "http://a.example/"}, "k3s", {}),
        (
            {"enabled": True, "issuerUrl": ISSUER},
            "K3S",
            {"oidcIssuer": {"issuerUrl": ISSUER, "apiServerFlag": f"--service-account-issuer={ISSUER}"}},
        ),
        ({"enabled": True, "issuerUrl": ISSUER}, "openshift", {"oidcIssuer": {"issuerUrl": ISSUER}}),
        (
            {"enabled": True, "issuerUrl": ISSUER, "selfHostedIssuerUrl": "https://own.example"},
            "eks",
            {"oidcIssuer": {"issuerUrl": "https://own.example"}},
        ),
    ],
)
def test_issuer_is_handed_out_with_the_flag_that_the_distribution_needs(
    profile: Json, distribution: str, expected: Json
) -> None:
    assert handed_out(resource(oidcIssuerProfile=profile, distribution=distribution)) == expected


def test_errors_of_the_agents_are_one_line_without_secrets() -> None:
    message = "cannot pull: https://user:pass@registry.example/x"
    errors = [
        {"component": "webhook", "message": message},
        {"message": "b"},
        "no error",
        {"message": "b"},
        {"message": "d"},
    ]
    text = agent_errors(failed(*errors))
    assert text.startswith("webhook: cannot pull")
    assert text.endswith("; b")
    assert "pass" not in text
    assert len(agent_errors(failed({"message": "x" * 5000}))) <= 310


@pytest.mark.parametrize(
    ("times", "written_at", "is_older"),
    [
        (["2026-01-01T09:59:59Z"], AT, True),
        (["2026-01-01T10:00:01Z"], AT, False),
        (["2026-01-01T09:59:59Z", "2026-01-01T10:00:01Z"], AT, False),
        (["2026-01-01T09:59:59Z"], "", False),
        ([None], AT, False),
        (["yesterday"], AT, False),
        (["2026-01-01T09:59:59"], AT, False),
        ([], AT, False),
    ],
)
def test_failure_of_before_the_write_is_recognized_by_the_times_of_its_errors(
    times: list[object], written_at: str, is_older: bool
) -> None:
    assert is_older_failure(failed(*({"message": "m", "time": time} for time in times)), written_at) == is_older
