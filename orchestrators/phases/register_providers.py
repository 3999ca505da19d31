"""registerProviders: ask Azure to register the provider namespaces that are not registered yet."""

from orchestrators.run_context import RunContext, Work


def register_providers(run: RunContext) -> Work[None]:
    """One step for all namespaces; waiting is the next phase's."""
    seen = yield from run.call("register_providers")
    run.facts["unregistered"] = [name for name, state in seen["states"].items() if state != "Registered"]
    if seen["asked"]:
        run.mark_changed()
        run.set_detail(f"requested registration of {', '.join(seen['asked'])}")
    else:
        run.set_detail("nothing to register")
