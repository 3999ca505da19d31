"""The function app: builds the installation, registers the blueprints that work with it, and does nothing else."""

import gc
import os
import sys

import azure.durable_functions as df
import azure.functions as func

from activities import blueprint as activities
from arcway.installation import Installation
from arcway.self_test import report_at_start
from arcway.settings import read_settings
from arcway.telemetry import log_one_line_each
from arcway.telemetry_export import export_telemetry
from orchestrators.fleet import blueprint as fleet_orchestrators
from orchestrators.fleet_page import blueprint as fleet_pages
from orchestrators.operation import blueprint as orchestrators
from triggers import messages, purge
from triggers import routes as api_routes
from triggers.access import routes as access_routes
from triggers.page import routes as page_routes
from triggers.services import Services

log_one_line_each()
# The event loop gives the interpreter's lock up at each system call, and waits so many seconds (0.005 by default) for a
# step's thread to give it back: with many runs in progress, that is most of the time that a status takes.
sys.setswitchinterval(0.001)
export_telemetry(os.environ)
# Wrong settings must keep the app from starting, not fail its first run.
installation = Installation(read_settings(os.environ))
report_at_start(installation)
services = Services.of(installation)

# Not keys, which are shared secrets: each route asks for a token of the tenant itself (triggers/http.py).
app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
for blueprint in (
    activities.blueprint_of(installation),
    orchestrators,
    fleet_orchestrators,
    fleet_pages,
    access_routes.blueprint_of(services),
    api_routes.blueprint_of(services),
    purge.blueprint_of(services),
    page_routes.blueprint_of(services),
):
    app.register_functions(blueprint)
if installation.settings.onboarding_queue:
    app.register_functions(messages.blueprint_of(services))

# What is loaded by now stays: to go through it took each full collection 0.1 s, in which nothing else ran.
gc.collect()
gc.freeze()
