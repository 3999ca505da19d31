"""start_network_check: starts a Job in the cluster that tries the endpoints that the agents need."""

from urllib.parse import urlsplit

from activities.step import Call, Json
from activities.targets import access_to, skip_range
from arcway.azure import endpoints
from arcway.azure.endpoints import Address
from arcway.cluster.access.api import cluster_api
from arcway.cluster.agents.marks import Marks
from arcway.cluster.checks import network_check
from arcway.cluster.checks.network_check import Route
from arcway.domain.codes import Code
from arcway.domain.findings import finding
from arcway.domain.proxy import Proxy, is_skipped
from arcway.settings import settings

_THE_PROXY = "the outbound proxy"


def start_network_check(call: Call) -> Json:
    """Done when the Job is started; `addresses` are those that it tries, `findings` what it cannot try."""
    request = call.request
    wanted = endpoints.required_endpoints(request.location, request.agents.train or "stable")
    route = Route()
    findings: list[Json] = []
    if proxy := request.proxy:
        wanted, route, findings = _through(proxy, wanted, skip_range(proxy, call.given["facts"]))
    with cluster_api(access_to(call)) as api:
        image = settings().check_image
        addressed, marks = [item.address for item in wanted], Marks.of(request)
        before = network_check.start(api, call.given["runId"], image, addressed, route, marks)
    shown = [{"address": item.address, "purpose": item.purpose, "optional": item.optional} for item in wanted]
    return {"done": before is None, "detail": before or "started", "addresses": shown, "findings": findings}


def _through(proxy: Proxy, wanted: list[Address], skipped: str) -> tuple[list[Address], Route, list[Json]]:
    """What can be tried with this proxy: behind one that wants credentials or TLS only the proxy itself.

    The credentials would have to be written into the Job, where every reader of pods could read them.
    """
    url = urlsplit(proxy.https or proxy.http or "")
    if not url.hostname:
        return wanted, Route(), []
    at = f"{url.hostname}:{url.port or (443 if url.scheme == 'https' else 80)}"
    direct = [item for item in wanted if is_skipped(item.address.rpartition(":")[0], skipped)]
    if url.scheme == "http" and not proxy.credentials:
        return wanted, Route(at, tuple(item.address for item in direct)), []
    text = "The proxy requires credentials or TLS: the check tries only the proxy itself and addresses that bypass it."
    return [Address(at, _THE_PROXY), *direct], Route(), [finding(Code.NETWORK_NOT_CHECKED, text, "info")]
