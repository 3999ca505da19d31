"""The names of secrets: their kinds, and the proof that a temporary secret belongs to the caller."""

import hashlib

import pytest

from arcway.domain.secret_names import SecretKind, is_proved, kind_of, proxy_name, readable_part, temporary_name

PROOF = "0123456789abcdefghijklmnopqrst_-"
DIGEST = hashlib.sha256(PROOF.encode()).hexdigest()[:32]
NAME = f"arcway-tmp-shop-{DIGEST}"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("arcway-s", SecretKind.KUBECONFIG),
        ("arcway-tmpx", SecretKind.KUBECONFIG),
        (f"arcway-{'a' * 110}", SecretKind.KUBECONFIG),
        ("arcway-proxy", SecretKind.PROXY_CREDENTIALS),
        ("arcway-PROXY-x-tmp", SecretKind.PROXY_CREDENTIALS),
        ("arcway-tmp-x-proxy", SecretKind.TEMPORARY),
        ("arcway-page-x", SecretKind.PAGE),
        ("arcway-git", SecretKind.GIT_CREDENTIAL),
        ("arcway-extension-x", SecretKind.EXTENSION_SETTING),
        (f"arcway-{'a' * 111}", None),
        ("arcway-", None),
        ("arcway-a_b", None),
        ("Arcway-a", None),
        ("arcway-a\n", None),
    ],
)
def test_kind_is_the_word_after_the_prefix(name: str, kind: SecretKind | None) -> None:
    assert kind_of(name) is kind


@pytest.mark.parametrize(
    ("cluster", "part"),
    [
        ("shop", "shop"),
        ("Shop 1_(eu)", "shop-1-eu"),
        ("--shop--", "shop"),
        ("a" * 40, "a" * 30),
        ("a" * 29 + "--b", "a" * 29),
        ("中文", "cluster"),
        ("", "cluster"),
    ],
)
def test_temporary_secret_has_a_readable_part(cluster: str, part: str) -> None:
    assert readable_part(cluster) == part
    assert temporary_name(cluster, PROOF) == f"arcway-tmp-{part}-{DIGEST}"
    assert kind_of(temporary_name(cluster, PROOF)) is SecretKind.TEMPORARY


@pytest.mark.parametrize("name", [NAME, NAME.upper().replace("ARCWAY", "arcway")])
def test_proof_is_what_the_name_was_made_of(name: str) -> None:
    assert is_proved(name, PROOF)


@pytest.mark.parametrize(
    ("name", "proof"),
    [
        (NAME, None),
        (NAME, ""),
        (NAME, f"{PROOF}x"),
        (NAME, f"{PROOF}\n"),
        (f"{NAME}-proxy", PROOF),
        (NAME.replace("-tmp-", "-temp-"), PROOF),
        (f"arcway-proxy-{DIGEST}", PROOF),
        (f"arcway-tmp-{hashlib.sha256(b'short').hexdigest()[:32]}", "short"),
        (f"arcway-tmp-{hashlib.sha256(b'x' * 65).hexdigest()[:32]}", "x" * 65),
        ("arcway-tmp-", PROOF),
    ],
)
def test_proof_of_another_secret_or_form_is_refused(name: str, proof: str | None) -> None:
    assert not is_proved(name, proof)


def test_proof_may_have_64_characters() -> None:
    assert is_proved(temporary_name("shop", "x" * 64), "x" * 64)


def test_proxy_credentials_of_a_run_are_named_after_its_kubeconfig() -> None:
    assert proxy_name(NAME) == f"{NAME}-proxy"
