"""start_network_check: starts a Job in the cluster that tries the endpoints that the agents or Azure Policy need."""

from urllib.parse import urlsplit

from activities.cluster_session import open_cluster
from activities.release_values import bypass_list
from activities.step import Call
from arcway.azure import endpoints
from arcway.azure.clients import AzureClients
from arcway.azure.endpoints import Address
from arcway.cluster.agents.marks import Marks
from arcway.cluster.checks import network_check
from arcway.cluster.checks.network_check import Route
from arcway.domain.codes import Code
from arcway.domain.findings import finding
from arcway.domain.json_values import Json
from arcway.domain.policy_request import EnablePolicyRequest
from arcway.domain.proxy import Proxy, is_skipped
from arcway.domain.request import OnboardRequest
from arcway.domain.steps import NetworkCheckStarted

_THE_PROXY = "the outbound proxy"


def start_network_check(call: Call | Call[EnablePolicyRequest]) -> NetworkCheckStarted:
    """Done when the Job is started; `addresses` are those that it tries, `findings` what it cannot try."""
    request = call.request
    endpoints_to_try = _endpoints(call.installation.azure, request)
    route = Route()
    findings: list[Json] = []
    if proxy := request.proxy:
        endpoints_to_try, route, findings = _through(
            proxy, endpoints_to_try, bypass_list(call.installation.azure, proxy, call.payload["facts"])
        )
    with open_cluster(call) as api:
        image = call.installation.settings.check_image
        names, marks = [item.address for item in endpoints_to_try], Marks.of(request)
        blocker = network_check.start(api, call.payload["runId"], image, names, route, marks)
    addresses = [
        {"address": item.address, "purpose": item.purpose, "optional": item.optional} for item in endpoints_to_try
    ]
    return {"done": blocker is None, "detail": blocker or "started", "addresses": addresses, "findings": findings}


def _endpoints(azure: AzureClients, request: OnboardRequest | EnablePolicyRequest) -> list[Address]:
    if isinstance(request, EnablePolicyRequest):
        return endpoints.policy_endpoints(azure)
    return endpoints.required_endpoints(azure, request.location, request.agents.train or "stable")


def _through(proxy: Proxy, endpoints_to_try: list[Address], skipped: str) -> tuple[list[Address], Route, list[Json]]:
    """What can be tried with this proxy: behind one that wants credentials or TLS only the proxy itself.

    The credentials would have to be written into the Job, where every reader of pods could read them.
    """
    url = urlsplit(proxy.https or proxy.http or "")
    if not url.hostname:
        return endpoints_to_try, Route(), []
    proxy_address = f"{url.hostname}:{url.port or (443 if url.scheme == 'https' else 80)}"
    direct = [item for item in endpoints_to_try if is_skipped(item.address.rpartition(":")[0], skipped)]
    if url.scheme == "http" and not proxy.credentials:
        return endpoints_to_try, Route(proxy_address, tuple(item.address for item in direct)), []
    message = (
        "The proxy requires credentials or TLS: the check tries only the proxy itself and addresses that bypass it."
    )
    return [Address(proxy_address, _THE_PROXY), *direct], Route(), [finding(Code.NETWORK_NOT_CHECKED, message, "info")]
