"""check_agents: reads which parts of the agents are in the cluster, and whether the credential can remove them."""

from activities.cluster_session import open_cluster
from activities.step import Call
from arcway.cluster.agents import removal
from arcway.domain.request import OffboardRequest
from arcway.domain.steps import Checked


def check_agents(call: Call[OffboardRequest]) -> Checked:
    """Findings and facts of the cluster; changes nothing, so it does not take the Lease either."""
    with open_cluster(call) as api:
        findings, agents, key = removal.inspect(api, call.installation.settings.installation_name, call.request.cluster)
    return {"findings": findings, "facts": {"agents": agents, "publicKey": key}}
