"""discard_secret: the secrets that were stored for this run are gone."""

from activities.step import Call, Json
from arcway.azure.secrets import delete_secret
from arcway.domain.model import TEMPORARY
from arcway.domain.request import AnyRequest


def discard_secret(call: Call[AnyRequest]) -> Json:
    """The kubeconfig, and the proxy's credentials if they were stored for this run; harmless when they are gone."""
    kubeconfig, proxy = call.request.kubeconfig, call.request.proxy
    if kubeconfig is None or not kubeconfig.temporary:
        return {}
    if proxy is not None and proxy.credentials is not None and proxy.credentials.secret.startswith(TEMPORARY):
        delete_secret(proxy.credentials.secret)
    delete_secret(kubeconfig.secret)
    return {}
