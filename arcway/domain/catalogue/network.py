"""The codes ARC-3xxx: an address does not answer."""

from arcway.domain.catalogue.kind import Kind
from arcway.domain.codes import Code

NETWORK: dict[Code, Kind] = {
    Code.API_SERVER_UNREACHABLE: Kind(
        "The API server cannot be reached",
        "Check that the address in the kubeconfig is reachable from where Arcway runs.",
        True,
    ),
    Code.API_SERVER_TIMEOUT: Kind(
        "The API server does not answer in time", "Check the API server's health and the network in between.", True
    ),
    Code.AZURE_UNREACHABLE: Kind(
        "Azure cannot be reached", "Check outbound network access and DNS of the function app.", True
    ),
    Code.DATA_PLANE_UNREACHABLE: Kind(
        "The Arc data plane cannot be reached",
        "Check outbound access to *.dp.kubernetesconfiguration.azure.com of the cluster's region.",
        True,
    ),
    Code.EVENT_BROKER_UNREACHABLE: Kind(
        "The event broker cannot be reached",
        "Check the Service Bus namespace, the topic and the identity's Sender role; the event is kept and sent later.",
        True,
    ),
    Code.AGENT_ENDPOINT_UNREACHABLE: Kind(
        "An address that the agents need cannot be reached from the cluster",
        "Open it in firewall, proxy and DNS for the cluster's pods, or name a proxy with proxy.https (--proxy-https).",
    ),
    Code.NETWORK_NOT_CHECKED: Kind(
        "The network could not be checked from inside the cluster",
        "Correct what the message names and check again, or go on without --check-network.",
    ),
    Code.EVENT_REJECTED: Kind(
        "The event cannot be sent",
        "Raise the topic's limit if the event is too large for it; the run's result is in /api/runs/{id}.",
    ),
    Code.API_SERVER_REDIRECTED: Kind(
        "The API server redirected to another address",
        "Name the API server's own address in the kubeconfig; redirects are not followed.",
    ),
}
