"""A reference reads only the kind of secret that it is for, and a secret of one run belongs to that run."""

import json
import secrets
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json
from arcway.domain.owners import SecretUser
from arcway.domain.request import parse_request
from arcway.domain.secret_names import SecretKind, is_proved, kind_of, temporary_name
from arcway.private_file import write_private
from arcway.settings import SettingsError, read_settings
from tests.e2e.conftest import Arcway, SimulatedCluster
from tests.e2e.signed import Signed

_PLANTED = f"planted-{uuid.uuid4().hex}"
_BODY: Json = {
    "subscriptionId": "11111111-2222-3333-4444-555555555555",
    "resourceGroup": "clusters",
    "name": "shop",
    "location": "eastus",
    "kubeconfig": {"secret": "arcway-shop"},
}
_OTHER_KINDS = ("arcway-proxy", "arcway-proxy-x", "arcway-page-x", "arcway-PAGE-x", "arcway-Page", "arcway-git-x")
_NO_PROXY = ("arcway-shop", "arcway-kubeconfig-x", "arcway-page-x", "arcway-Page-X", "arcway-tmp-x-proxy")
_OWNER = "99999999-0000-0000-0000-000000000001"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("arcway-shop", SecretKind.KUBECONFIG),
        ("arcway-kubeconfig-1", SecretKind.KUBECONFIG),
        ("arcway-proxy-corp", SecretKind.PROXY_CREDENTIALS),
        ("arcway-Proxy-corp", SecretKind.PROXY_CREDENTIALS),
        ("arcway-TMP-1", SecretKind.TEMPORARY),
        ("arcway-page-client-secret", SecretKind.PAGE),
        ("arcway-git-1", SecretKind.GIT_CREDENTIAL),
        ("arcway-", None),
        ("arcway-a/../arcway-page-x", None),
        ("arcway-page-x\n", None),
        ("page", None),
    ],
)
def test_the_name_says_the_kind_in_any_case(name: str, kind: SecretKind | None) -> None:
    assert kind_of(name) is kind


@pytest.mark.parametrize("name", _NO_PROXY)
@pytest.mark.parametrize("operation", ["onboard", "check", "update"])
def test_proxy_credentials_take_their_own_kind_only(name: str, operation: str) -> None:
    proxy = {"https": "http://proxy:3128", "credentials": {"secret": name}}
    body = {**_BODY, "operation": operation, "proxy": proxy}
    if operation == "update":
        del body["location"]
    assert wrong_fields(body) == ["proxy.credentials.secret"]


@pytest.mark.parametrize("name", _OTHER_KINDS)
def test_a_kubeconfig_is_of_its_own_kind_only(name: str) -> None:
    assert wrong_fields({**_BODY, "kubeconfig": {"secret": name}}) == ["kubeconfig.secret"]


@pytest.mark.parametrize(
    "name", ["arcway-shop", "arcway-proxy-x", "arcway-page-x", "arcway-tmp-x", "arcway-extension-x"]
)
@pytest.mark.parametrize("operation", ["onboard", "applyGitops"])
def test_a_git_credential_is_of_its_own_kind_only(name: str, operation: str) -> None:
    """Otherwise a repository of the caller's choice would be sent a kubeconfig."""
    repository = {"url": "https://attacker.example/x", "branch": "main", "httpsUser": "x"}
    content = {"name": "x", "gitRepository": repository, "protectedSettings": {"httpsKey": {"secret": name}}}
    field = "gitops" if operation == "onboard" else "configuration"
    body = {**_BODY, "operation": operation, field: content}
    if operation != "onboard":
        del body["location"]
    assert wrong_fields(body) == [f"{field}.protectedSettings.httpsKey.secret"]


def test_a_temporary_secret_needs_the_proof_that_its_name_was_made_of() -> None:
    proof = secrets.token_urlsafe(32)
    name = temporary_name("Shop 1", proof)
    assert is_proved(name, proof)
    good = {"secret": name, "temporary": True, "proof": proof}
    parse_request({**_BODY, "kubeconfig": good})
    assert wrong_fields({**_BODY, "kubeconfig": {**good, "proof": None}}) == ["kubeconfig.proof"]
    assert wrong_fields({**_BODY, "kubeconfig": {**good, "proof": secrets.token_urlsafe(32)}}) == ["kubeconfig.proof"]
    assert wrong_fields({**_BODY, "kubeconfig": {"secret": name}}) == ["kubeconfig.temporary"]
    assert wrong_fields({**_BODY, "kubeconfig": {**good, "secret": f"{name}-proxy"}}) == ["kubeconfig.proof"]
    assert wrong_fields({**_BODY, "kubeconfig": {**good, "secret": "arcway-shop"}}) == ["kubeconfig.temporary"]


def test_the_proxy_credentials_of_one_run_go_with_its_kubeconfig() -> None:
    proof = secrets.token_urlsafe(32)
    name, second = temporary_name("shop", proof), temporary_name("shop", secrets.token_urlsafe(32))
    mine = {"secret": name, "temporary": True, "proof": proof}
    proxy = {"https": "http://proxy:3128", "credentials": {"secret": f"{name}-proxy"}}
    parse_request({**_BODY, "kubeconfig": mine, "proxy": proxy})
    for kubeconfig, credentials in ((mine, f"{second}-proxy"), ({"secret": "arcway-shop"}, f"{name}-proxy")):
        body = {**_BODY, "kubeconfig": kubeconfig, "proxy": {**proxy, "credentials": {"secret": credentials}}}
        assert wrong_fields(body) == ["proxy.credentials.secret"]


@pytest.mark.parametrize("name", ["arcway-client-secret", "arcway-proxy-x", "page", "arcway-tmp-page"])
@pytest.mark.parametrize("setting", ["ARCWAY_CLIENT_SECRET_NAME", "ARCWAY_SESSION_KEYS_NAME"])
def test_the_secrets_of_the_page_are_of_a_kind_that_no_request_can_name(setting: str, name: str) -> None:
    ids = dict.fromkeys(("ARCWAY_TENANT_ID", "ARCWAY_CLIENT_ID"), "99999999-8888-7777-6666-555555555555")
    with pytest.raises(SettingsError, match=setting):
        read_settings({**ids, setting: name})


def test_the_session_keys_are_not_the_client_secret() -> None:
    ids = dict.fromkeys(("ARCWAY_TENANT_ID", "ARCWAY_CLIENT_ID"), "99999999-8888-7777-6666-555555555555")
    names = dict.fromkeys(("ARCWAY_CLIENT_SECRET_NAME", "ARCWAY_SESSION_KEYS_NAME"), "arcway-page-one")
    with pytest.raises(SettingsError, match="a different secret"):
        read_settings({**ids, **names})


@pytest.mark.parametrize(
    ("owners", "owned"),
    [
        (None, True),
        ("", False),
        (" , ", False),
        ("AAAA-1", True),
        ("bbbb-2 aaaa-1", True),
        ("Team.Shop", True),
        ("team.shop", False),
        ("bbbb-2;Team.Other", False),
    ],
)
def test_owners_are_object_ids_or_roles(owners: str | None, owned: bool) -> None:
    assert SecretUser("aaaa-1", frozenset({"Team.Shop"})).owns(owners) is owned
    assert SecretUser().owns(owners) is (owners is None)


def test_the_text_of_no_other_secret_comes_out(arcway: Arcway, cluster: SimulatedCluster) -> None:
    victims = [cluster.store(_PLANTED, prefix=prefix) for prefix in ("arcway-", "arcway-page-", "arcway-tmp-")]
    for victim in victims:
        proxy = {"https": "http://10.0.0.1:3128", "credentials": {"secret": victim}}
        answer = arcway.start(arcway.request(cluster, proxy=proxy))
        assert (answer.status_code, answer.json()["code"]) == (400, Code.INVALID_FIELDS)
        assert _PLANTED not in answer.text
        for body in ({"proxy": proxy}, {"kubeconfig": {"secret": victim, "temporary": True}}):
            answer = arcway.http.post("/updates", json={**arcway.offboarding(cluster), "tags": {"a": "b"}, **body})
            assert answer.status_code == 400
            assert _PLANTED not in answer.text


@pytest.mark.parametrize("prefix", ["arcway-page-", "arcway-proxy-", "arcway-tmp-", "arcway-PAGE-"])
def test_the_agents_are_not_read_with_another_kind_of_secret(
    arcway: Arcway, cluster: SimulatedCluster, prefix: str
) -> None:
    name = cluster.store(json.dumps(cluster.kubeconfig), prefix=prefix)
    path = f"/connectedClusters/{arcway.subscription}/clusters/c-{cluster.name}/agents"
    answer = arcway.http.get(path, params={"kubeconfig": name})
    assert (answer.status_code, answer.json()["code"]) == (400, Code.INVALID_PARAMETERS)
    headers = {"x-arcway-proof": secrets.token_urlsafe(32)}
    assert arcway.http.get(path, params={"kubeconfig": name}, headers=headers).status_code == 400


@pytest.mark.parametrize(
    "message",
    [
        "plantedname",
        ":plantedpassword",
        "user:pass\nword",
        "user:pass\x1bword",
        f"user:{'x' * 508}",
        json.dumps({"apiVersion": "v1", "kind": "Config", "x": "x" * 500}),
        "",
    ],
)
def test_proxy_credentials_are_one_line_and_nothing_is_begun_with_others(
    arcway: Arcway, cluster: SimulatedCluster, message: str
) -> None:
    objects_before = cluster.objects()
    name = cluster.store(message, prefix="arcway-proxy-")
    proxy = {"https": "http://10.0.0.1:3128", "credentials": {"secret": name}}
    run = arcway.connect(cluster, proxy=proxy)
    assert (run["state"], run["error"]["code"], run["changed"]) == ("Failed", Code.PROXY_CREDENTIALS_INVALID, False)
    assert cluster.objects() == objects_before
    assert not message or message not in json.dumps(run)


def test_no_other_callers_temporary_secret_is_used_or_deleted(arcway: Arcway, cluster: SimulatedCluster) -> None:
    victim = cluster.store(json.dumps(cluster.kubeconfig), prefix="arcway-tmp-shop-")
    folder = Path(arcway.stack.secrets)
    for reference in ({"secret": victim}, {"secret": victim, "temporary": True}):
        for path, body in (("/onboardings", arcway.request(cluster)), ("/offboardings", arcway.offboarding(cluster))):
            answer = arcway.http.post(path, json={**body, "kubeconfig": reference})
            assert (answer.status_code, answer.json()["code"]) == (400, Code.INVALID_FIELDS)
    assert (folder / victim).exists()


def test_a_run_deletes_its_own_secrets_and_no_other(arcway: Arcway, cluster: SimulatedCluster) -> None:
    proof = secrets.token_urlsafe(32)
    name, folder = temporary_name("shop", proof), Path(arcway.stack.secrets)
    names = (name, f"{name}-proxy", f"{name}x", "arcway-proxy-kept")
    for item in names:
        write_private(folder / item, b"user:password")
    write_private(folder / name, json.dumps(cluster.kubeconfig).encode())
    kubeconfig = {"secret": name, "temporary": True, "proof": proof}
    proxy = {"https": "http://10.0.0.1:3128", "credentials": {"secret": f"{name}-proxy"}}
    run = arcway.connect(cluster, kubeconfig=kubeconfig, proxy=proxy)
    assert run["state"] == "Succeeded", run["error"]
    assert [(folder / item).exists() for item in names] == [False, False, True, True]
    assert proof not in json.dumps(run)


@pytest.fixture
def owned(signed: Signed) -> Iterator[tuple[Arcway, SimulatedCluster]]:
    cluster = SimulatedCluster(signed.clusters, signed.stack)
    yield signed.arcway(signed.token("onboarder")), cluster
    cluster.file.unlink(missing_ok=True)


@pytest.mark.parametrize("owners", [_OWNER, "Team.Shop", "queue"])
def test_a_secret_with_owners_is_used_by_these_alone(
    signed: Signed, owned: tuple[Arcway, SimulatedCluster], owners: str
) -> None:
    stranger, cluster = owned
    write_private(Path(signed.stack.secrets) / f"{cluster.secret}.json", json.dumps({"owners": owners}).encode())
    run = stranger.connect(cluster)
    assert (run["state"], run["error"]["code"], run["changed"]) == ("Failed", Code.SECRET_NOT_OWNED, False)
    path = f"/connectedClusters/{stranger.subscription}/clusters/c-{cluster.name}/agents"
    assert stranger.http.get(path, params={"kubeconfig": cluster.secret}).status_code == 403
    roles = ["Arcway.Onboard", "Arcway.Read", "Team.Shop"]
    owner = signed.arcway(signed.token("onboarder", roles=roles, oid=_OWNER))
    if owners != "queue":
        owner.subscription = stranger.subscription
        assert owner.connect(cluster)["state"] == "Succeeded"


def wrong_fields(body: Json) -> list[str]:
    with pytest.raises(ArcError, match=Code.INVALID_FIELDS) as refused:
        parse_request(body)
    return [item["field"] for item in refused.value.details]
