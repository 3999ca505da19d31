"""Why an extension failed: each text that Azure is known to give has a code of its own."""

from typing import Any

import pytest

from arcway.domain.codes import Code
from arcway.domain.errors import CATALOGUE
from arcway.domain.extensions import code_of_failure, failures, with_failures
from arcway.domain.json_values import Json


def extension(**properties: Any) -> Json:
    return {"id": "/x/flux", "name": "flux", "properties": {"provisioningState": "Failed", **properties}}


def status(message: str, level: str | None = "Error") -> Json:
    return {"code": "InstallationFailed", "level": level, "message": message}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("release flux failed, and has been uninstalled due to atomic being set", Code.EXTENSION_INSTALL_TIMEOUT),
        ("Error: unable to add the configuration with configId {extension:flux}", Code.EXTENSION_NOT_CONFIGURED),
        ("status not populated", Code.EXTENSION_NOT_REPORTED),
        ("Retry for given duration didn't get any results with err {x}", Code.EXTENSION_NOT_REPORTED),
        ("Failed to resolve the extension version from the given values", Code.EXTENSION_VERSION_NOT_OFFERED),
        ("Deployment is not ready: flux-system/source-controller", Code.EXTENSION_PODS_NOT_READY),
        ('Deployment "x" exists and cannot be imported into the current release', Code.EXTENSION_INSTALLED_BY_OTHERS),
        ("something new", Code.EXTENSION_FAILED),
        ("", Code.EXTENSION_FAILED),
    ],
)
def test_failure_text_has_a_code(text: str, code: Code) -> None:
    assert code_of_failure(text) == code
    assert code_of_failure(text.upper()) == code


def test_deployment_counts_before_the_uninstallation_that_followed() -> None:
    text = "has been uninstalled due to atomic being set: Deployment is not ready: flux-system/helm-controller"
    assert code_of_failure(text) == Code.EXTENSION_PODS_NOT_READY


def test_each_reason_is_a_finding_once_with_remedy() -> None:
    info = {"code": "InstallationFailed", "message": "status not populated"}
    statuses = [status("status not populated"), status("Deployment is not ready: a/b", None), status("fine", "Warning")]
    first, second = failures(extension(statuses=statuses, errorInfo=info))
    assert (first["code"], first["level"]) == (Code.EXTENSION_NOT_REPORTED, "error")
    assert first["message"] == "Extension flux is Failed: status not populated"
    assert first["remedy"] == CATALOGUE[Code.EXTENSION_NOT_REPORTED].remedy
    assert second["code"] == Code.EXTENSION_PODS_NOT_READY


@pytest.mark.parametrize("state", ["Succeeded", "Creating", "Updating", "Deleting", None])
def test_no_failure_unless_it_failed(state: str | None) -> None:
    assert failures(extension(provisioningState=state, statuses=[status("an old one")])) == []


@pytest.mark.parametrize(
    "properties", [{}, {"statuses": None}, {"statuses": "text"}, {"statuses": ["text", {}]}, {"errorInfo": []}]
)
def test_failure_without_a_reason_is_a_failure(properties: Json) -> None:
    (item,) = failures(extension(**properties))
    assert (item["code"], item["message"]) == (
        Code.EXTENSION_FAILED,
        "Extension flux is Failed: Azure gives no reason.",
    )


def test_secrets_in_a_reason_are_masked() -> None:
    (item,) = failures(extension(statuses=[status("failed with https://me:hunter2@git.example/fleet")]))
    assert "hunter2" not in item["message"]


@pytest.mark.parametrize("protected", [{"password": "hunter2"}, {"password": ""}, {"password": None}])
def test_values_of_protected_settings_are_dropped(protected: Json) -> None:
    document = with_failures(extension(configurationProtectedSettings=protected, configurationSettings={"a": "1"}))
    assert document["properties"]["configurationProtectedSettings"] == {"password": None}
    assert document["properties"]["configurationSettings"] == {"a": "1"}
    assert "hunter2" not in str(document)


@pytest.mark.parametrize("protected", [None, "hunter2", ["hunter2"]])
def test_protected_settings_in_another_form_are_dropped(protected: Any) -> None:
    document = with_failures(extension(configurationProtectedSettings=protected))
    assert document["properties"]["configurationProtectedSettings"] == {}
