"""On the real API server: one verb less than a run needs is a finding, and a token that ends soon is renewed.

That each role suffices for its operation is in tests/e2e/real_cluster/test_least_privilege.py.
"""

import secrets
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from arcway.cluster.access import temporary_account
from arcway.cluster.access.api import ClusterApi, open_cluster
from arcway.cluster.access.kubeconfig import Access, read_kubeconfig
from arcway.cluster.access.refused_credential import seconds_left
from arcway.cluster.agents import change, removal
from arcway.cluster.checks import permissions, preflight
from arcway.cluster.checks.permissions import Permission
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.ids import ClusterId
from arcway.domain.references import KubeconfigReference
from arcway.domain.secret_names import temporary_name
from arcway.kubeconfig_upload import renewed
from arcway.private_file import write_private
from tests.installations import local_installation

# Beside other tests that use the control plane, a review may take long.
pytestmark = pytest.mark.timeout(900)

_ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
_TABLES = {
    "connect": permissions.TO_CONNECT,
    "network": permissions.TO_CHECK_THE_NETWORK,
    "change": permissions.TO_CHANGE,
    "disconnect": permissions.TO_DISCONNECT,
}
_SOME = ClusterId("11111111-2222-3333-4444-555555555555", "clusters", "shop")


@pytest.fixture
def administrator(control_plane: Path) -> Access:
    return read_kubeconfig(control_plane.read_text(), None, allow_loopback=True)


def test_a_token_that_ends_soon_is_renewed_with_its_own_rights(administrator: Access, tmp_path: Path) -> None:
    installation = local_installation(ARCWAY_SECRETS_DIR=str(tmp_path))
    proof = secrets.token_urlsafe(32)
    name = temporary_name("least", proof)
    reference = KubeconfigReference(secret=name, temporary=True, proof=proof)
    with open_cluster(administrator) as api:
        # The API server gives none for less than ten minutes, so that the first look finds fewer left.
        token = temporary_account.make(api, name, 600, permissions.TO_LOOK)
        access = replace(administrator, token=token.value, certificate=None, key=None)
        with open_cluster(access) as limited_api:
            temporary_account.wait_until_bound(limited_api, permissions.TO_LOOK, 60)
        write_private(tmp_path / name, access.as_kubeconfig().encode())
        fresh = renewed(installation, reference, access)
        assert fresh.token not in (None, access.token)
        assert fresh.token in (tmp_path / name).read_text()
        assert (seconds_left(fresh.token) or 0) > 1800
        assert renewed(installation, reference, fresh) is fresh
        with open_cluster(fresh) as limited_api:
            assert permissions.missing(limited_api, permissions.TO_LOOK) == []
            temporary_account.delete_with_own_token(limited_api, name, fresh.token)
        eventually(lambda: api.get(f"{_ROLES}/{name}") is None)


@pytest.fixture
def limited(administrator: Access) -> Iterator[tuple[Access, str]]:
    """A ServiceAccount whose role the test changes, and the role's name."""
    name = f"arcway-tmp-least-{uuid.uuid4().hex[:8]}"
    with open_cluster(administrator) as api:
        token = temporary_account.make(api, name, 3600, permissions.TO_LOOK)
        yield replace(administrator, token=token.value, certificate=None, key=None), name
        temporary_account.delete(api, name)


@pytest.mark.parametrize("table", _TABLES)
def test_one_verb_less_is_a_finding_that_names_it(
    administrator: Access, limited: tuple[Access, str], table: str, request: pytest.FixtureRequest
) -> None:
    """One verb of every resource; with `--slow` every verb. One that is lost in a namespace is lost in all."""
    access, name = limited
    needed = list(dict.fromkeys((*(permissions.TO_CONNECT if table == "network" else ()), *_TABLES[table])))
    verbs = {(entry.verb, entry.resource, entry.group): entry for entry in _TABLES[table]}
    if not request.config.getoption("--slow"):
        verbs = {key[1:]: entry for key, entry in verbs.items()}  # type: ignore[misc]
    with open_cluster(access) as api:
        _grant(administrator, name, needed)
        for item in verbs.values():
            lost = [entry for entry in needed if entry[:3] == item[:3]]
            _grant(administrator, name, [entry for entry in needed if entry not in lost])
            eventually(partial(_may_none, api, lost))
            eventually(partial(_may_all, api, [entry for entry in needed if entry not in lost]))
            messages = _findings(api, access, table)
            assert messages == {
                f"The credential lacks the permission to {line}." for line in permissions.in_words(lost)
            }


def _may_none(api: ClusterApi, needed: list[Permission]) -> bool:
    return len(permissions.missing(api, needed)) == len(needed)


def _may_all(api: ClusterApi, needed: list[Permission]) -> bool:
    return not permissions.missing(api, needed)


def _findings(api: ClusterApi, access: Access, table: str) -> set[str]:
    if table in ("connect", "network"):
        try:
            findings, _ = preflight.inspect(api, access, "x", proxied=False, network=table == "network")
        except ArcError as error:
            findings = [{"code": error.code, "message": error.message}]
    elif table == "change":
        findings = change.inspect(api, "x", _SOME)
    else:
        findings, *_ = removal.inspect(api, "x", _SOME)
    return {item["message"] for item in findings if item["code"] == Code.CLUSTER_PERMISSION_MISSING}


def _grant(administrator: Access, name: str, needed: list[Permission]) -> None:
    with open_cluster(administrator) as api:
        role = api.get(f"{_ROLES}/{name}")
        assert role
        assert api.replace(f"{_ROLES}/{name}", {**role, "rules": permissions.rules(needed)})


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 240
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
