"""registerProviders: ask Azure to register the provider namespaces that are not registered yet."""

from orchestrators.run import Run, Work


def register_providers(run: Run) -> Work[None]:
    """One step for all namespaces; waiting is the next phase's."""
    seen = yield from run.call("register_providers")
    run.facts["unregistered"] = [name for name, state in seen["states"].items() if state != "Registered"]
    if seen["asked"]:
        run.changed()
        run.detail(f"requested registration of {', '.join(seen['asked'])}")
    else:
        run.detail("nothing to register")
