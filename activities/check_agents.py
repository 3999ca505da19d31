"""check_agents: reads which parts of the agents are in the cluster, and whether the credential can remove them."""

from activities.cluster_session import open_access
from activities.step import Call
from arcway.cluster.access.api import cluster_api
from arcway.cluster.agents import removal
from arcway.domain.request import OffboardRequest
from arcway.domain.steps import Checked
from arcway.settings import settings


def check_agents(call: Call[OffboardRequest]) -> Checked:
    """Findings and facts of the cluster; changes nothing, so it does not take the Lease either."""
    with cluster_api(open_access(call)) as api:
        findings, agents, key = removal.inspect(api, settings().installation, call.request.cluster)
    return {"findings": findings, "facts": {"agents": agents, "publicKey": key}}
