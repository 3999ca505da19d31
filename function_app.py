"""The function app: registers the blueprints and does nothing else."""

import azure.durable_functions as df
import azure.functions as func

from activities.blueprint import blueprint as activities
from arcway.settings import settings
from orchestrators.operation import blueprint as orchestrators
from triggers.connected_cluster_routes import blueprint as connected_cluster_routes
from triggers.health import blueprint as health
from triggers.messages import blueprint as messages
from triggers.offboardings import blueprint as offboardings
from triggers.onboardings import blueprint as onboardings
from triggers.retention import blueprint as retention
from triggers.run_routes import blueprint as run_routes
from triggers.unknown_path import blueprint as unknown_path

here = settings()  # wrong settings must keep the app from starting, not fail its first run

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)
for blueprint in (
    activities,
    orchestrators,
    onboardings,
    offboardings,
    retention,
    run_routes,
    connected_cluster_routes,
    health,
    unknown_path,
):
    app.register_functions(blueprint)
if here.onboarding_queue:
    app.register_functions(messages)
