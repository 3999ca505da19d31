"""Options for features: what each puts into the request, in the names of `az connectedk8s`."""

from typing import Any

import pytest

from arcway.cli.client import CommandError
from arcway.cli.feature_options import FeatureOptions, features
from arcway.domain.json_values import Json


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, None),
        ({"enable": ["cluster-connect"]}, {"clusterConnect": True}),
        (
            {"disable": ["cluster-connect,custom-locations"]},
            {"clusterConnect": False, "customLocations": {"enabled": False}},
        ),
        ({"custom_locations_oid": "1"}, {"customLocations": {"enabled": True, "objectId": "1"}}),
        (
            {"enable": ["custom-locations cluster-connect", "custom-locations"], "custom_locations_oid": "1"},
            {"clusterConnect": True, "customLocations": {"enabled": True, "objectId": "1"}},
        ),
        (
            {"enable": ["azure-rbac"], "skip_azure_rbac_list": "a, b"},
            {"azureRbac": {"enabled": True, "skipAuthorizationFor": ["a", "b"]}},
        ),
        (
            {"enable": ["azure-rbac"], "skip_azure_rbac_list": ""},
            {"azureRbac": {"enabled": True, "skipAuthorizationFor": []}},
        ),
        ({"oidc_issuer": False}, {"oidcIssuer": {"enabled": False}}),
        ({"self_hosted_issuer": "u"}, {"oidcIssuer": {"enabled": True, "selfHostedIssuerUrl": "u"}}),
        (
            {"self_hosted_issuer": "u", "oidc_issuer": False},
            {"oidcIssuer": {"enabled": False, "selfHostedIssuerUrl": "u"}},
        ),
        ({"workload_identity": False}, {"workloadIdentity": False}),
        ({"gateway": "g"}, {"gateway": {"resourceId": "g"}}),
        ({"disable_gateway": True}, {"gateway": {"enabled": False}}),
        ({"private_link_scope": "p"}, {"privateLink": {"scopeResourceId": "p"}}),
        ({"disable_private_link": True}, {"privateLink": {"enabled": False}}),
    ],
)
def test_options_name_the_features_of_the_request(options: dict[str, Any], expected: Json | None) -> None:
    assert features(FeatureOptions(**options)) == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"enable": ["oidc"]}, "--enable-features does not know oidc"),
        ({"disable": ["cluster-connect x"]}, "--disable-features does not know x"),
        ({"enable": ["azure-rbac"], "disable": ["azure-rbac"]}, "cannot be both enabled and disabled"),
        ({"custom_locations_oid": "1", "disable": ["custom-locations"]}, "cannot be both"),
        ({"skip_azure_rbac_list": ""}, "--skip-azure-rbac-list needs --enable-features azure-rbac"),
        ({"gateway": "g", "disable_gateway": True}, "--disable-gateway cannot be given together"),
        ({"private_link_scope": "g", "disable_private_link": True}, "--disable-private-link cannot be given"),
    ],
)
def test_options_that_contradict_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        features(FeatureOptions(**options))
