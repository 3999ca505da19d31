"""Without an authority the app starts only where no other machine can reach it."""

import pytest

from arcway.settings import SettingsError, read_settings
from tests.unit.access.conftest import CLIENT, TENANT

IDS = {"ARCWAY_TENANT_ID": TENANT.upper(), "ARCWAY_CLIENT_ID": CLIENT}


@pytest.mark.parametrize("host", ["127.0.0.1:7071", "localhost:7071", "[::1]:7071", "127.0.0.1:0", "127.8.8.8"])
def test_on_loopback_a_local_installation_needs_none(host: str) -> None:
    assert read_settings({"ARCWAY_LOCAL": "1", "WEBSITE_HOSTNAME": host}).authority is None


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"ARCWAY_LOCAL": "1"},
        {"ARCWAY_LOCAL": "1", "WEBSITE_HOSTNAME": ""},
        {"ARCWAY_LOCAL": "1", "WEBSITE_HOSTNAME": "0.0.0.0:7071"},
        {"ARCWAY_LOCAL": "1", "WEBSITE_HOSTNAME": "[::]:7071"},
        {"ARCWAY_LOCAL": "1", "WEBSITE_HOSTNAME": "arcway.azurewebsites.net"},
        {"ARCWAY_LOCAL": "1", "WEBSITE_HOSTNAME": "localhost.example:80"},
        {"ARCWAY_LOCAL": "1", "WEBSITE_HOSTNAME": "[broken"},
        {"ARCWAY_LOCAL": "yes", "WEBSITE_HOSTNAME": "127.0.0.1"},
        {"WEBSITE_HOSTNAME": "127.0.0.1"},
    ],
    ids=str,
)
def test_everywhere_else_it_is_needed(environment: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="ARCWAY_TENANT_ID and ARCWAY_CLIENT_ID must be set"):
        read_settings(environment)


def test_an_authority_is_the_public_cloud_unless_told() -> None:
    authority = read_settings(IDS).authority
    assert authority is not None
    assert (authority.issuer, authority.secret_name) == (f"https://login.microsoftonline.com/{TENANT}/v2.0", None)
    authority = read_settings({**IDS, "ARCWAY_AUTHORITY": "https://login.microsoftonline.us/"}).authority
    assert authority is not None
    assert authority.issuer == f"https://login.microsoftonline.us/{TENANT}/v2.0"


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"ARCWAY_TENANT_ID": TENANT}, "ARCWAY_CLIENT_ID must be set"),
        ({"ARCWAY_CLIENT_ID": CLIENT}, "ARCWAY_TENANT_ID must be set"),
        ({"ARCWAY_AUTHORITY": "https://login.example"}, "ARCWAY_TENANT_ID and ARCWAY_CLIENT_ID must be set"),
        ({"ARCWAY_CLIENT_SECRET_NAME": "arcway-page"}, "ARCWAY_TENANT_ID and ARCWAY_CLIENT_ID must be set"),
        ({**IDS, "ARCWAY_TENANT_ID": "common"}, "ARCWAY_TENANT_ID must be a GUID"),
        ({**IDS, "ARCWAY_CLIENT_ID": "{" + CLIENT + "}"}, "ARCWAY_CLIENT_ID must be a GUID"),
        ({**IDS, "ARCWAY_AUTHORITY": "http://login.example"}, "ARCWAY_AUTHORITY must be an https address"),
        ({**IDS, "ARCWAY_AUTHORITY": "https://login.example/tenant"}, "without a path"),
    ],
    ids=range(8),
)
def test_half_an_authority_is_an_error_even_on_loopback(environment: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read_settings({"ARCWAY_LOCAL": "1", "WEBSITE_HOSTNAME": "127.0.0.1", **environment})
