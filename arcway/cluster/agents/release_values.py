"""Reads the values of the agents' release from Helm's record, for those who show some of them and change nothing."""

from arcway.cluster.access.api import ClusterApi
from arcway.cluster.agents.release_namespace import release_namespace
from arcway.cluster.agents.release_secrets import read, records
from arcway.domain.json_values import Json


def deployed_values(api: ClusterApi) -> Json | None:
    """The values that the deployed revision was given; None without one, or if the record cannot be read.

    They may be secret: show names and truth values alone.
    """
    deployed = [
        record
        for record in records(api, release_namespace(api))
        if record["metadata"]["labels"].get("status") == "deployed"
    ]
    values = (read(deployed[-1]) or {}).get("config") if deployed else None
    return values if isinstance(values, dict) else None
