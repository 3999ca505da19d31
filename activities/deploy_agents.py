"""deploy_agents: installs the agents' release, or changes what the request names, without waiting for the agents."""

from activities.cluster_session import locked_cluster
from activities.release_values import new_chart, onboard_values
from activities.shared_reads import resource_of
from activities.step import Call
from arcway.azure import data_plane
from arcway.cluster import ownership
from arcway.cluster.agents import key_pair, release
from arcway.cluster.agents.change import train_of
from arcway.cluster.agents.marks import Marks, mark_namespaces, mark_pods
from arcway.cluster.agents.release import Chart
from arcway.cluster.agents.release_namespace import release_namespace
from arcway.cluster.agents.values import Values, deep_merge, from_dotted
from arcway.domain.json_values import Json
from arcway.domain.steps import AgentsDeployed


def deploy_agents(call: Call) -> AgentsDeployed:
    """Install, or upgrade if something differs; returns without waiting for the agents.

    What the request leaves out stays as it is in a release that is there.
    """
    resource, facts = resource_of(call, may_be_new=True), call.payload["facts"]
    marks = Marks.of(call.request)
    with locked_cluster(call) as target:
        deployed, redo = release.current(target)
        is_ownerless = deployed is not None and ownership.owner(target.api) is None
        if deployed is not None and is_ownerless:
            # Objects of the release were deleted; only the release still knows whose agents these were.
            ownership.refuse_another(deployed.values, call.request.cluster)
        is_marked = mark_namespaces(target.api, marks, release_namespace(target.api))
        current = deployed.values if deployed else {}
        chart = new_chart(call.installation, call.request, current)
        values = onboard_values(call, facts, resource, current, chart)
        train = train_of(values)
        if deployed is None:
            digest = release.install(
                target, chart, deep_merge(values, key_pair.key_values(target.api, chart.version, train, {}))
            )
            mark_pods(target.api, marks)
            return {"created": True, "changed": True, "chart": {"reference": chart.reference, "digest": digest}}
        if call.request.agents.version is None:
            # Existing agents upgrade automatically; installing again must not change their version.
            chart = Chart(chart.repository, deployed.chart_version)
        values = deep_merge(values, _settings_of_resource(call, resource, train))
        values = deep_merge(values, key_pair.key_values(target.api, chart.version, train, deployed.values))
        changed_keys = release.upgrade_if_changed(target, deployed, chart, values, redo=redo or is_ownerless)
        is_marked |= mark_pods(target.api, marks)
        created = release.made_by_this_run(target)
    return {
        "created": created,
        "changed": bool(changed_keys) or is_marked,
        "chart": {"reference": chart.reference, "digest": None},
    }


def _settings_of_resource(call: Call, resource: Json | None, train: str) -> Values:
    """What configure_agents gave the release wins over the request's own values, or each would undo the other."""
    if resource is None:
        return {}
    _, settings = data_plane.helm_settings(call.installation.azure, call.request.location, train, resource)
    return from_dotted(settings)
