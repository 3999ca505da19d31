"""The proxy of a request: what is refused, what the agents reach without it."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from arcway.domain.errors import ArcError
from arcway.domain.proxy import IN_CLUSTER_HOSTS, is_skipped, no_proxy_list
from arcway.domain.request import parse_request

NOW = datetime.now(UTC)
KEY = ec.generate_private_key(ec.SECP256R1())


def certificate(*, ca: bool | None = True, begins: int = -1, ends: int = 30) -> str:
    """A certificate that is valid from so many days from now to so many days from now."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "proxy")])
    builder = x509.CertificateBuilder(
        name, name, KEY.public_key(), 7, NOW + timedelta(days=begins), NOW + timedelta(days=ends)
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def refusal(**proxy: object) -> list[dict[str, str]]:
    body = {
        "subscriptionId": "11111111-2222-3333-4444-555555555555",
        "resourceGroup": "g",
        "name": "n",
        "location": "eastus",
        "kubeconfig": {"secret": "arcway-n"},
        "proxy": proxy,
    }
    try:
        parse_request(body, "onboard")
    except ArcError as error:
        return error.details
    return []


def test_certificates_of_cas_are_taken_several_at_once() -> None:
    assert refusal(certificate=certificate() + certificate(ends=2)) == []


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("PEM", "PEM form"),
        ("", "PEM form"),
        (certificate(ca=False), "CA certificates only"),
        (certificate(ca=None), "CA certificates only"),
        (certificate() + certificate(ca=False), "CA certificates only"),
        (certificate(begins=-9, ends=-2), "has expired"),
        (certificate() + certificate(begins=-9, ends=-2), "has expired"),
        (certificate(begins=2), "not valid yet"),
        (
            certificate() + KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
            "private key",
        ),
    ],
)
def test_a_certificate_that_would_not_work_is_refused_by_name(message: str, why: str) -> None:
    [problem] = refusal(certificate=message)
    assert problem["field"] == "proxy.certificate"
    assert why in problem["message"]
    assert "BEGIN" not in problem["message"]


@pytest.mark.parametrize("url", ["http://user:password@proxy:3128", "http://user@proxy", "ftp://proxy", "proxy:3128"])
def test_an_address_that_is_no_plain_url_is_refused_without_repeating_it(url: str) -> None:
    [problem] = refusal(https=url)
    assert problem["field"] == "proxy.https"
    assert "user" not in problem["message"].replace("a user or password", "")


def test_the_word_arc_stands_for_the_clouds_arc_services() -> None:
    result = no_proxy_list("10.0.0.0/8, Arc ,.corp", (), "us").split(",")
    services = [".his.arc.azure.us", ".dp.kubernetesconfiguration.azure.us", ".guestconfiguration.azure.us"]
    assert result == ["10.0.0.0/8", *services, ".corp"]


def test_what_is_inside_the_cluster_comes_behind_what_was_asked_for_and_once() -> None:
    result = no_proxy_list(".SVC,10.96.0.0/12", (*IN_CLUSTER_HOSTS, "10.96.0.0/12", "10.244.0.0/16"), "com").split(",")
    assert result == [".SVC", "10.96.0.0/12", *(name for name in IN_CLUSTER_HOSTS if name != ".svc"), "10.244.0.0/16"]


@given(st.lists(st.text(alphabet="arcARC., 1", max_size=6)), st.lists(st.sampled_from(IN_CLUSTER_HOSTS)))
def test_no_entry_is_empty_or_comes_twice(given_: list[str], learnt: list[str]) -> None:
    result = no_proxy_list(",".join(given_), learnt, "com")
    entries = result.split(",") if result else []
    assert all(entry == entry.strip() != "" for entry in entries)
    assert len({entry.lower() for entry in entries}) == len(entries)


@pytest.mark.parametrize(
    ("host", "skipped"),
    [
        ("gbl.his.arc.azure.com", True),
        ("arc.example", True),
        ("deep.arc.example", True),
        ("notarc.example", False),
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_which_hosts_need_no_proxy(host: str, skipped: bool) -> None:
    assert is_skipped(host, "10.0.0.0/8,.His.arc.azure.com, arc.example,,") == skipped
