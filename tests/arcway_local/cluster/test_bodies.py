"""Bodies that are not JSON, and patches with the directives that kubectl sends."""

import base64
from typing import Any

import pytest

from arcway_local.cluster import protobuf
from arcway_local.cluster.fields import decode, encode
from arcway_local.cluster.patches import strategic_merge_patch


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2, len(content)]) + content


def _enveloped(kind: bytes, raw: bytes) -> bytes:
    return protobuf.MAGIC + _field(1, _field(1, b"v1") + _field(2, kind)) + _field(2, raw)


def test_a_secret_in_protobuf() -> None:
    labels = _field(11, _field(1, b"owner") + _field(2, b"helm"))
    metadata = _field(1, b"a") + _field(3, b"default") + _field(5, b"") + labels
    raw = (
        _field(1, metadata)
        + _field(2, _field(1, b"release") + _field(2, b"\x00\xff"))
        + _field(3, b"helm.sh/release.v1")
    )
    assert protobuf.decode(_enveloped(b"Secret", raw)) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "a", "namespace": "default", "labels": {"owner": "helm"}},
        "data": {"release": base64.b64encode(b"\x00\xff").decode()},
        "type": "helm.sh/release.v1",
    }


def test_delete_options_in_protobuf() -> None:
    raw = bytes([1 << 3, 0]) + _field(2, _field(1, b"uid")) + _field(4, b"Foreground")
    decoded = protobuf.decode(_enveloped(b"DeleteOptions", raw))
    assert decoded["gracePeriodSeconds"] == 0
    assert decoded["preconditions"] == {"uid": "uid"}
    assert decoded["propagationPolicy"] == "Foreground"


_TRUNCATED = _enveloped(b"Secret", b"")[:-3]


@pytest.mark.parametrize("body", [b"{}", _enveloped(b"Pod", b""), _TRUNCATED, protobuf.MAGIC + b"\xff"])
def test_what_is_not_understood_is_an_error_of_its_own(body: bytes) -> None:
    with pytest.raises(protobuf.UnknownMessageError):
        protobuf.decode(body)


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"env": [{"name": "b", "value": "2"}]}, {"env": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]}),
        ({"env": [{"name": "a", "$patch": "delete"}]}, {"env": []}),
        ({"env": [{"name": "c", "value": "3"}, {"$patch": "replace"}]}, {"env": [{"name": "c", "value": "3"}]}),
        ({"env": [{"name": "a", "value": None}]}, {"env": [{"name": "a"}]}),
        (
            {"$setElementOrder/env": [{"name": "b"}, {"name": "a"}], "env": [{"name": "b"}]},
            {"env": [{"name": "b"}, {"name": "a", "value": "1"}]},
        ),
        ({"$patch": "replace", "x": 1}, {"x": 1}),
        ({"args": ["new"]}, {"env": [{"name": "a", "value": "1"}], "args": ["new"]}),
    ],
)
def test_strategic_merge_patch(patch: dict[str, Any], expected: dict[str, Any]) -> None:
    assert strategic_merge_patch({"env": [{"name": "a", "value": "1"}]}, patch) == expected


def test_field_sets_survive_their_wire_form() -> None:
    paths = {("f:spec",), ("f:spec", "f:x"), ("f:spec", 'k:{"name":"a"}'), ("f:spec", 'k:{"name":"a"}', "f:y")}
    encoded = encode(paths)
    assert encoded["f:spec"]['k:{"name":"a"}'] == {".": {}, "f:y": {}}
    assert decode(encoded) == paths
