"""What both adapters do to releases: install, upgrade, uninstall, and what they say when it cannot be done."""

import base64
import dataclasses
import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from arcway.cluster.access.kubeconfig import Access
from arcway.cluster.helm import Helm
from arcway.cluster.helm.cli import HelmProgram
from arcway.cluster.helm.pool import WorkerPool
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json
from arcway_local.certificates import CertificateAuthority
from tests.contract.helm.conftest import THREE_OBJECTS, WITH_HOOK, packed
from tests.contract.kubernetes_api.conftest import Api

AWKWARD = r"http://us,er:p{a}s\s@10.0.0.1:3128"


def _settings(api: Api) -> Json:
    body: Json = api.http.get(api.path("configmaps", "settings")).json()
    return body


def test_a_release_from_nothing_to_nothing(helm: Helm, access: Access, api: Api) -> None:
    place = (access, "agents", api.namespace)
    assert helm.release(*place) is None
    helm.install(*place, THREE_OBJECTS, {"value": AWKWARD, "other": {"deep": True}})
    release = helm.release(*place)
    assert release is not None
    assert (release.status, release.revision, release.chart_version) == ("deployed", 1, "1.0.0")
    assert release.values == {"value": AWKWARD, "other": {"deep": True}}
    assert _settings(api)["data"] == {"value": AWKWARD}

    helm.upgrade(*place, packed("1.1.0", objects=_settings_only("two")), {"value": "x"})
    release = helm.release(*place)
    assert release is not None
    assert (release.revision, release.chart_version, release.values) == (2, "1.1.0", {"value": "x"})
    assert _settings(api)["data"] == {"value": "two"}
    assert api.http.get(api.path("services", "agents")).status_code == 404

    helm.uninstall(*place)
    assert helm.release(*place) is None
    assert api.http.get(api.path("configmaps", "settings")).status_code == 404
    helm.uninstall(*place)


def test_a_revision_comes_back_whole(helm: Helm, access: Access, api: Api) -> None:
    place = (access, "agents", api.namespace)
    helm.install(*place, THREE_OBJECTS, {"value": AWKWARD})
    helm.upgrade(*place, packed("1.1.0", objects=_settings_only("two")), {"value": "x"})
    # What the later chart no longer has may be there all the same, written by another client.
    body = {"metadata": {"name": "agents"}, "spec": {"selector": {"app": "theirs"}, "ports": [{"port": 80}]}}
    assert api.http.post(f"{api.path('services')}?fieldManager=other", json=body).status_code == 201
    earlier = helm.release(*place, 1)
    assert earlier is not None
    assert (earlier.revision, earlier.chart_version, earlier.values) == (1, "1.0.0", {"value": AWKWARD})
    helm.roll_back(*place, 1)
    release = helm.release(*place)
    assert release is not None
    assert (release.status, release.revision, release.chart_version) == ("deployed", 3, "1.0.0")
    assert release.values == {"value": AWKWARD}
    assert _settings(api)["data"] == {"value": AWKWARD}
    assert api.http.get(api.path("services", "agents")).json()["spec"]["selector"] == {"app": "agents"}
    assert helm.release(*place, 9) is None


def _settings_only(value: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings}}\ndata: {{value: {value}}}\n"


def test_uninstalling_runs_no_hooks(helm: Helm, access: Access, api: Api) -> None:
    place = (access, "agents", api.namespace)
    helm.install(*place, WITH_HOOK, {})
    jobs = api.path("jobs", group="batch")
    version = api.http.get(jobs).json()["metadata"]["resourceVersion"]
    helm.uninstall(*place)
    assert api.events(jobs, resourceVersion=version) == []
    assert helm.release(*place) is None


def test_each_adapter_continues_where_the_other_was(
    library: WorkerPool, program: HelmProgram, access: Access, api: Api
) -> None:
    place = (access, "agents", api.namespace)
    library.install(*place, THREE_OBJECTS, {"value": "1"})
    program.upgrade(*place, THREE_OBJECTS, {"value": "2"})
    library.upgrade(*place, THREE_OBJECTS, {"value": "3"})
    assert _settings(api)["data"] == {"value": "3"}
    assert {entry["manager"] for entry in _settings(api)["metadata"]["managedFields"]} == {"helm"}
    assert program.release(*place) == library.release(*place)
    program.uninstall(*place)


def test_what_another_manager_wrote_is_taken_over(helm: Helm, access: Access, api: Api) -> None:
    assert api.http.post("/api/v1/namespaces", json={"metadata": {"name": api.namespace}}).status_code == 201
    owned = {
        "labels": {"app.kubernetes.io/managed-by": "Helm"},
        "annotations": {"meta.helm.sh/release-name": "agents", "meta.helm.sh/release-namespace": api.namespace},
    }
    body = {"metadata": {"name": "settings", **owned}, "data": {"value": "theirs"}}
    assert api.http.post(f"{api.path('configmaps')}?fieldManager=other", json=body).status_code == 201
    helm.install(access, "agents", api.namespace, THREE_OBJECTS, {"value": "ours"})
    assert _settings(api)["data"] == {"value": "ours"}


def test_twenty_installs_at_once(helm: Helm, access: Access, api: Api) -> None:
    names = [f"agents-{number}" for number in range(20)]

    def chart(name: str) -> bytes:
        return packed(objects=_settings_only("x").replace("settings", name))

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(lambda name: helm.install(access, name, api.namespace, chart(name), {}), names))
        releases = list(threads.map(lambda name: helm.release(access, name, api.namespace), names))
    assert {release.status for release in releases if release} == {"deployed"}
    listed = {item["metadata"]["name"] for item in api.http.get(api.path("configmaps")).json()["items"]}
    assert listed >= set(names)


@pytest.mark.parametrize(
    ("template", "words", "code"),
    [
        ('{{ fail "no such thing" }}', "no such thing", Code.HELM_FAILED),
        ("kind: Unheard\napiVersion: of/v1\nmetadata: {name: x}", "of/v1", Code.RELEASE_API_MISSING),
    ],
)
def test_a_chart_that_cannot_be_installed(
    helm: Helm, access: Access, api: Api, template: str, words: str, code: str
) -> None:
    with pytest.raises(ArcError) as caught:
        helm.install(access, "agents", api.namespace, packed(objects=template), {})
    assert (caught.value.code, caught.value.retryable) == (code, False)
    assert words in caught.value.message


def test_a_name_that_is_in_use(helm: Helm, access: Access, api: Api) -> None:
    helm.install(access, "agents", api.namespace, THREE_OBJECTS, {})
    with pytest.raises(ArcError) as caught:
        helm.install(access, "agents", api.namespace, THREE_OBJECTS, {})
    assert caught.value.code == Code.HELM_FAILED
    assert "in use" in caught.value.message


def test_a_release_with_an_unfinished_operation_is_locked(helm: Helm, access: Access, api: Api) -> None:
    place = (access, "agents", api.namespace)
    helm.install(*place, THREE_OBJECTS, {})
    _mark_unfinished(api)
    release = helm.release(*place)
    assert release is not None
    assert release.status == "pending-upgrade"
    with pytest.raises(ArcError) as caught:
        helm.upgrade(*place, THREE_OBJECTS, {})
    assert caught.value.code == Code.RELEASE_LOCKED


def _mark_unfinished(api: Api) -> None:
    """Leave the record as an upgrade that is killed leaves it."""
    path = api.path("secrets", "sh.helm.release.v1.agents.v1")
    record = api.http.get(path).json()
    release = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(record["data"]["release"]))))
    release["info"]["status"] = "pending-upgrade"
    packed_again = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(release).encode()))).decode()
    change = {"metadata": {"labels": {"status": "pending-upgrade"}}, "data": {"release": packed_again}}
    assert api.patch(path, change, "merge-patch").status_code == 200


@pytest.mark.parametrize("wrong", ["port", "token", "authority"])
def test_a_server_that_refuses_is_named(
    helm: Helm, access: Access, api: Api, wrong: str, tmp_path: Path, free_port: int
) -> None:
    second = CertificateAuthority.open(tmp_path / "ca").certificate_pem.decode()
    bad = {
        "port": dataclasses.replace(access, server=f"https://127.0.0.1:{free_port}"),
        "token": dataclasses.replace(access, token="nobody", certificate=None, key=None),
        "authority": dataclasses.replace(access, ca=second),
    }[wrong]
    with pytest.raises(ArcError) as caught:
        helm.install(bad, "agents", api.namespace, THREE_OBJECTS, {})
    assert (caught.value.code, caught.value.retryable) == (Code.HELM_FAILED, True)


def test_charts_are_fetched_by_digest(helm: Helm, azure: Json) -> None:
    reference = f"{azure['registry']}/azurearck8s/azure-arc-k8sagents:1.36.2"
    digest = helm.digest_of(reference)
    assert digest.startswith("sha256:")
    archive = helm.pull(reference, digest)
    assert gzip.decompress(archive)
    assert helm.pull(reference, digest) == archive
    with pytest.raises(ArcError) as caught:
        helm.pull(reference, "sha256:" + "0" * 64)
    assert caught.value.code == Code.CHART_UNAVAILABLE
    with pytest.raises(ArcError) as caught:
        helm.digest_of(f"{azure['registry']}/azurearck8s/azure-arc-k8sagents:9.9.9")
    assert caught.value.code == Code.CHART_UNAVAILABLE
