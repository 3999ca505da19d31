"""deploy_agents: the agents' release is in the cluster as the request wants it."""

from activities.step import Call, Json
from activities.targets import access_to, chart_of, values_of
from arcway.azure import connected_clusters, data_plane
from arcway.cluster import release
from arcway.cluster.helm import helm
from arcway.cluster.release import Chart
from arcway.cluster.values import Values, from_dotted, merged


def deploy_agents(call: Call) -> Json:
    """Install, or upgrade if something differs; returns without waiting for the agents."""
    access = access_to(call.request)
    values = values_of(call.request, call.given["facts"], call.given["tenantId"])
    chart = chart_of(call.request)
    found = release.current(helm(), access)
    if found is None:
        digest = release.install(helm(), access, chart, values)
        return {"created": True, "changed": True, "chart": {"reference": chart.reference, "digest": digest}}
    if call.request.agents.version is None:
        # Agents that are there upgrade by themselves; installing again must not change their version.
        chart = Chart(chart.repository, found.chart_version)
    differed = release.bring_up_to(helm(), access, found, chart, merged(values, _settings_of_resource(call)))
    return {"created": False, "changed": bool(differed), "chart": {"reference": chart.reference, "digest": None}}


def _settings_of_resource(call: Call) -> Values:
    """What configure_agents gave the release wins over the request's own values, or each would undo the other."""
    resource = connected_clusters.get(call.request.cluster)
    if resource is None:
        return {}
    _, settings = data_plane.helm_settings(call.request.location, call.request.agents.train, resource)
    return from_dotted(settings)
