"""The Flux configurations of a connected cluster.

https://learn.microsoft.com/rest/api/kubernetesconfiguration/flux-configurations
"""

from arcway.azure.kubernetes_configuration import Collection

FLUX_CONFIGURATIONS = Collection("fluxConfigurations", "2025-04-01", "a Flux configuration")
