"""The api-version that each service of the simulated Azure is asked with, unless a test names one."""

import httpx

_VERSIONS = (
    ("/azure-arc-k8sagents/", "2024-07-01-preview"),
    ("/microsoft.authorization/polic", "2026-06-01"),
    ("/microsoft.authorization/", "2022-04-01"),
    ("/microsoft.kubernetesconfiguration/sourcecontrolconfigurations", "2023-05-01"),
    ("/microsoft.kubernetesconfiguration/extensions", "2025-03-01"),
    ("/microsoft.kubernetesconfiguration/fluxconfigurations", "2025-04-01"),
    ("/microsoft.hybridcompute/settings/", "2025-02-19-preview"),
    ("/extensiontypes", "2024-11-01-preview"),
    ("/microsoft.kubernetes/connectedclusters", "2026-05-01"),
    ("/microsoft.kubernetes/locations/", "2026-05-01"),
)


def add_version(request: httpx.Request) -> None:
    """Give the request its api-version."""
    if "api-version" not in request.url.params:
        path = request.url.path.lower()
        version = next((version for part, version in _VERSIONS if part in path), "2024-11-01")
        request.url = request.url.copy_merge_params({"api-version": version})
