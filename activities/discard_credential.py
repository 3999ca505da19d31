"""discard_credential: deletes the ServiceAccount that was created for this run, and its role and binding."""

from activities.step import Call
from arcway.cluster.access import temporary_account
from arcway.cluster.access.api import cluster_api
from arcway.domain.errors import ArcError
from arcway.domain.request import AnyRequest
from arcway.domain.steps import Done
from arcway.kubeconfig_upload import open_kubeconfig


def discard_credential(call: Call[AnyRequest]) -> Done:
    """Does nothing if the credential has been deleted, or if there never was a ServiceAccount."""
    kubeconfig = call.request.kubeconfig
    if kubeconfig is None or not kubeconfig.temporary:
        return {}
    try:
        access = open_kubeconfig(call.installation, kubeconfig, call.user)
    except ArcError as error:
        if error.code == kubeconfig.code_when_gone:
            return {}
        raise
    with cluster_api(call.installation.connections, access) as api:
        temporary_account.delete_with_own_token(api, kubeconfig.secret, access.token)
    return {}
