"""The contexts of a kubeconfig, and what is kept of it."""

import json
from typing import Any

import pytest

from arcway import kubeconfig_upload
from arcway.cluster.access.kubeconfig import contexts
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from tests.installations import local_installation

CONFIG: dict[str, Any] = {
    "clusters": [
        {"name": "a", "cluster": {"server": "https://127.0.0.1:6443", "certificate-authority-data": "Y2E="}},
        {"name": "b", "cluster": {"server": "https://127.0.0.2:6443", "certificate-authority-data": "Y2E="}},
    ],
    "users": [{"name": "u", "user": {"token": "token-of-a"}}, {"name": "v", "user": {"token": "token-of-b"}}],
    "contexts": [
        {"name": "one", "context": {"cluster": "a", "user": "u"}},
        {"name": "two", "context": {"cluster": "b", "user": "v"}},
    ],
    "current-context": "two",
}


def test_names_and_the_current_one() -> None:
    assert contexts(json.dumps(CONFIG)) == (["one", "two"], "two")
    assert contexts('{"contexts": [{"name": "x"}, {"name": 7}, {}], "current-context": 5}') == (["x"], None)


@pytest.mark.parametrize("message", ["", "[]", "{}", '{"contexts": 5}', '{"contexts": [5]}', "a: [", "a: &x 1\nb: *x"])
def test_what_has_no_contexts_is_refused(message: str) -> None:
    with pytest.raises(ArcError) as caught:
        contexts(message)
    assert caught.value.code == Code.KUBECONFIG_INVALID


def test_only_the_chosen_context_is_kept_under_a_name_of_its_content() -> None:
    document, installation = json.dumps(CONFIG), local_installation()
    first, two = (
        kubeconfig_upload.examine(installation, document, "one"),
        kubeconfig_upload.examine(installation, document, None),
    )
    assert "token-of-a" in first.kubeconfig
    assert "token-of-b" not in first.kubeconfig
    assert "token-of-b" in two.kubeconfig
    assert first.secret != two.secret
    assert kubeconfig_upload.examine(installation, json.dumps({**CONFIG, "extensions": []}), "one") == first
    assert "token-of" not in repr(first)
