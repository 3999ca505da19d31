"""Who a caller is by the token: a user by name and object id, an application by its client, anonymous without."""

from typing import Any

import azure.functions as func
import pytest

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from tests.unit.access.conftest import Tenant
from triggers.access.authentication import Authentication
from triggers.access.callers import Caller, Role

OID = "11111111-0000-0000-0000-000000000001"
AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"


def bearing(authorization: str | None, method: str = "POST", **headers: str) -> func.HttpRequest:
    sent = {**headers, **({"Authorization": authorization} if authorization is not None else {})}
    return func.HttpRequest(method, "https://arcway.example/api/runs", headers=sent, body=b"")


async def caller_of(tenant: Tenant, **claims: Any) -> Caller:
    return await Authentication(tenant.tokens).caller_of(bearing(f"Bearer {tenant.token(**claims)}"))


async def test_a_user(tenant: Tenant) -> None:
    roles = ["Arcway.Onboard", "Shop.Team"]
    caller = await caller_of(tenant, roles=roles)
    assert caller == Caller("Alice Example", OID, frozenset({Role.ONBOARD}), other_roles=frozenset({"Shop.Team"}))
    assert (caller.identity.name, caller.identity.object_id) == ("Alice Example", OID)
    assert (caller.secret_user.object_id, caller.secret_user.roles) == (OID, frozenset(roles))


async def test_a_token_without_roles_is_of_a_caller_without_roles(tenant: Tenant) -> None:
    caller = await caller_of(tenant, roles=None)
    assert (caller.roles, caller.other_roles) == (frozenset(), frozenset())


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"preferred_username": "alice@example"}, "Alice Example"),
        ({"name": None, "preferred_username": "alice@example", "app_displayname": "CLI"}, "alice@example"),
        ({"name": None, "app_displayname": "Pipeline"}, "Pipeline"),
        ({"name": None}, OID),
        ({"name": "\u202e"}, OID),
        ({"name": None, "scp": None}, AZURE_CLI),
        ({"name": ["x"], "scp": None}, AZURE_CLI),
    ],
)
async def test_the_name_of_a_caller(tenant: Tenant, claims: dict[str, Any], name: str) -> None:
    assert (await caller_of(tenant, **claims)).name == name


async def test_the_scheme_is_read_without_regard_to_case_and_space(tenant: Tenant) -> None:
    for scheme in ("bearer ", "BEARER   "):
        caller = await Authentication(tenant.tokens).caller_of(bearing(f"{scheme}{tenant.token()} "))
        assert caller.object_id == OID


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer  ", "Basic YTpi"])
async def test_without_a_token_the_caller_is_anonymous(tenant: Tenant, authorization: str | None) -> None:
    with pytest.raises(ArcError) as caught:
        await Authentication(tenant.tokens).caller_of(bearing(authorization))
    assert (caught.value.code, caught.value.message) == (Code.NOT_SIGNED_IN, "The request has no bearer token.")


async def test_a_token_under_another_scheme_does_not_count(tenant: Tenant) -> None:
    with pytest.raises(ArcError, match=Code.NOT_SIGNED_IN):
        await Authentication(tenant.tokens).caller_of(bearing(f"Basic {tenant.token()}"))


async def test_a_token_is_not_sent_by_browsers_unasked_so_its_origin_does_not_matter(tenant: Tenant) -> None:
    request = bearing(f"Bearer {tenant.token()}", Origin="https://portal.example", **{"Sec-Fetch-Site": "cross-site"})
    assert (await Authentication(tenant.tokens).caller_of(request)).object_id == OID


def test_with_an_authority_any_address_may_be_the_pages_but_other_sites_send_no_forms(tenant: Tenant) -> None:
    authentication = Authentication(tenant.tokens)
    authentication.refuse_other_names(bearing(None))
    authentication.refuse_other_sites(bearing(None, Origin="http://arcway.example"))
    authentication.refuse_other_sites(bearing(None, **{"Sec-Fetch-Site": "same-origin"}))
    for method in ("GET", "HEAD"):
        authentication.refuse_other_sites(bearing(None, method, Origin="https://evil.example"))
    for origin in ("https://evil.example", "null", "https://arcway.example:8443", ""):
        with pytest.raises(ArcError, match=Code.CROSS_SITE_REQUEST):
            authentication.refuse_other_sites(bearing(None, Origin=origin))
