"""User and password of a proxy URL never go into a request."""

import sys
from unittest import mock

import pytest

from arcway.cli.client import USAGE, CommandError
from arcway.cli.credentials.proxy import without_credentials
from arcway.cli.option_groups import Proxy
from arcway.domain.proxy import with_credentials

HTTPS, HTTP = "http://user:pass@proxy:3128", "http://user:pass@proxy:3129/"


@pytest.mark.parametrize(
    ("proxy", "plain", "credentials"),
    [
        (Proxy(), Proxy(), None),
        (Proxy(https="http://proxy:1"), Proxy(https="http://proxy:1"), None),
        (Proxy(https="nonsense"), Proxy(https="nonsense"), None),
        (Proxy(https=HTTPS), Proxy(https="http://proxy:3128"), "user:pass"),
        (Proxy(http=HTTP, https=HTTPS), Proxy(https="http://proxy:3128", http="http://proxy:3129/"), "user:pass"),
        (Proxy(https="http://u:p%40%3A%2F@[::1]:1"), Proxy(https="http://[::1]:1"), "u:p@:/"),
        (Proxy(https="http://u:p@ss@proxy"), Proxy(https="http://proxy"), "u:p@ss"),
        (Proxy(https="http://u:@proxy"), Proxy(https="http://proxy"), "u:"),
    ],
)
def test_they_are_taken_out(proxy: Proxy, plain: Proxy, credentials: str | None) -> None:
    assert without_credentials(proxy) == (plain, credentials)


def test_the_agents_get_what_was_typed() -> None:
    url = "http://u%C3%A4:p%40%2C%7B@proxy:1"
    plain, credentials = without_credentials(Proxy(https=url))
    assert with_credentials(plain.https or "", credentials or "") == url


@pytest.mark.parametrize(
    "proxy",
    [
        Proxy(https=HTTPS, http="http://proxy:1"),
        Proxy(https=HTTPS, http="http://user:other@proxy:1"),
        Proxy(https=HTTPS, credentials_secret="arcway-x"),
        Proxy(https="http://user:pa/ss@proxy:1"),
        Proxy(https="http://user:pa?ss@proxy:1"),
        Proxy(https="http://user:pa#ss@proxy:1"),
        Proxy(https="http://u%3Aser:pass@proxy:1"),
        Proxy(https="http://:pass@proxy:1"),
        Proxy(https="http://user:pass%20@proxy:1"),
        Proxy(https="http://user@proxy:1"),
        Proxy(https="http://user:pass@[proxy"),
    ],
)
def test_what_cannot_be_taken_out_is_refused_without_being_shown(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", mock.Mock(isatty=lambda: False))
    with pytest.raises(CommandError) as caught:
        without_credentials(proxy)
    assert caught.value.exit_code == USAGE
    assert "pass@" not in str(caught.value)
    assert "pa" not in str(caught.value).replace("password", "").replace("pair", "").replace("space", "")


def test_a_password_that_is_left_out_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", mock.Mock(isatty=lambda: True))
    monkeypatch.setattr("typer.prompt", lambda *_, **__: "typed")
    assert without_credentials(Proxy(https="http://user@proxy:1")) == (Proxy(https="http://proxy:1"), "user:typed")
