"""The status page over HTTP: who may what, what a form does, where a kubeconfig goes (how it looks: tests/browser)."""

import json
import re
import uuid
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

from arcway.domain.codes import Code
from tests.e2e.conftest import SimulatedCluster
from tests.e2e.signed import USERS, Signed

NO_RUN = "cluster-00000000000000000000000000.000000000000"
NO_FLEET = "fleet-00000000000000000000000000.000000000000"


class Person:
    """A user with a browser, signed in."""

    def __init__(self, signed: Signed, user: str) -> None:
        self.url = f"{signed.stack.url}/api/page"
        begun = httpx.get(f"{self.url}/sign-in")
        chosen = signed.azure.http.get(f"{begun.headers['Location']}&login_hint={user}")
        flow = begun.headers["Set-Cookie"].partition(";")[0]
        back = httpx.get(chosen.headers["Location"], headers={"Cookie": flow})
        cookies = [line.partition(";")[0] for line in back.headers.get_list("Set-Cookie")]
        cookie = next(item for item in cookies if item.startswith("arcway-session="))
        self.http = httpx.Client(base_url=self.url, headers={"Cookie": cookie}, timeout=240)

    def post(self, path: str, fields: dict[str, str], token: str | None = None, **options: Any) -> httpx.Response:
        """Send a form, by default with the token of this person's pages."""
        csrf = self.csrf() if token is None else token
        return self.http.post(path, data={**fields, "csrf": csrf}, **options)

    def csrf(self) -> str:
        match = re.search(r'name="csrf" value="([^"]+)"', self.http.get("").text)
        assert match
        return match[1]


@pytest.fixture(scope="module")
def people(signed: Signed) -> Iterator[dict[str, Person]]:
    created = {user: Person(signed, user) for user in USERS}
    yield created
    for person in created.values():
        person.http.close()


def form(signed: Signed, cluster: SimulatedCluster, **changes: str) -> dict[str, str]:
    subscription = str(uuid.uuid4())
    signed.azure.put(f"subscriptions/{subscription}", {})
    fields = {"name": f"p-{cluster.name}", "resourceGroup": "clusters", "createResourceGroup": "true"}
    fields |= {"location": "eastus", "subscriptionId": subscription, "kubeconfig": json.dumps(cluster.kubeconfig)}
    return {**fields, **changes}


def test_no_page_is_shown_without_signing_in(signed: Signed) -> None:
    root = httpx.get(signed.stack.url)
    assert (root.status_code, root.headers["Location"]) == (302, "/api/page")
    for path in ("", "/clusters", "/start", f"/runs/{NO_RUN}", "/nothing/there"):
        answer = httpx.get(f"{signed.stack.url}/api/page{path}")
        assert answer.status_code == 302, path
        assert answer.headers["Location"].startswith("/api/page/sign-in?to=%2Fapi%2Fpage"), path
    refreshed = httpx.get(f"{signed.stack.url}/api/page", headers={"HX-Request": "true"})
    assert (refreshed.status_code, refreshed.headers["HX-Refresh"], refreshed.text) == (200, "true", "")
    sent = httpx.post(f"{signed.stack.url}/api/page/disconnect", data={"csrf": "guessed"})
    assert (sent.status_code, Code.NOT_SIGNED_IN in sent.text) == (401, True)


@pytest.mark.parametrize(
    ("method", "path", "may"),
    [
        ("GET", "", {"reader", "onboarder", "offboarder", "approver"}),
        ("GET", "/clusters", {"reader", "onboarder", "offboarder", "approver"}),
        ("GET", f"/runs/{NO_RUN}", {"reader", "onboarder", "offboarder", "approver"}),
        ("GET", "/agents", {"reader", "onboarder", "offboarder", "approver"}),
        ("GET", "/start", {"onboarder"}),
        ("POST", "/start", {"onboarder"}),
        ("POST", "/start/contexts", {"onboarder"}),
        ("POST", f"/runs/{NO_RUN}/connect", {"onboarder"}),
        ("POST", f"/runs/{NO_RUN}/cancel", {"onboarder", "offboarder"}),
        ("POST", f"/runs/{NO_RUN}/retry", {"onboarder", "offboarder"}),
        ("POST", f"/fleets/{NO_FLEET}/pause", {"onboarder", "offboarder"}),
        ("POST", f"/fleets/{NO_FLEET}/approve", {"approver"}),
        ("POST", f"/fleets/{NO_FLEET}/reject", {"approver"}),
        ("GET", "/disconnect", {"offboarder"}),
        ("POST", "/disconnect", {"offboarder"}),
    ],
)
def test_each_page_needs_its_role_and_each_form_its_token(
    people: dict[str, Person], method: str, path: str, may: set[str]
) -> None:
    for user, person in people.items():
        answer = person.http.get(path) if method == "GET" else person.post(path, {})
        assert (answer.status_code == 403) == (user not in may), user
        assert answer.status_code < 500
    if method == "POST":
        second = people["reader"].csrf()
        for person in (people["onboarder"], people["offboarder"]):
            for token in ("", "guessed", second):
                answer = person.post(path, {}, token)
                assert (answer.status_code, Code.CROSS_SITE_REQUEST in answer.text) == (403, True)
            answer = person.post(path, {}, headers={"Origin": "https://evil.example"})
            assert (answer.status_code, Code.CROSS_SITE_REQUEST in answer.text) == (403, True)


def test_a_kubeconfig_is_kept_once_and_shown_nowhere(signed: Signed, people: dict[str, Person]) -> None:
    cluster, olga = SimulatedCluster(signed.clusters, signed.stack), people["onboarder"]
    fields, token = form(signed, cluster), cluster.kubeconfig["users"][0]["user"]["token"]
    # From here on only what the page keeps tells the simulated agents of the cluster.
    (Path(signed.stack.clusters) / f"{cluster.name}.yaml").unlink()
    checked = olga.post("/start", fields)
    assert checked.status_code == 303, checked.text
    observed = signed.arcway(signed.token("onboarder"))
    check = observed.finish(checked.headers["Location"].rpartition("/")[2])
    assert (check["operation"], check["state"], check["startedBy"]["name"]) == ("check", "Succeeded", "Olga Onboarder")
    connecting = [olga.post(f"/runs/{check['id']}/connect", {}).headers["Location"] for _ in range(2)]
    assert connecting[0] == connecting[1]
    run = observed.finish(connecting[0].rpartition("/")[2])
    assert (run["operation"], run["state"]) == ("onboard", "Succeeded")
    assert run["startedBy"] == check["startedBy"]

    paths = [path for path in Path(signed.stack.secrets).glob("arcway-kubeconfig-*") if token in path.read_text()]
    assert len(paths) == 1
    reread = olga.post("/start", fields).headers["Location"]
    observed.finish(reread.rpartition("/")[2])
    assert [path for path in paths[0].parent.glob("arcway-kubeconfig-*") if token in path.read_text()] == paths
    pages = [olga.http.get(path).text for path in ("", "/start", f"/runs/{run['id']}")]
    assert not any(token in page for page in pages)
    state = paths[0].parent.parent
    for path in (*state.glob("journal*"), *(state / "logs").iterdir()):
        assert token.encode() not in path.read_bytes(), path


def test_what_is_wrong_is_said_all_at_once_and_nothing_is_kept(signed: Signed, people: dict[str, Person]) -> None:
    cluster, olga = SimulatedCluster(signed.clusters, signed.stack), people["onboarder"]
    paths_before = sorted(Path(signed.stack.secrets).iterdir())
    wrong = {"kubeconfig": "{]", "name": "no/name", "location": "", "tags": "no equals sign", "proxy.https": "nope"}
    answer = olga.post("/start", form(signed, cluster, **wrong))
    assert answer.status_code == 400
    page = unescape(answer.text)
    for field in ("name", "location", "tags", "proxy.https", "kubeconfig"):
        assert f"<li>{field}: " in page, field
    assert 'value="no/name"' in page
    assert "{]" not in page
    context = olga.post("/start", form(signed, cluster, context="missing"))
    assert (context.status_code, "no context named missing" in context.text) == (400, True)
    empty = olga.post("/start", form(signed, cluster, kubeconfig=""))
    assert (empty.status_code, "kubeconfig: is required" in empty.text) == (400, True)
    large = olga.post("/start", form(signed, cluster, kubeconfig="x" * 500_000))
    assert (large.status_code, Code.BODY_TOO_LARGE in large.text) == (413, True)
    binary = {"kubeconfigFile": ("config", b"\xff\x80", "text/yaml")}
    refused = olga.post("/start", form(signed, cluster, kubeconfig=""), files=binary)
    assert (refused.status_code, "not text in UTF-8" in refused.text) == (400, True)
    assert sorted(Path(signed.stack.secrets).iterdir()) == paths_before


def test_a_kubeconfig_shows_its_contexts_and_nothing_else(signed: Signed, people: dict[str, Person]) -> None:
    cluster, olga = SimulatedCluster(signed.clusters, signed.stack), people["onboarder"]
    response = olga.post("/start/contexts", {"kubeconfig": json.dumps(cluster.kubeconfig)}).text
    assert f"{cluster.kubeconfig['current-context']} (current)" in response
    assert cluster.kubeconfig["users"][0]["user"]["token"] not in response
    assert "ARC-" not in response
    assert "no list of contexts" in olga.post("/start/contexts", {"kubeconfig": "a: b"}).text


def test_pages_are_not_cached_and_files_are_cached_forever(people: dict[str, Person]) -> None:
    reader = people["reader"].http
    response = reader.get("")
    assert response.headers["Cache-Control"] == "no-store"
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    (address,) = re.findall(r'href="/api/page(/static/page.css[^"]+)"', response.text)
    file = reader.get(address)
    assert file.headers["Cache-Control"].endswith("immutable")
    assert file.headers["Content-Type"].startswith("text/css")
    assert reader.get(address, headers={"If-None-Match": file.headers["ETag"]}).status_code == 304
    assert reader.get("/static/page.css").headers["Cache-Control"] == "no-cache"
    for path in ("/static/nothing.css", "/static/..%2Ffiles.py", "/static/%2e%2e"):
        assert reader.get(path).status_code == 404, path
    assert [reader.delete(path).status_code for path in ("", "/static/page.css", "/start")] == [405] * 3


def test_not_found_is_a_page(people: dict[str, Person]) -> None:
    for path, status, code in (
        (f"/runs/{NO_RUN}", 404, Code.RUN_NOT_FOUND),
        ("/nothing/there", 404, Code.PATH_NOT_FOUND),
        ("/agents?subscription=x", 400, Code.INVALID_PARAMETERS),
        ("/agents?subscription=x&group=y&name=z", 404, Code.KUBECONFIG_UNKNOWN),
        ("/clusters?subscription=00000000-0000-0000-0000-00000000dead", 404, Code.SUBSCRIPTION_NOT_FOUND),
    ):
        answer = people["reader"].http.get(path)
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8"), path
        assert code in answer.text, path


def test_a_second_wish_for_a_cluster_names_the_run_that_works_on_it(signed: Signed, people: dict[str, Person]) -> None:
    olga, cluster = signed.arcway(signed.token("onboarder")), SimulatedCluster(signed.clusters, signed.stack)
    busy = {"path": f"{olga.subscription}/.*/connectedClusters/", "method": "PUT", "times": 100, "status": 429}
    signed.azure.put("faults", [{**busy, "headers": {"Retry-After": "60"}}])
    request = olga.request(cluster)
    started = olga.start(request).json()
    fields = {name: request[name] for name in ("subscriptionId", "resourceGroup", "name")}
    answer = people["offboarder"].post("/disconnect", {**fields, "azureOnly": "true"})
    assert answer.status_code == 409
    assert f'href="/api/page/runs/{started["id"]}"' in answer.text
    assert people["offboarder"].post(f"/runs/{started['id']}/cancel", {}).status_code == 403
    assert people["onboarder"].post(f"/runs/{started['id']}/connect", {}).status_code == 409
    assert people["onboarder"].post(f"/runs/{started['id']}/cancel", {}).status_code == 303
    assert olga.finish(started["id"])["canceledBy"]["name"] == "Olga Onboarder"
    signed.azure.put("faults", [])
    refused = people["offboarder"].post("/disconnect", fields)
    assert (refused.status_code, "is required to remove the agents" in refused.text) == (400, True)
