"""Values reach a chart as they are: no character of a proxy's address, skip range or certificate means anything."""

from unittest import mock

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activities import release_values
from arcway.cluster.access.kubeconfig import Access
from arcway.cluster.agents.values import proxy_values
from arcway.cluster.helm import Helm
from arcway.domain.proxy import Proxy, with_credentials
from tests.contract.helm.conftest import packed
from tests.contract.kubernetes_api.conftest import Api

_EVERY = packed(
    every="""
apiVersion: v1
kind: ConfigMap
metadata: {name: every}
data:
{{- range $key, $value := .Values.every }}
  {{ $key }}: {{ $value | quote }}
{{- end }}
"""
)
# No control characters and no code points that are not characters: YAML, in which charts are written, has none.
_TEXT = st.text(
    st.characters(
        codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"], include_characters=",{}[]\"'\\=;#&|$`\n\t éü漢🙂"
    ),
    max_size=40,
)
_PASSWORDS = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=20)


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(texts=st.lists(_TEXT, min_size=40, max_size=60), password=_PASSWORDS)
def test_any_text_survives(helm: Helm, access: Access, api: Api, texts: list[str], password: str) -> None:
    place = (access, "every", api.namespace)
    url = with_credentials("http://proxy:3128", f"user:{password}")
    every = {f"k{number}": line for number, line in enumerate([*texts, url])}
    install = helm.upgrade if helm.release(*place) else helm.install
    install(*place, _EVERY, {"every": every})
    assert api.http.get(api.path("configmaps", "every")).json()["data"] == every
    release = helm.release(*place)
    assert release is not None
    assert release.values == {"every": every}


def test_a_skip_range_with_the_characters_of_set() -> None:
    proxy = Proxy(https="http://proxy:3128", skip_range="10.0.0.0/8,a{b},c\\d,ü")
    azure = mock.Mock()
    azure.cloud.domain = "com"
    skipped = release_values.bypass_list(azure, proxy, {"inside": [".svc"]})
    assert proxy_values(proxy, None, skipped)["global"]["noProxy"] == "10.0.0.0/8,a{b},c\\d,ü,.svc"
