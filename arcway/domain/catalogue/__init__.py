"""The table of all error codes: what each always means, its remedy, and whether trying again can help.

`docs/errors.md` has one section for each code; a test keeps them equal.
"""

from arcway.domain.catalogue.agents import AGENTS
from arcway.domain.catalogue.azure import AZURE
from arcway.domain.catalogue.cluster import CLUSTER
from arcway.domain.catalogue.fleet import FLEET
from arcway.domain.catalogue.kind import ErrorKind as Kind
from arcway.domain.catalogue.network import NETWORK
from arcway.domain.catalogue.policy import POLICY_IN_AZURE, POLICY_IN_CLUSTERS
from arcway.domain.catalogue.request import REQUEST
from arcway.domain.catalogue.workflow import WORKFLOW
from arcway.domain.codes import Code

CATALOGUE: dict[Code, Kind] = {
    **REQUEST,
    **CLUSTER,
    **NETWORK,
    **AZURE,
    **POLICY_IN_AZURE,
    **AGENTS,
    **POLICY_IN_CLUSTERS,
    **WORKFLOW,
    **FLEET,
}
