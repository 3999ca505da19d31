"""The requests about Flux configurations: every problem at once, and no secret in any of them."""

import base64
import json
from typing import Any

import pytest

from arcway.domain.errors import ArcError
from arcway.domain.gitops_request import ApplyGitopsRequest, circle_of
from arcway.domain.json_values import Json
from arcway.domain.phases import APPLY_GITOPS, DELETE_GITOPS, DELETE_GITOPS_AND_EXTENSION, GITOPS
from arcway.domain.request import parse_request, phases_of_request, read_request

PLACE: Json = {"subscriptionId": "11111111-2222-3333-4444-555555555555", "resourceGroup": "clusters", "name": "shop"}
GIT: Json = {"url": "https://git.example/fleet", "branch": "main"}
CANARY = "hunter2canary"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def body(**configuration: Any) -> Json:
    content = {"name": "config", "gitRepository": GIT, **configuration}
    return {**PLACE, "configuration": content}


def problems(invalid: Json, operation: Any = "applyGitops") -> dict[str, str]:
    """The messages by field, without the part of the request that they are about."""
    with pytest.raises(ArcError) as caught:
        parse_request(invalid, operation)
    assert CANARY not in json.dumps(caught.value.as_dict())
    return {item["field"].removeprefix("configuration."): item["message"] for item in caught.value.details}


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example/fleet",
        "http://git.example:8080/fleet.git",
        "ssh://git@git.example/fleet",
        "ssh://git@git.example:2222/fleet",
        "git@git.example:team/fleet.git",
    ],
)
def test_urls_of_git_are_accepted(url: str) -> None:
    request = parse_request(body(gitRepository={**GIT, "url": url}), "applyGitops")
    assert read_request(request.as_json()) == request


@pytest.mark.parametrize(
    "url",
    [
        f"https://user:{CANARY}@git.example/fleet",
        f"https://{CANARY}@git.example/fleet",
        f"https://git.example/fleet?token={CANARY}",
        f"https://git.example/fleet#{CANARY}",
        f"ssh://git:{CANARY}@git.example/fleet",
        f"git:{CANARY}@git.example:fleet",
        f"HTTPS://user:{CANARY}@git.example/fleet",
        f"ssh://git@git.example/fleet?{CANARY}",
        "ftp://git.example/fleet",
        "/local/path",
        "git@git.example:/absolute",
        "ssh://git.example",
        "https://git.example/fl eet",
    ],
)
def test_urls_with_credentials_are_refused_and_not_repeated(url: str) -> None:
    assert [*problems(body(gitRepository={**GIT, "url": url}))] == ["gitRepository.url"]


@pytest.mark.parametrize("field", ["bucket", "azureBlob"])
def test_urls_of_stores_have_no_signature(field: str) -> None:
    source = {"url": f"https://store.example/?sig={CANARY}"}
    assert [*problems(body(gitRepository=None, **{field: source}))] == [f"{field}.url"]


def test_values_of_secrets_are_not_accepted() -> None:
    for field in ("accountKey", "sasToken"):
        blob = {"url": "https://store.example", "containerName": "a", field: CANARY}
        assert f"azureBlob.{field}" in problems(body(gitRepository=None, azureBlob=blob))
    invalid = body(protectedSettings={"httpsKey": CANARY})
    assert [*problems(invalid)] == ["protectedSettings.httpsKey"]
    kind = problems(
        body(gitRepository={**GIT, "httpsUser": "a"}, protectedSettings={"httpsKey": {"secret": "arcway-shop"}})
    )
    assert kind == {
        "protectedSettings.httpsKey.secret": "must be the name of a credential of a Flux source: arcway-git-NAME"
    }


def test_one_reference_is_named() -> None:
    assert [*problems(body(gitRepository={**GIT, "tag": "v1", "semver": ">1"}))] == [
        "gitRepository.tag",
        "gitRepository.semver",
    ]
    parse_request(body(gitRepository={**GIT, "commit": "a" * 40}), "applyGitops")
    oci = {"url": "oci://registry.example/fleet", "tag": "a", "semver": ">1"}
    assert [*problems(body(gitRepository=None, ociRepository=oci))] == ["ociRepository"]


def test_credentials_belong_to_the_scheme_and_to_one_another() -> None:
    secret = {"secret": "arcway-git-a"}
    over_ssh = {"url": "git@git.example:fleet", "branch": "main"}
    assert [*problems(body(gitRepository={**over_ssh, "httpsUser": "a"}))] == ["gitRepository.httpsUser"]
    assert [*problems(body(gitRepository=over_ssh, protectedSettings={"httpsKey": secret}))] == ["protectedSettings"]
    assert [*problems(body(protectedSettings={"sshPrivateKey": secret}))] == ["protectedSettings"]
    assert [*problems(body(gitRepository={**GIT, "httpsUser": "a"}))] == ["protectedSettings"]
    local = {**GIT, "localAuthRef": "own"}
    assert [*problems(body(gitRepository=local, protectedSettings={"httpsKey": secret}))] == ["protectedSettings"]
    assert [*problems(body(gitRepository={**local, "httpsUser": "a"}))] == ["gitRepository.httpsUser"]
    bucket = {"url": "https://s3.example", "bucketName": "a", "accessKey": "b"}
    assert [*problems(body(gitRepository=None, bucket=bucket))] == ["protectedSettings"]


@pytest.mark.parametrize(
    ("text", "is_good"),
    [
        ("git.example ssh-ed25519 AAAAC3Nz\n# comment\n\ngit.example ecdsa-sha2-nistp256 AAAA= me\n", True),
        ("@cert-authority *.example ssh-rsa AAAA\n", True),
        ("git.example", False),
        ("# only a comment", False),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", False),
    ],
)
def test_known_hosts_have_their_form(text: str, is_good: bool) -> None:
    invalid = body(gitRepository={"url": "git@git.example:fleet", "branch": "a", "sshKnownHosts": encoded(text)})
    if is_good:
        parse_request(invalid, "applyGitops")
    else:
        assert [*problems(invalid)] == ["gitRepository.sshKnownHosts"]


def test_certificates_are_certificates() -> None:
    invalid = {**GIT, "httpsCACert": encoded("-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----")}
    assert [*problems(body(gitRepository=invalid))] == ["gitRepository.httpsCACert"]
    assert [*problems(body(gitRepository={**GIT, "httpsCACert": "not base64"}))] == ["gitRepository.httpsCACert"]


def test_kustomizations_depend_on_one_another_without_a_circle() -> None:
    invalid = problems(
        body(kustomizations={"a": {"dependsOn": ["b"]}, "b": {"dependsOn": ["c"]}, "c": {"dependsOn": ["a"]}})
    )
    assert invalid == {"kustomizations": "dependsOn has a circle: a → b → c → a"}
    assert "a → a" in problems(body(kustomizations={"a": {"dependsOn": ["a"]}}))["kustomizations"]
    assert "removed" in problems(body(kustomizations={"a": {"dependsOn": ["b"]}, "b": None}))["kustomizations"]
    # What the request does not name may exist.
    parse_request(body(kustomizations={"a": {"dependsOn": ["b"]}}), "applyGitops")


def test_circle_is_found_behind_what_leads_to_it() -> None:
    assert circle_of({"a": ["b"], "b": ["c", "d"], "c": [], "d": ["b"]}) == ["b", "d", "b"]
    assert circle_of({"a": ["b", "c"], "b": ["c"], "c": ["gone"]}) is None


def test_names_are_short_enough_together() -> None:
    parse_request(body(name="c" * 40, kustomizations={"k" * 22: {}}), "applyGitops")
    assert "62 characters" in problems(body(name="c" * 40, kustomizations={"k" * 23: {}}))["kustomizations"]


def test_one_source_is_named() -> None:
    assert problems(body(bucket={"url": "https://s3.example"})) == {
        "bucket": "cannot be given together with gitRepository"
    }


def test_all_problems_are_named_at_once() -> None:
    invalid = body(
        name="Config",
        scope="all",
        suspend="yes",
        gitRepository={"url": "ftp://x", "timeoutInSeconds": 0, "unknown": 1},
        kustomizations={"Apps": {}, "apps": {"prune": "true", "postBuild": {"substitute": {"1a": "x", "b": 1}}}},
    )
    assert {*problems(invalid)} == {
        "name",
        "scope",
        "suspend",
        "gitRepository.url",
        "gitRepository.timeoutInSeconds",
        "gitRepository.unknown",
        "kustomizations.Apps.[key]",
        "kustomizations.apps.prune",
        "kustomizations.apps.postBuild.substitute.1a.[key]",
        "kustomizations.apps.postBuild.substitute.b",
    }


def test_phases_follow_the_request() -> None:
    assert phases_of_request(parse_request(body(), "applyGitops")) == APPLY_GITOPS
    deletion = {**PLACE, "configuration": {"name": "config"}}
    assert phases_of_request(parse_request(deletion, "deleteGitops")) == DELETE_GITOPS
    with_extension = parse_request({**deletion, "withExtension": True}, "deleteGitops")
    assert phases_of_request(with_extension) == DELETE_GITOPS_AND_EXTENSION
    connect = {
        **PLACE,
        "location": "eastus",
        "kubeconfig": {"secret": "arcway-shop"},
        "gitops": body()["configuration"],
    }
    assert phases_of_request(parse_request(connect, "onboard"))[-5:] == (*GITOPS, "publishResult")


def test_requests_are_read_as_they_were_written() -> None:
    request = parse_request({**body(kustomizations={"a": None}), "complianceTimeout": 60}, "applyGitops")
    assert isinstance(request, ApplyGitopsRequest)
    assert read_request(request.as_json()) == request
    deletion = parse_request({**PLACE, "configuration": {"name": "config"}, "operation": "deleteGitops"})
    assert read_request(deletion.as_json()) == deletion
    for checked in (request, deletion):
        check = checked.model_copy(update={"operation": "check"})
        assert read_request(check.as_json()) == check


def test_references_of_a_connect_are_checked_too() -> None:
    gitops = {**body()["configuration"], "protectedSettings": {"sshPrivateKey": {"secret": "arcway-proxy-a"}}}
    gitops["gitRepository"] = {"url": "git@git.example:fleet", "branch": "a"}
    connect = {**PLACE, "location": "eastus", "kubeconfig": {"secret": "arcway-shop"}, "gitops": gitops}
    assert [*problems(connect, "onboard")] == ["gitops.protectedSettings.sshPrivateKey.secret"]
