"""URLs that all parsers read in the same way, and hosts that are this machine."""

import pytest

from arcway.domain.urls import UserInfoError, is_loopback, is_url, parse_url


@pytest.mark.parametrize(
    "url", ["http://a", "HTTPS://a.example:443/b?c#d", "http://[::1]:8080", "http://a:65535", "http://a/b@c"]
)
def test_absolute_url_is_read(url: str) -> None:
    assert parse_url(url, "http", "https").geturl().lower() == url.lower()
    assert is_url(url, "http", "https")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a",
        "a:80",
        "//a",
        "http:",
        "http://",
        "http:///b",
        "http://:80",
        "ftp://a",
        "http://a b",
        "http://a\\b",
        "http://a\n",
        "\thttp://a",
        "http://a\x00",
        "http://a:65536",
        "http://a:x",
        "http://[::1",
        "http://a\u200b",
    ],
)
def test_what_parsers_read_in_different_ways_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"^must be an http or https URL$") as refused:
        parse_url(url, "http", "https")
    assert type(refused.value) is ValueError
    assert not is_url(url, "http", "https")


def test_message_names_the_schemes() -> None:
    with pytest.raises(ValueError, match=r"^must be an https URL$"):
        parse_url("http://a", "https")


@pytest.mark.parametrize("url", ["http://user:password@a", "http://user@a", "http://@a", "http://:@a"])
def test_user_information_is_refused_even_if_it_is_empty(url: str) -> None:
    with pytest.raises(UserInfoError, match=r"^must not contain a user or password$"):
        parse_url(url, "http")
    assert not is_url(url, "http")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("localhost.example", False),
        ("", False),
        (None, False),
        ("::", False),
    ],
)
def test_loopback_is_this_machine(host: str | None, loopback: bool) -> None:
    assert is_loopback(host) is loopback
