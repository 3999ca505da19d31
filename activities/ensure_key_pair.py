"""ensure_key_pair: creates the agents' key pair in the cluster, unless a usable one exists."""

from activities.cluster_session import locked_cluster
from activities.step import Call
from arcway.cluster.agents import key_pair
from arcway.cluster.agents.marks import Marks
from arcway.domain.steps import KeyPairEnsured


def ensure_key_pair(call: Call) -> KeyPairEnsured:
    """Returns the public key, and whether this run generated the pair."""
    with locked_cluster(call) as target:
        public_key, created = key_pair.ensure_key_pair(target.api, target.lease, Marks.of(call.request))
    return {"publicKey": public_key, "created": created}
