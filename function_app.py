"""The function app: registers the blueprints and does nothing else."""

import azure.durable_functions as df
import azure.functions as func

from activities.blueprint import blueprint as activities
from arcway.settings import settings
from arcway.telemetry import log_one_line_each
from orchestrators.operation import blueprint as orchestrators
from triggers.access.routes import blueprint as access_routes
from triggers.messages import blueprint as messages
from triggers.page.routes import blueprint as page_routes
from triggers.purge import blueprint as nightly_purge
from triggers.routes import blueprint as api_routes

log_one_line_each()
configuration = settings()  # wrong settings must keep the app from starting, not fail its first run

# Not keys, which are shared secrets: each route asks for a token of the tenant itself (triggers/http.py).
app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
for blueprint in (
    activities,
    orchestrators,
    access_routes,
    api_routes,
    nightly_purge,
    page_routes,
):
    app.register_functions(blueprint)
if configuration.onboarding_queue:
    app.register_functions(messages)
