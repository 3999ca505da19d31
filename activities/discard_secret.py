"""discard_secret: deletes the secrets that were stored for this run."""

from activities.step import Call
from arcway.domain.request import AnyRequest
from arcway.domain.secret_names import SecretKind, proxy_name
from arcway.domain.steps import Done


def discard_secret(call: Call[AnyRequest]) -> Done:
    """The temporary kubeconfig, and the proxy's credentials that belong to it; does nothing if they do not exist."""
    kubeconfig, proxy = call.request.kubeconfig, call.request.proxy
    if kubeconfig is None or not kubeconfig.temporary:
        return {}
    own = proxy_name(kubeconfig.secret)
    if proxy is not None and proxy.credentials is not None and proxy.credentials.secret == own:
        call.installation.secrets.delete(own, SecretKind.TEMPORARY)
    call.installation.secrets.delete(kubeconfig.secret, SecretKind.TEMPORARY)
    return {}
