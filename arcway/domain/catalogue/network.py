"""The codes ARC-3xxx: an address does not respond."""

from arcway.domain.catalogue.kind import ErrorKind
from arcway.domain.codes import Code

NETWORK: dict[Code, ErrorKind] = {
    Code.API_SERVER_UNREACHABLE: ErrorKind(
        "The API server cannot be reached",
        "Check that Arcway can reach the server address in the kubeconfig from where it runs.",
        True,
    ),
    Code.API_SERVER_TIMEOUT: ErrorKind(
        "The API server does not respond in time",
        "Check the API server's health and the network between Arcway and the cluster.",
        True,
    ),
    Code.AZURE_UNREACHABLE: ErrorKind(
        "Azure cannot be reached",
        "Check the function app's outbound network access and DNS.",
        True,
    ),
    Code.DATA_PLANE_UNREACHABLE: ErrorKind(
        "The Arc data plane cannot be reached",
        "Check the function app's outbound access to https://LOCATION.dp.kubernetesconfiguration.azure.com.",
        True,
    ),
    Code.EVENT_BROKER_UNREACHABLE: ErrorKind(
        "The event broker cannot be reached",
        "Check the Service Bus namespace, the topic and the identity's Sender role. The event is kept and sent later.",
        True,
    ),
    Code.AGENT_ENDPOINT_UNREACHABLE: ErrorKind(
        "An endpoint that the agents need cannot be reached from the cluster",
        "Allow it for the cluster's pods in firewall, proxy and DNS, or set a proxy with proxy.https (--proxy-https).",
    ),
    Code.NETWORK_NOT_CHECKED: ErrorKind(
        "The network check inside the cluster could not run",
        "Fix the cause given in the message and check again, or continue without --check-network.",
    ),
    Code.EVENT_REJECTED: ErrorKind(
        "The event cannot be sent",
        "If the event is too large, raise the topic's limit. The run's result is in GET /api/runs/{id}.",
    ),
    Code.API_SERVER_REDIRECTED: ErrorKind(
        "The API server redirected to another address",
        "Use the API server's own address in the kubeconfig; Arcway does not follow redirects.",
    ),
}
