"""On the real API server: the role of a credential for one run suffices for the run, and one verb less is a finding."""

import json
import re
import secrets
import uuid
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from arcway.azure import secrets as stored_secrets
from arcway.cluster import change, permissions, preflight, removal, temporary_account
from arcway.cluster.api import ClusterApi, cluster_api
from arcway.cluster.kubeconfig import Access, read_kubeconfig
from arcway.cluster.permissions import Permission
from arcway.domain.errors import ArcError
from arcway.domain.ids import ClusterId
from arcway.domain.references import KubeconfigReference
from arcway.domain.secret_names import temporary_name
from arcway.kubeconfigs import renewed
from arcway.local.certificates import write_private
from arcway.settings import read_settings
from tests.e2e.conftest import Arcway, Command
from tests.e2e.real_cluster.conftest import RealCluster
from tests.e2e.test_key_delivery import OLD

# Most of it is waiting for the other tests that need the cluster for themselves.
pytestmark = pytest.mark.timeout(500)

_ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
_TABLES = {
    "connect": permissions.TO_CONNECT,
    "network": permissions.TO_CHECK_THE_NETWORK,
    "change": permissions.TO_CHANGE,
    "disconnect": permissions.TO_DISCONNECT,
}
_SOME = ClusterId("11111111-2222-3333-4444-555555555555", "clusters", "shop")


def test_the_commands_do_with_their_own_roles(command: Command, arcway: Arcway, cluster: RealCluster) -> None:
    """Nothing in them has the rights of the administrator but the making of the ServiceAccount."""
    where = ("-n", "least", "-g", "clusters", "--subscription", arcway.subscription, "--kube-config", str(cluster.file))
    before = cluster.objects()

    def done(*arguments: str) -> str:
        completed = command(*arguments, "--quiet", timeout=240)
        assert completed.returncode == 0, completed.stderr
        cluster.eventually(lambda: not _left(cluster))
        return completed.stderr

    connected = done("connect", *where, "-l", "eastus", "--agent-version", OLD, "--disable-auto-upgrade")
    assert "bound to a ClusterRole of its own" in connected
    looked = command("agents", *where, timeout=100)
    assert looked.returncode == 0, looked.stderr
    done("update", *where, "--proxy-https", "http://proxy:3128", "--tags", "a=b")
    done("upgrade", *where)
    done("disconnect", *where, "--yes")
    assert cluster.objects() == before


def test_a_run_that_is_rolled_back_takes_all_along_with_its_own_role(
    command: Command, arcway: Arcway, cluster: RealCluster
) -> None:
    before = cluster.objects()
    resource = ClusterId(arcway.subscription, "clusters", "least").resource_id
    arcway.azure.put("provisioning-failures", {resource: {"code": "Broken", "message": "on purpose"}})
    where = ("-n", "least", "-g", "clusters", "--subscription", arcway.subscription, "--kube-config", str(cluster.file))
    failed = command("connect", *where, "-l", "eastus", "--on-failure", "rollback", "--quiet", timeout=240)
    assert (failed.returncode, "ARC-4010" in failed.stderr) == (1, True), failed.stderr
    assert "Left in place" not in failed.stderr
    cluster.eventually(lambda: cluster.objects() == before)


def test_a_token_that_ends_soon_is_renewed_with_its_own_rights(
    cluster: RealCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = read_settings({"ARCWAY_LOCAL": "1", "WEBSITE_HOSTNAME": "127.0.0.1", "ARCWAY_SECRETS_DIR": str(tmp_path)})
    monkeypatch.setattr(stored_secrets, "settings", lambda: here)
    own = read_kubeconfig(json.dumps(cluster.kubeconfig), None, allow_loopback=True)
    proof = secrets.token_urlsafe(32)
    name = temporary_name("least", proof)
    reference = KubeconfigReference(secret=name, temporary=True, proof=proof)
    with cluster_api(own) as api:
        # The API server gives none for less than ten minutes, so that the first look finds fewer left.
        token = temporary_account.make(api, name, 600, permissions.TO_LOOK)
        access = replace(own, token=token.text, certificate=None, key=None)
        with cluster_api(access) as limited_api:
            temporary_account.wait_until_bound(limited_api, permissions.TO_LOOK, 60)
        write_private(tmp_path / name, access.as_kubeconfig().encode())
        fresh = renewed(reference, access)
        assert fresh.token not in (None, access.token)
        assert fresh.token in (tmp_path / name).read_text()
        assert (temporary_account.seconds_left(fresh.token) or 0) > 1800
        assert renewed(reference, fresh) is fresh
        with cluster_api(fresh) as limited_api:
            assert permissions.missing(limited_api, permissions.TO_LOOK) == []
            temporary_account.discard(limited_api, name, fresh.token)
        cluster.eventually(lambda: not _left(cluster))


@pytest.fixture
def limited(cluster: RealCluster) -> Iterator[tuple[Access, str]]:
    """A ServiceAccount whose role the test changes, and the role's name."""
    own = read_kubeconfig(json.dumps(cluster.kubeconfig), None, allow_loopback=True)
    name = f"arcway-tmp-least-{uuid.uuid4().hex[:8]}"
    with cluster_api(own) as api:
        token = temporary_account.make(api, name, 3600, permissions.TO_LOOK)
        yield replace(own, token=token.text, certificate=None, key=None), name
        temporary_account.remove(api, name)


@pytest.mark.parametrize("table", _TABLES)
def test_one_verb_less_is_a_finding_that_names_it(
    cluster: RealCluster, limited: tuple[Access, str], table: str, request: pytest.FixtureRequest
) -> None:
    """One verb of every resource; with `--slow` every verb. One that is lost in a namespace is lost in all."""
    access, name = limited
    needed = list(dict.fromkeys((*(permissions.TO_CONNECT if table == "network" else ()), *_TABLES[table])))
    verbs = {(one.verb, one.resource, one.group): one for one in _TABLES[table]}
    if not request.config.getoption("--slow"):
        verbs = {key[1:]: one for key, one in verbs.items()}  # type: ignore[misc]
    with cluster_api(access) as api:
        _grant(cluster, name, needed)
        for item in verbs.values():
            lost = [one for one in needed if one[:3] == item[:3]]
            _grant(cluster, name, [one for one in needed if one not in lost])
            cluster.eventually(partial(_may_none, api, lost))
            cluster.eventually(partial(_may_all, api, [one for one in needed if one not in lost]))
            said = _findings(api, access, table)
            assert said == {f"The credential may not {text}." for text in permissions.in_words(lost)}


def _may_none(api: ClusterApi, needed: list[Permission]) -> bool:
    return len(permissions.missing(api, needed)) == len(needed)


def _may_all(api: ClusterApi, needed: list[Permission]) -> bool:
    return not permissions.missing(api, needed)


def _findings(api: ClusterApi, access: Access, table: str) -> set[str]:
    if table in ("connect", "network"):
        try:
            found, _ = preflight.inspect(api, access, "x", proxied=False, network=table == "network")
        except ArcError as error:
            found = [{"code": error.code, "message": error.message}]
    elif table == "change":
        found = change.inspect(api, "x", _SOME)
    else:
        found, *_ = removal.inspect(api, "x", _SOME)
    return {item["message"] for item in found if item["code"] == "ARC-2008"}


def _grant(cluster: RealCluster, name: str, needed: list[Permission]) -> None:
    role = cluster.get(f"{_ROLES}/{name}")
    assert cluster.send("PUT", f"{_ROLES}/{name}", {**role, "rules": permissions.rules(needed)}) == 200


def _left(cluster: RealCluster) -> set[str]:
    return {item for item in cluster.objects() if re.search(r"/arcway-tmp-", item)}
