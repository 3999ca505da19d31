"""Idempotency keys that are remembered: a request without newer fields has the digest of before there were any."""

import hashlib
import json

import pytest

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from tests.unit.triggers.task_hub import BODY, Api, TaskHub
from triggers.access.callers import Role


def digest_before(request: Json) -> str:
    fields = {name: value for name, value in request.items() if name not in ("features", "gitops")}
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:32]


@pytest.mark.parametrize(
    ("newer", "code"),
    [
        ({}, Code.RUN_SUPERSEDED),
        ({"features": {"clusterConnect": True}}, Code.IDEMPOTENCY_KEY_REUSED),
        ({"gitops": {"name": "config"}}, Code.IDEMPOTENCY_KEY_REUSED),
    ],
)
async def test_key_that_was_remembered_before_newer_fields_still_belongs_to_its_request(
    hub: TaskHub, newer: Json, code: Code
) -> None:
    api = Api(hub, *Role)
    first = await api.send("POST onboardings", body=BODY, Idempotency_Key="key one")
    assert first.status == 202
    hub.end(hub.only.instance_id)
    second = await api.send("POST onboardings", body={**BODY, "tags": {"a": "b"}}, Idempotency_Key="key two")
    assert second.status == 202
    hub.end(hub.only.instance_id)
    (remembered,) = hub.only.payload["keys"]
    assert remembered["request"] == digest_before({**hub.only.payload["request"], "tags": None})
    third = await api.send("POST onboardings", body={**BODY, **newer}, Idempotency_Key="key one")
    assert third.body["code"] == code
