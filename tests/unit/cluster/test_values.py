"""Helm values: proxies survive as values, comparison finds exactly what differs."""

from hypothesis import given
from hypothesis import strategies as st

from arcway.cluster.agents.values import changed_keys, deep_merge, from_dotted, proxy_values
from arcway.domain.proxy import Proxy

_LEAVES = st.booleans() | st.integers() | st.text(max_size=8)
_TREES = st.recursive(
    st.dictionaries(st.text(min_size=1, max_size=4), _LEAVES, max_size=4),
    lambda inner: st.dictionaries(st.text(min_size=1, max_size=4), inner | _LEAVES, max_size=4),
    max_leaves=8,
)


def test_dotted_settings_are_typed_as_set_does() -> None:
    observed = from_dotted({"a.b": "true", "a.c": "12", "a.d": "012", "e": "null", "f": "text"})
    assert observed == {"a": {"b": True, "c": 12, "d": "012"}, "e": None, "f": "text"}


@given(_TREES, _TREES)
def test_what_was_merged_does_not_differ(base: dict[str, object], over: dict[str, object]) -> None:
    assert changed_keys(deep_merge(base, over), over) == []


def test_only_what_differs_is_named() -> None:
    current = {"global": {"a": "1", "b": True}, "x": {}}
    expected = {"global": {"a": 1, "b": "true", "c": "new"}}
    assert changed_keys(current, expected) == ["global.c"]


def test_proxy_credentials_are_encoded_into_the_url() -> None:
    proxy = Proxy(https="http://10.0.0.1:3128", skip_range="10.0.0.0/8,.svc")
    values = proxy_values(proxy, "us,er:p{a}s\\s@", "10.0.0.0/8,.svc")
    assert values == {
        "global": {
            "isProxyEnabled": True,
            "httpsProxy": "http://us%2Cer:p%7Ba%7Ds%5Cs%40@10.0.0.1:3128",
            "noProxy": "10.0.0.0/8,.svc",
        }
    }


def test_a_certificate_alone_is_a_custom_certificate() -> None:
    assert proxy_values(Proxy.model_construct(certificate="PEM"), None, "")["global"]["isCustomCert"] is True
    assert proxy_values(None, None, "") == {}
