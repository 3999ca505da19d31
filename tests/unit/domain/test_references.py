"""References to secrets: each takes its own kind, and every refusal names the field and what to do."""

from typing import Any

import pytest
from pydantic import ValidationError

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from arcway.domain.references import KubeconfigReference, wrong_kubeconfig, wrong_references
from arcway.domain.secret_names import temporary_name

PROOF = "p" * 32
NAME = temporary_name("shop", PROOF)
OWN: Json = {"secret": NAME, "temporary": True, "proof": PROOF}
CREDENTIALS = "must be the name of proxy credentials: arcway-proxy-NAME, or those created with a temporary kubeconfig"


@pytest.mark.parametrize(
    ("reference", "field", "message"),
    [
        ({**OWN, "proof": None}, "kubeconfig.proof", "must be the proof of the temporary secret"),
        ({**OWN, "proof": "q" * 32}, "kubeconfig.proof", "must be the proof of the temporary secret"),
        ({"secret": "arcway-shop", "proof": PROOF}, "kubeconfig.proof", "is only allowed with a temporary secret"),
        ({"secret": NAME, "proof": PROOF}, "kubeconfig.proof", "is only allowed with a temporary secret"),
        ({"secret": NAME}, "kubeconfig.temporary", "must be true for a name that starts with arcway-tmp-"),
        (
            {"secret": "arcway-proxy-x"},
            "kubeconfig.secret",
            "must be the name of a kubeconfig; this name is for another kind: proxy credentials",
        ),
    ],
)
def test_kubeconfig_of_another_kind_is_refused(reference: Json, field: str, message: str) -> None:
    problems = [{"field": field, "message": message}]
    assert wrong_kubeconfig(KubeconfigReference.model_validate(reference)) == problems
    assert wrong_references({"kubeconfig": reference}) == problems


@pytest.mark.parametrize("reference", [OWN, {"secret": "arcway-shop"}, {"secret": "arcway-shop", "context": "a b/c"}])
def test_kubeconfig_of_its_kind_is_taken(reference: Json) -> None:
    assert wrong_kubeconfig(KubeconfigReference.model_validate(reference)) == []
    assert wrong_references({"kubeconfig": reference}) == []


@pytest.mark.parametrize(
    ("kubeconfig", "credentials", "accepted"),
    [
        ({"secret": "arcway-shop"}, "arcway-proxy-corp", True),
        (None, "arcway-proxy-corp", True),
        (OWN, "arcway-proxy-corp", True),
        (OWN, f"{NAME}-proxy", True),
        (OWN, NAME, False),
        ({"secret": "arcway-shop"}, "arcway-shop-proxy", False),
        ({"secret": NAME}, f"{NAME}-proxy", False),
        (None, f"{NAME}-proxy", False),
        (None, "arcway-page-x", False),
        ("not an object", "arcway-page-x", False),
    ],
)
def test_proxy_credentials_are_of_their_kind_or_of_the_same_run(
    kubeconfig: Any, credentials: str, accepted: bool
) -> None:
    body = {"kubeconfig": kubeconfig, "proxy": {"credentials": {"secret": credentials}}}
    problems = [item for item in wrong_references(body) if item["field"] == "proxy.credentials.secret"]
    assert problems == ([] if accepted else [{"field": "proxy.credentials.secret", "message": CREDENTIALS}])


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kubeconfig": None, "proxy": None},
        {"kubeconfig": 5, "proxy": 5},
        {"proxy": {"credentials": 5}},
        {"kubeconfig": {"secret": "x"}, "proxy": {"credentials": {"secret": "x"}}},
        {"proxy": {}},
    ],
)
def test_what_the_models_refuse_is_not_reported_twice(body: Json) -> None:
    assert wrong_references(body) == []


def test_kubeconfig_and_credentials_are_both_reported() -> None:
    body = {"kubeconfig": {"secret": "arcway-page-x"}, "proxy": {"credentials": {"secret": "arcway-x"}}}
    assert [item["field"] for item in wrong_references(body)] == ["kubeconfig.secret", "proxy.credentials.secret"]


def test_context_has_the_length_of_a_name_in_kubernetes() -> None:
    assert KubeconfigReference(secret="arcway-shop", context="c" * 253).context == "c" * 253
    with pytest.raises(ValidationError, match="context"):
        KubeconfigReference(secret="arcway-shop", context="c" * 254)


@pytest.mark.parametrize(
    ("secret", "field"), [("shop", "secret"), ("arcway-shop", "temporary"), ("arcway-proxy-x", "temporary")]
)
def test_temporary_secret_has_the_name_of_one_and_an_invalid_name_is_reported_once(secret: str, field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        KubeconfigReference.model_validate({"secret": secret, "temporary": True})
    assert [item["loc"] for item in refused.value.errors()] == [(field,)]


def test_code_of_a_missing_secret_says_whether_it_was_temporary() -> None:
    assert KubeconfigReference(secret="arcway-shop").code_when_gone is Code.SECRET_UNUSABLE
    assert KubeconfigReference.model_validate(OWN).code_when_gone is Code.TEMPORARY_CREDENTIAL_GONE
