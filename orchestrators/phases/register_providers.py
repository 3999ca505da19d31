"""registerProviders: ask Azure to register the provider namespaces that are not registered yet."""

from arcway.domain import steps

from orchestrators.run_context import RunContext, Work


def register_providers(run: RunContext) -> Work[None]:
    """One step for all namespaces; waiting is the next phase's."""
    outcome = yield from run.call(steps.REGISTER_PROVIDERS)
    run.facts["unregistered"] = [name for name, state in outcome["states"].items() if state != "Registered"]
    if outcome["asked"]:
        run.mark_changed()
        run.set_detail(f"requested registration of {', '.join(outcome['asked'])}")
    else:
        run.set_detail("nothing to register")
