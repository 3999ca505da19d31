"""What a request changes in an extension, what it may not change, and the bodies that Azure gets."""

from datetime import UTC, datetime
from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.extension_changes import changes_of, changing_body, conflicts, lost_settings, new_body
from arcway.domain.extension_request import Extension
from arcway.domain.json_values import Json

BEFORE, LAST, AFTER = (datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3))


def extension(**fields: Any) -> Extension:
    return Extension.model_validate({"name": "flux", **fields})


def resource(identity: str | None = "SystemAssigned", **properties: Any) -> Json:
    return {
        "name": "flux",
        "identity": {"type": identity} if identity else None,
        "systemData": {"lastModifiedAt": LAST.isoformat()},
        "properties": {
            "extensionType": "Microsoft.Flux",
            "autoUpgradeMinorVersion": True,
            "autoUpgradeMode": "compatible",
            "releaseTrain": "Stable",
            "version": None,
            "currentVersion": "1.18.2",
            "scope": {"cluster": {"releaseNamespace": "flux-system"}},
            "configurationSettings": {"a": "1", "of-others": "2"},
            "configurationProtectedSettings": {},
            "provisioningState": "Succeeded",
            **properties,
        },
    }


@pytest.mark.parametrize(
    ("fields", "properties", "changes"),
    [
        ({}, {}, []),
        ({"type": "microsoft.flux", "releaseTrain": "stable", "autoUpgrade": "compatible"}, {}, []),
        ({"settings": {"a": "1"}}, {}, []),
        ({"settings": {"a": "2", "b": "1"}}, {}, ["settings.a", "settings.b"]),
        ({"releaseTrain": "preview"}, {}, ["releaseTrain"]),
        ({"version": "1.17.3"}, {}, ["autoUpgradeMode", "version"]),
        ({"version": "1.18.2"}, {"autoUpgradeMode": "none"}, []),
        ({"autoUpgrade": "none"}, {"autoUpgradeMode": None, "autoUpgradeMinorVersion": False}, []),
        ({"autoUpgrade": "patch"}, {}, ["autoUpgradeMode"]),
        ({}, {"provisioningState": "Failed"}, ["provisioningState"]),
        ({}, {"provisioningState": "Canceled"}, ["provisioningState"]),
        ({"settings": {"a": "1"}}, {"configurationSettings": None}, ["settings.a"]),
    ],
)
def test_only_what_differs_is_a_change(fields: Json, properties: Json, changes: list[str]) -> None:
    assert changes_of(extension(**fields), resource(**properties), {}) == changes


@pytest.mark.parametrize(
    ("written", "existing", "drop", "changes"),
    [
        (BEFORE, ("key",), False, []),
        (LAST, ("key",), False, []),
        (AFTER, ("key",), False, ["protectedSettings.key"]),
        (None, ("key",), False, ["protectedSettings.key"]),
        (BEFORE, (), False, ["protectedSettings.key"]),
        (BEFORE, ("key", "other"), False, []),
        (BEFORE, ("key", "other"), True, ["protectedSettings.other"]),
    ],
)
def test_protected_setting_differs_if_its_secret_is_newer(
    written: datetime | None, existing: tuple[str, ...], drop: bool, changes: list[str]
) -> None:
    wanted = extension(protectedSettings={"key": {"secret": "arcway-extension-x"}}, dropProtectedSettings=drop)
    current = resource(configurationProtectedSettings=dict.fromkeys(existing, ""))
    assert changes_of(wanted, current, {"key": written}) == changes


def test_protected_setting_differs_if_azure_does_not_return_when_it_was_changed() -> None:
    wanted = extension(protectedSettings={"key": {"secret": "arcway-extension-x"}})
    current = resource(configurationProtectedSettings={"key": ""})
    for system_data in (None, {}, {"lastModifiedAt": "yesterday"}, {"lastModifiedAt": "2026-01-02T00:00:00"}):
        current["systemData"] = system_data
        assert changes_of(wanted, current, {"key": BEFORE}) == ["protectedSettings.key"]


@pytest.mark.parametrize("drop", [False, True])
def test_protected_settings_that_are_not_named_would_be_lost(drop: bool) -> None:
    wanted = extension(protectedSettings={"one": {"secret": "arcway-extension-x"}}, dropProtectedSettings=drop)
    current = resource(configurationProtectedSettings={"one": None, "two": None, "three": None})
    findings = lost_settings(wanted, current)
    assert [item["code"] for item in findings] == ([] if drop else [Code.PROTECTED_SETTINGS_NOT_NAMED])
    assert drop or "three, two" in findings[0]["message"]
    assert lost_settings(wanted, None) == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"type": "microsoft.other"}, "type Microsoft.Flux"),
        ({"scope": "namespace", "targetNamespace": "apps"}, "scope cluster"),
        ({"releaseNamespace": "apps"}, "namespace flux-system"),
        ({"identity": "None"}, "identity SystemAssigned"),
    ],
)
def test_what_cannot_be_changed_is_named_with_its_present_value(fields: Json, words: str) -> None:
    (item,) = conflicts(extension(**fields), resource(), [])
    assert item["code"] == Code.EXTENSION_CHANGE_NOT_POSSIBLE
    assert words in item["message"]


def test_what_is_as_it_was_created_may_be_named() -> None:
    same = {
        "type": "MICROSOFT.FLUX",
        "scope": "cluster",
        "releaseNamespace": "flux-system",
        "identity": "SystemAssigned",
    }
    assert conflicts(extension(**same), resource(), []) == []
    assert conflicts(extension(identity="None"), resource(identity=None), []) == []
    placed = resource(scope={"cluster": None, "namespace": {"targetNamespace": "apps"}})
    assert conflicts(extension(scope="namespace", targetNamespace="apps"), placed, []) == []


def test_another_extension_of_the_type_is_in_the_way_unless_it_is_of_a_namespace() -> None:
    wanted = extension(type="microsoft.flux")
    (item,) = conflicts(wanted, None, [{**resource(), "name": "gitops"}])
    assert (item["code"], "gitops" in item["message"]) == (Code.EXTENSION_TYPE_INSTALLED, True)
    placed = resource(scope={"namespace": {"targetNamespace": "apps"}})
    assert conflicts(wanted, None, [placed, resource(extensionType="microsoft.other")]) == []


def test_body_of_a_new_extension_has_the_defaults_of_az() -> None:
    wanted = extension(type="microsoft.flux", settings={"a": "1"})
    assert new_body(wanted, {"key": "value"}) == {
        "identity": {"type": "SystemAssigned"},
        "properties": {
            "extensionType": "microsoft.flux",
            "autoUpgradeMinorVersion": True,
            "autoUpgradeMode": "compatible",
            "releaseTrain": "stable",
            "scope": {"cluster": {}},
            "configurationSettings": {"a": "1"},
            "configurationProtectedSettings": {"key": "value"},
        },
    }


def test_version_ends_automatic_upgrades() -> None:
    properties = new_body(extension(type="microsoft.flux", version="1.17.3", identity="None"), {})["properties"]
    assert (properties["version"], properties["autoUpgradeMode"], properties["autoUpgradeMinorVersion"]) == (
        "1.17.3",
        "none",
        False,
    )
    plan = {"name": "p", "publisher": "q", "product": "r"}
    body = new_body(extension(type="a.b", plan=plan, identity="None"), {})
    assert (body["plan"], "identity" in body) == (plan, False)


@pytest.mark.parametrize(
    ("fields", "changes", "properties"),
    [
        (
            {"version": "1.17.3", "settings": {"a": "2", "b": "1"}},
            ["autoUpgradeMode", "settings.a", "version"],
            {
                "version": "1.17.3",
                "autoUpgradeMinorVersion": False,
                "autoUpgradeMode": "none",
                "configurationSettings": {"a": "2"},
            },
        ),
        (
            {"autoUpgrade": "patch"},
            ["autoUpgradeMode"],
            {"version": None, "autoUpgradeMinorVersion": True, "autoUpgradeMode": "patch"},
        ),
        (
            {"autoUpgrade": "none"},
            ["autoUpgradeMode"],
            {"autoUpgradeMinorVersion": False, "autoUpgradeMode": "none"},
        ),
        ({}, ["provisioningState"], {}),
        ({"dropProtectedSettings": True}, ["protectedSettings.x"], {"configurationProtectedSettings": {}}),
    ],
)
def test_body_of_a_change_has_only_what_differs(fields: Json, changes: list[str], properties: Json) -> None:
    assert changing_body(extension(**fields), {}, changes) == {"properties": properties}


def test_every_change_sends_all_protected_settings() -> None:
    body = changing_body(extension(settings={"a": "2"}), {"key": "value"}, ["settings.a"])
    assert body["properties"]["configurationProtectedSettings"] == {"key": "value"}
