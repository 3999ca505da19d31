"""What a credential is held against is what the documentation says."""

from pathlib import Path
from typing import Any

import pytest

from arcway.cluster.checks import permissions
from arcway.cluster.checks.permissions import Permission, in_words, missing

PAGE = Path(__file__).parents[3] / "docs" / "permissions.md"
HEADINGS = {
    "Connecting": permissions.TO_CONNECT,
    "Checking the network (`checkNetwork`)": permissions.TO_CHECK_THE_NETWORK,
    "Custom locations (`features.customLocations`)": permissions.TO_GRANT_CUSTOM_LOCATIONS,
    "Updating and upgrading": permissions.TO_CHANGE,
    "Disconnecting": permissions.TO_DISCONNECT,
}


@pytest.mark.parametrize("heading", HEADINGS)
def test_the_documentation_lists_every_verb(heading: str) -> None:
    section = PAGE.read_text().partition(f"### {heading}\n")[2].partition("\n#")[0]
    written = [line.removeprefix("- ") for line in section.splitlines() if line.startswith("- ")]
    assert written == in_words(list(dict.fromkeys(HEADINGS[heading])))


class Api:
    """Allows some things and counts questions."""

    def __init__(self, *allowed: Permission) -> None:
        self.allowed = allowed
        self.asked = 0

    def may(self, *attributes: str) -> bool:
        self.asked += 1
        return Permission(*attributes) in self.allowed


def test_an_administrator_is_asked_about_once() -> None:
    admin: Any = Api(Permission("*", "*", "*"))
    assert (missing(admin, permissions.TO_CONNECT), admin.asked) == ([], 1)


def test_other_users_are_asked_about_each_verb_once() -> None:
    pods = [Permission(verb, "pods", "", "n") for verb in ("get", "list", "list", "watch")]
    some: Any = Api(pods[0])
    assert in_words(missing(some, pods)) == ["list, watch pods in namespace n"]
    assert some.asked == 4


@pytest.mark.parametrize("operation", ["onboard", "update"])
def test_custom_locations_take_escalate_and_bind_of_one_role_alone(operation: str) -> None:
    plain = permissions.role_for(operation)
    additional = set(permissions.role_for(operation, custom_locations=True)) - set(plain)
    assert {(item.verb, item.resource, item.name) for item in additional} == {
        (verb, "clusterroles", "AzureArc-Microsoft.ExtendedLocation-RP-Role") for verb in ("escalate", "bind")
    }


def test_azure_policy_reads_one_definition_more_than_an_extension() -> None:
    policy, extension = (set(permissions.role_for(name)) for name in ("enablePolicy", "applyExtension"))
    crds = Permission("get", "customresourcedefinitions", "apiextensions.k8s.io")
    assert (policy - extension, extension - policy) == ({crds}, set())
    for operation in ("deleteExtension", "deleteGitops", "disablePolicy"):
        removal = {(item.verb, item.resource) for item in permissions.role_for(operation)}
        assert removal == {("get", "configmaps"), ("list", "deployments"), ("get", "extensionconfigs")}
    network = set(permissions.role_for("enablePolicy", network=True)) - policy
    assert network == set(permissions.TO_CHECK_THE_NETWORK)
