"""The codes ARC-3xxx: an address does not answer."""

from arcway.domain.catalogue.kind import Kind

NETWORK: dict[str, Kind] = {
    "ARC-3001": Kind(
        "The API server cannot be reached",
        "Check that the address in the kubeconfig is reachable from where Arcway runs.",
        True,
    ),
    "ARC-3002": Kind(
        "The API server does not answer in time", "Check the API server's health and the network in between.", True
    ),
    "ARC-3003": Kind("Azure cannot be reached", "Check outbound network access and DNS of the function app.", True),
    "ARC-3004": Kind(
        "The Arc data plane cannot be reached",
        "Check outbound access to *.dp.kubernetesconfiguration.azure.com of the cluster's region.",
        True,
    ),
    "ARC-3005": Kind(
        "The event broker cannot be reached",
        "Check the Service Bus namespace, the topic and the identity's Sender role; the event is kept and sent later.",
        True,
    ),
    "ARC-3006": Kind(
        "An address that the agents need cannot be reached from the cluster",
        "Open it in firewall, proxy and DNS for the cluster's pods, or name a proxy with proxy.https (--proxy-https).",
    ),
    "ARC-3007": Kind(
        "The network could not be checked from inside the cluster",
        "Correct what the message names and check again, or go on without --check-network.",
    ),
    "ARC-3008": Kind(
        "The event cannot be sent",
        "Raise the topic's limit if the event is too large for it; the run's result is in /api/runs/{id}.",
    ),
    "ARC-3009": Kind(
        "The API server redirected to another address",
        "Name the API server's own address in the kubeconfig; redirects are not followed.",
    ),
}
