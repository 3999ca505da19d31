"""The official Python client against the API."""

import base64
from pathlib import Path

import pytest
from kubernetes import client, watch
from kubernetes.client.exceptions import ApiException

from tests.contract.kubernetes_api.conftest import Api


def _client(api: Api, folder: Path) -> client.ApiClient:
    cluster, user = api.kubeconfig["clusters"][0]["cluster"], api.kubeconfig["users"][0]["user"]
    configuration = client.Configuration(host=cluster["server"])
    authority = folder / "ca.crt"
    authority.write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    configuration.ssl_ca_cert = str(authority)
    if "token" in user:
        configuration.api_key = {"authorization": f"Bearer {user['token']}"}
    else:
        for field, file in (("client-certificate-data", "cert_file"), ("client-key-data", "key_file")):
            (folder / file).write_bytes(base64.b64decode(user[field]))
            setattr(configuration, file, str(folder / file))
    return client.ApiClient(configuration)


def test_typed_objects_watch_and_errors(api: Api, tmp_path: Path) -> None:
    with _client(api, tmp_path) as connection:
        core = client.CoreV1Api(connection)
        body = client.V1Secret(metadata=client.V1ObjectMeta(name="a"), string_data={"x": "1"})
        created = core.create_namespaced_secret(api.namespace, body, field_manager="me", _request_timeout=240)
        assert created.data == {"x": base64.b64encode(b"1").decode()}
        changed = core.patch_namespaced_secret("a", api.namespace, {"data": {"y": "Mg=="}}, _request_timeout=240)
        assert set(changed.data or {}) == {"x", "y"}
        assert created.metadata is not None
        observed = watch.Watch().stream(  # type: ignore[no-untyped-call]
            core.list_namespaced_secret,
            api.namespace,
            resource_version=created.metadata.resource_version,
            timeout_seconds=1,
            _request_timeout=240,
        )
        assert [event["type"] for event in observed] == ["MODIFIED"]
        core.delete_namespaced_secret("a", api.namespace, _request_timeout=240)
        with pytest.raises(ApiException) as caught:
            core.read_namespaced_secret("a", api.namespace, _request_timeout=240)
        assert caught.value.status == 404


def test_nodes_versions_and_reviews(api: Api, tmp_path: Path) -> None:
    with _client(api, tmp_path) as connection:
        nodes = connection.sanitize_for_serialization(client.CoreV1Api(connection).list_node(_request_timeout=240))
        assert any(node["metadata"]["labels"]["kubernetes.io/os"] == "linux" for node in nodes["items"])
        assert all(node["status"]["capacity"]["cpu"] for node in nodes["items"])
        assert client.VersionApi(connection).get_code(_request_timeout=240).git_version.startswith("v1.")
        attributes = client.V1ResourceAttributes(verb="create", group="apps", resource="deployments")
        review = client.V1SelfSubjectAccessReview(
            spec=client.V1SelfSubjectAccessReviewSpec(resource_attributes=attributes)
        )
        answer = client.AuthorizationV1Api(connection).create_self_subject_access_review(review, _request_timeout=240)
        assert answer.status is not None
        assert answer.status.allowed
