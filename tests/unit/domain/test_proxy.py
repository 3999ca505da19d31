"""The proxy of a request: what is refused, what the agents reach without it."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.proxy import (
    IN_CLUSTER_HOSTS,
    Proxy,
    is_skipped,
    no_proxy_list,
    proxy_credentials,
    with_credentials,
)
from arcway.domain.request import parse_request
from arcway.domain.secrets_held import MASK, holding, mask

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


@pytest.mark.parametrize("url", ["http://proxy:3128", "https://proxy"])
def test_proxy_is_reached_by_http_or_https(url: str) -> None:
    assert refusal(https=url, http=url) == []


def test_certificates_of_cas_are_taken_several_at_once() -> None:
    assert refusal(certificate=certificate() + certificate(ends=2)) == []


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("PEM", "must be one or more certificates in PEM form"),
        ("", "must be one or more certificates in PEM form"),
        (certificate(ca=False), "must contain CA certificates only; CN=proxy is not one"),
        (certificate(ca=None), "must contain CA certificates only; CN=proxy is not one"),
        (certificate() + certificate(ca=False), "must contain CA certificates only; CN=proxy is not one"),
        (certificate(begins=-9, ends=-2), "has expired"),
        (certificate() + certificate(begins=-9, ends=-2), "has expired"),
        (certificate(begins=2), "is not valid yet"),
        (
            certificate() + KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
            "must not contain a private key",
        ),
    ],
)
def test_a_certificate_that_would_not_work_is_refused_by_name(message: str, why: str) -> None:
    [problem] = refusal(certificate=message)
    assert problem["field"] == "proxy.certificate"
    assert problem["message"].startswith(why)
    assert "BEGIN" not in problem["message"]


@pytest.mark.parametrize("url", ["http://user:password@proxy:3128", "http://user@proxy", "ftp://proxy", "proxy:3128"])
def test_an_address_that_is_not_a_plain_url_is_refused_without_repeating_it(url: str) -> None:
    [problem] = refusal(https=url)
    assert problem["field"] == "proxy.https"
    assert "user" not in problem["message"].replace("a user or password", "")


def test_the_word_arc_stands_for_the_clouds_arc_services() -> None:
    result = no_proxy_list("10.0.0.0/8, Arc ,.corp", (), "us").split(",")
    services = [".his.arc.azure.us", ".dp.kubernetesconfiguration.azure.us", ".guestconfiguration.azure.us"]
    assert result == ["10.0.0.0/8", *services, ".corp"]


def test_skip_range_without_a_request_is_what_the_cluster_has() -> None:
    assert no_proxy_list(None, ("10.96.0.0/12", ".svc"), "com") == "10.96.0.0/12,.svc"
    assert no_proxy_list(None, (), "com") == ""


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


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "kubernetes.default.svc", "api.shop.svc", "api.shop.svc.cluster.local"]
)
def test_hosts_inside_every_cluster_need_no_proxy(host: str) -> None:
    assert is_skipped(host, no_proxy_list(None, IN_CLUSTER_HOSTS, "com"))
    assert not is_skipped(f"{host}.example", no_proxy_list(None, IN_CLUSTER_HOSTS, "com"))


@pytest.mark.parametrize(
    ("field", "value", "limit"),
    [("https", "http://proxy/", 2048), ("http", "http://proxy/", 2048), ("skipRange", "a,", 4096)],
)
def test_settings_of_a_proxy_have_a_limit(field: str, value: str, limit: int) -> None:
    assert refusal(**{field: value.ljust(limit, "a")}) == []
    assert [item["field"] for item in refusal(**{field: value.ljust(limit + 1, "a")})] == [f"proxy.{field}"]


def test_certificates_of_a_proxy_have_a_limit() -> None:
    one = certificate()
    most = one + "\n" * (32_768 - len(one))
    assert refusal(certificate=most) == []
    assert [item["field"] for item in refusal(certificate=most + "\n")] == ["proxy.certificate"]


@pytest.mark.parametrize(("host", "skipped"), [("X.corp", False), ("xcorp", False), ("corp", True), ("A.CORP", True)])
def test_domain_of_the_skip_range_is_read_in_any_case(host: str, skipped: bool) -> None:
    assert is_skipped(host, ".Corp" if skipped else "X.Corp2,Xcorp2") is skipped


@pytest.mark.parametrize(
    ("stored", "line"),
    [
        ("user:password", "user:password"),
        ("user:password\n", "user:password"),
        ("user:password\r\n", "user:password"),
        ("user:pass:word@/", "user:pass:word@/"),
        ("user:", "user:"),
        (f"u:{'x' * 510}", f"u:{'x' * 510}"),
    ],
)
def test_proxy_credentials_are_read_without_their_line_end(stored: str, line: str) -> None:
    assert proxy_credentials("arcway-proxy-x", stored) == line


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "user",
        ":password",
        ":pass:word",
        "user:pass\nword",
        "user:password\n\n",
        "user:\x1b[2J",
        f"u:{'x' * 511}",
        "\nu:p",
    ],
)
def test_proxy_credentials_of_another_form_are_refused_without_repeating_them(stored: str) -> None:
    with pytest.raises(ArcError) as refused:
        proxy_credentials("arcway-proxy-x", stored)
    assert refused.value.code == Code.PROXY_CREDENTIALS_INVALID
    assert refused.value.message == (
        "Secret arcway-proxy-x is not one printable line user:password of at most 512 characters."
    )


@pytest.mark.parametrize(
    ("credentials", "url"),
    [
        ("user:password", "http://user:password@proxy:3128/path"),
        ("us/er:p@ss:w/rd ü", "http://us%2Fer:p%40ss%3Aw%2Frd%20%C3%BC@proxy:3128/path"),
        ("user:", "http://user:@proxy:3128/path"),
    ],
)
def test_credentials_are_percent_encoded_in_the_proxy_url(credentials: str, url: str) -> None:
    with holding():
        assert with_credentials("http://proxy:3128/path", credentials) == url


def test_credentials_in_a_proxy_url_are_held_as_a_pair_and_the_password_alone() -> None:
    with holding():
        with_credentials("http://proxy", "user-name:hunter22:x")
        assert mask("for user-name:hunter22:x") == f"for {MASK}"
        assert mask("is hunter22:x") == f"is {MASK}"
        assert mask("user-name") == "user-name"


@pytest.mark.parametrize(
    ("days", "problem"),
    [
        (-1.001, "is not valid yet: CN=proxy is valid from "),
        (-1.0, None),
        (0.0, None),
        (29.999, None),
        (30.0, "has expired: CN=proxy was valid until "),
    ],
)
def test_certificate_is_valid_from_its_first_second_to_before_its_last(days: float, problem: str | None) -> None:
    now = NOW.replace(microsecond=0) + timedelta(days=days)
    message = Proxy(certificate=certificate()).expired(now)
    end = NOW + timedelta(days=-1 if days < 0 else 30)
    assert message == (f"{problem}{end:%Y-%m-%d}" if problem else None)


def test_proxy_without_a_certificate_does_not_expire() -> None:
    assert Proxy(https="http://proxy").expired(NOW) is None
