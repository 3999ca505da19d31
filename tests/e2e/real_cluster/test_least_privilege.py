"""On the real API server: the role of a credential for one run suffices for the run and for its rollback."""

import re

import pytest

from arcway.domain.codes import Code
from arcway.domain.ids import ClusterId
from tests.e2e.conftest import Arcway, Command
from tests.e2e.real_cluster.conftest import RealCluster
from tests.e2e.test_key_delivery import OLD

# Most of it is waiting for the other tests that need the cluster for themselves.
pytestmark = pytest.mark.timeout(900)


def test_the_commands_do_with_their_own_roles(command: Command, arcway: Arcway, cluster: RealCluster) -> None:
    """Nothing in them has the rights of the administrator but the making of the ServiceAccount."""
    where = ("-n", "least", "-g", "clusters", "--subscription", arcway.subscription, "--kube-config", str(cluster.file))
    objects_before = cluster.objects()

    def done(*arguments: str) -> str:
        completed = command(*arguments, "--quiet", timeout=240)
        assert completed.returncode == 0, completed.stderr
        cluster.eventually(lambda: not _left(cluster))
        return completed.stderr

    connected = done("connect", *where, "-l", "eastus", "--agent-version", OLD, "--disable-auto-upgrade")
    assert "bound to a ClusterRole of its own" in connected
    listing = command("agents", *where, timeout=240)
    assert listing.returncode == 0, listing.stderr
    done("update", *where, "--proxy-https", "http://proxy:3128", "--tags", "a=b")
    done("upgrade", *where)
    done("disconnect", *where, "--yes")
    assert cluster.objects() == objects_before


def test_a_run_that_is_rolled_back_takes_all_along_with_its_own_role(
    command: Command, arcway: Arcway, cluster: RealCluster
) -> None:
    objects_before = cluster.objects()
    resource = ClusterId(arcway.subscription, "clusters", "least").resource_id
    arcway.azure.put("provisioning-failures", {resource: {"code": "Broken", "message": "on purpose"}})
    where = ("-n", "least", "-g", "clusters", "--subscription", arcway.subscription, "--kube-config", str(cluster.file))
    failed = command("connect", *where, "-l", "eastus", "--on-failure", "rollback", "--quiet", timeout=240)
    assert (failed.returncode, Code.PROVISIONING_FAILED in failed.stderr) == (1, True), failed.stderr
    assert "Left in place" not in failed.stderr
    cluster.eventually(lambda: cluster.objects() == objects_before)


def _left(cluster: RealCluster) -> set[str]:
    return {item for item in cluster.objects() if re.search(r"/arcway-tmp-", item)}
