"""What a request changes in a Flux configuration, and what is sent."""

from datetime import UTC, datetime
from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.gitops_changes import applies_root, changes_of, changing_body, lost_settings, new_body
from arcway.domain.gitops_request import Configuration
from arcway.domain.gitops_validity import conflicts
from arcway.domain.json_values import Json

BEFORE, LAST, AFTER = (datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3))
GIT: Json = {"url": "https://git.example/fleet", "branch": "main"}
SECRET: Json = {"secret": "arcway-git-a"}


def configuration(**fields: Any) -> Configuration:
    return Configuration.model_validate({"name": "config", **fields})


def resource(**properties: Any) -> Json:
    """A configuration as Azure has it, completed."""
    repository = {
        "url": "https://git.example/fleet",
        "repositoryRef": {"branch": "main", "tag": None, "semver": None, "commit": None},
        "timeoutInSeconds": 600,
        "httpsUser": None,
        "provider": "Generic",
        "localAuthRef": None,
    }
    kustomization = {"name": "apps", "path": "./apps", "dependsOn": None, "prune": True, "wait": True, "force": False}
    content = {
        "scope": "cluster",
        "namespace": "fleet",
        "sourceKind": "GitRepository",
        "gitRepository": repository,
        "bucket": None,
        "suspend": False,
        "kustomizations": {"apps": {**kustomization, "postBuild": {"substitute": None, "substituteFrom": None}}},
        "configurationProtectedSettings": {},
        "provisioningState": "Succeeded",
    }
    return {
        "name": "config",
        "properties": {**content, **properties},
        "systemData": {"lastModifiedAt": LAST.isoformat()},
    }


def repository(**fields: Any) -> Json:
    """The properties with a repository that has these fields."""
    return {"gitRepository": {**resource()["properties"]["gitRepository"], **fields}}


def sent(desired: Configuration, current: Json, **protected: str) -> Json:
    properties: Json = changing_body(desired, current, protected)["properties"]
    return properties


def test_new_configuration_is_sent_with_the_defaults_of_az() -> None:
    desired = configuration(gitRepository=GIT, kustomizations={"apps": {"prune": True}, "old": None})
    assert changes_of(desired, None, {}) == ["configuration"]
    assert new_body(desired, {"httpsKey": "eA=="})["properties"] == {
        "scope": "cluster",
        "namespace": "default",
        "suspend": False,
        "sourceKind": "GitRepository",
        "gitRepository": {"url": "https://git.example/fleet", "repositoryRef": {"branch": "main"}},
        "kustomizations": {"apps": {"prune": True}},
        "configurationProtectedSettings": {"httpsKey": "eA=="},
    }


def test_new_configuration_without_kustomizations_applies_the_root_with_a_warning() -> None:
    desired = configuration(gitRepository=GIT)
    assert new_body(desired, {})["properties"]["kustomizations"] == {"kustomization-1": {"path": ""}}
    (warning,) = applies_root(desired, None)
    assert (warning["code"], warning["level"]) == (Code.GITOPS_APPLIES_ROOT, "warning")
    assert applies_root(desired, resource()) == []
    assert applies_root(configuration(gitRepository=GIT, kustomizations={"apps": {}}), None) == []


def test_same_request_changes_nothing() -> None:
    kustomization = {"path": "./apps", "prune": True, "wait": True, "force": False, "dependsOn": [], "postBuild": {}}
    desired = configuration(
        gitRepository={**GIT, "provider": "Generic"},
        suspend=False,
        namespace="fleet",
        kustomizations={"apps": kustomization},
    )
    assert changes_of(desired, resource(), {}) == []
    assert sent(desired, resource()) == {}


def test_only_what_differs_is_sent() -> None:
    changed = {"apps": {"path": "./other", "wait": False, "prune": True}, "new": {"path": "a"}, "gone": None}
    desired = configuration(gitRepository={**GIT, "timeoutInSeconds": 60}, suspend=True, kustomizations=changed)
    assert changes_of(desired, resource(), {}) == [
        "gitRepository.timeoutInSeconds",
        "kustomizations.apps.path",
        "kustomizations.apps.wait",
        "kustomizations.new",
        "suspend",
    ]
    assert sent(desired, resource()) == {
        "suspend": True,
        "gitRepository": {"timeoutInSeconds": 60},
        "kustomizations": {"apps": {"path": "./other", "wait": False}, "new": {"path": "a"}},
    }


def test_kustomization_is_removed_by_null() -> None:
    desired = configuration(kustomizations={"apps": None})
    assert changes_of(desired, resource(), {}) == ["kustomizations.apps"]
    assert sent(desired, resource()) == {"kustomizations": {"apps": None}}


def test_reference_is_replaced_as_a_whole() -> None:
    desired = configuration(gitRepository={"tag": "v1"})
    reference = sent(desired, resource())["gitRepository"]["repositoryRef"]
    assert reference == {"branch": None, "tag": "v1", "semver": None, "commit": None}


def test_values_of_variables_are_replaced_as_a_whole() -> None:
    apps = {**resource()["properties"]["kustomizations"]["apps"], "postBuild": {"substitute": {"a": "1", "b": "2"}}}
    current = resource(kustomizations={"apps": apps})
    desired = configuration(kustomizations={"apps": {"postBuild": {"substitute": {"a": "3"}}}})
    assert changes_of(desired, current, {}) == ["kustomizations.apps.postBuild"]
    assert sent(desired, current)["kustomizations"]["apps"]["postBuild"]["substitute"] == {"a": "3", "b": None}


def test_another_kind_takes_the_place_of_the_source() -> None:
    desired = configuration(bucket={"url": "https://s3.example", "bucketName": "a"})
    assert changes_of(desired, resource(), {}) == ["sourceKind"]
    assert sent(desired, resource()) == {
        "sourceKind": "Bucket",
        "bucket": {"url": "https://s3.example", "bucketName": "a"},
        "gitRepository": None,
    }


def test_failed_configuration_is_applied_again() -> None:
    assert changes_of(configuration(), resource(provisioningState="Failed"), {}) == ["provisioningState"]


@pytest.mark.parametrize(("written", "differs"), [(BEFORE, False), (LAST, False), (AFTER, True), (None, True)])
def test_protected_setting_counts_by_the_time_of_its_secret(written: datetime | None, differs: bool) -> None:
    current = resource(**repository(httpsUser="a"))
    desired = configuration(gitRepository={**GIT, "httpsUser": "a"}, protectedSettings={"httpsKey": SECRET})
    expected = ["protectedSettings.httpsKey"] if differs else []
    assert changes_of(desired, current, {"httpsKey": written}) == expected


def test_protected_settings_are_never_dropped_silently() -> None:
    current = resource(**repository(httpsUser="a"))
    (item,) = lost_settings(configuration(suspend=True), current)
    assert (item["code"], "httpsKey" in item["message"]) == (Code.PROTECTED_SETTINGS_NOT_NAMED, True)
    assert lost_settings(configuration(suspend=True, dropProtectedSettings=True), current) == []
    # Over SSH there is no use for it.
    over_ssh = configuration(gitRepository={"url": "git@git.example:fleet"})
    assert lost_settings(over_ssh, current) == []
    assert sent(over_ssh, current) == {
        "gitRepository": {"url": "git@git.example:fleet", "httpsUser": None},
        "configurationProtectedSettings": {"httpsKey": None},
    }


def test_secret_of_the_cluster_takes_the_place_of_keys_and_the_other_way_round() -> None:
    current = resource(**repository(httpsUser="a"))
    desired = configuration(gitRepository={"localAuthRef": "own"})
    assert conflicts(desired, current) == lost_settings(desired, current) == []
    assert sent(desired, current)["gitRepository"] == {"localAuthRef": "own", "httpsUser": None}
    current = resource(**repository(localAuthRef="own"))
    desired = configuration(gitRepository={"httpsUser": "a"}, protectedSettings={"httpsKey": SECRET})
    assert conflicts(desired, current) == []
    assert sent(desired, current, httpsKey="eA==")["gitRepository"] == {"httpsUser": "a", "localAuthRef": None}


@pytest.mark.parametrize(
    ("desired", "current", "words"),
    [
        ({}, None, "name its source"),
        ({"gitRepository": {"url": "https://git.example/a"}}, None, "one of branch, tag, semver and commit"),
        ({"gitRepository": {"branch": "a"}}, None, "needs url"),
        ({"bucket": {"url": "https://s3.example"}}, None, "needs bucketName"),
        ({"scope": "namespace"}, resource(), "has scope cluster"),
        ({"namespace": "other"}, resource(), "has namespace fleet"),
        ({"protectedSettings": {"httpsKey": SECRET}}, resource(), "needs httpsUser"),
        ({"protectedSettings": {"bucketSecretKey": SECRET}}, resource(), "cannot use"),
        ({"kustomizations": {"a": {"dependsOn": ["b"]}}}, resource(), "depends on what it does not have: b"),
        ({"kustomizations": {"a": {"dependsOn": ["apps"]}, "apps": {"dependsOn": ["a"]}}}, None, "circle"),
    ],
)
def test_what_would_not_be_valid_is_named(desired: Json, current: Json | None, words: str) -> None:
    if words == "circle":
        with pytest.raises(ValueError, match=words):
            configuration(**desired)
        return
    assert words in conflicts(configuration(**desired), current)[0]["message"]


def test_circle_with_what_exists_is_named() -> None:
    apps = {**resource()["properties"]["kustomizations"]["apps"], "dependsOn": ["infra"]}
    desired = configuration(kustomizations={"infra": {"dependsOn": ["apps"]}})
    (item,) = conflicts(desired, resource(kustomizations={"apps": apps}))
    assert (item["code"], "apps, infra, apps" in item["message"]) == (Code.GITOPS_NOT_VALID, True)


def test_valid_change_has_no_findings() -> None:
    assert conflicts(configuration(suspend=True), resource()) == []
    assert conflicts(configuration(gitRepository=GIT), None) == []
