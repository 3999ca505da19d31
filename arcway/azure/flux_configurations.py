"""The Flux configurations of a connected cluster, and those of Flux v1, which a cluster cannot have at the same time.

https://learn.microsoft.com/rest/api/kubernetesconfiguration/flux-configurations
"""

from arcway.azure.kubernetes_configuration import Collection

FLUX_CONFIGURATIONS = Collection("fluxConfigurations", "2025-04-01", "a Flux configuration")
FLUX_V1 = Collection("sourceControlConfigurations", "2023-05-01", "a source control configuration")
"""Those of Flux v1, which exclude the others; nothing of them is written."""
