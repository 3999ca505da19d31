"""The function app: registers the blueprints and does nothing else."""

import azure.durable_functions as df
import azure.functions as func

from activities.blueprint import blueprint as activities
from arcway.settings import settings
from arcway.telemetry import log_one_line_each
from orchestrators.operation import blueprint as orchestrators
from triggers.access.routes import blueprint as access_routes
from triggers.api_description.route import blueprint as api_description
from triggers.connected_cluster_routes import blueprint as connected_cluster_routes
from triggers.health import blueprint as health
from triggers.messages import blueprint as messages
from triggers.offboardings import blueprint as offboardings
from triggers.onboardings import blueprint as onboardings
from triggers.page.routes import blueprint as page_routes
from triggers.purge import blueprint as retention
from triggers.run_routes import blueprint as run_routes
from triggers.unknown_path import blueprint as unknown_path
from triggers.updates import blueprint as updates
from triggers.upgrades import blueprint as upgrades

log_one_line_each()
configuration = settings()  # wrong settings must keep the app from starting, not fail its first run

# Not keys, which are shared secrets: each route asks for a token of the tenant itself (triggers/http.py).
app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
for blueprint in (
    activities,
    orchestrators,
    access_routes,
    onboardings,
    offboardings,
    updates,
    upgrades,
    retention,
    run_routes,
    connected_cluster_routes,
    health,
    api_description,
    page_routes,
    unknown_path,
):
    app.register_functions(blueprint)
if configuration.onboarding_queue:
    app.register_functions(messages)
