"""The page about extensions and Flux configurations in a browser: state, compliance, and the reason."""

import re

from playwright.sync_api import expect

from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from tests.browser.conftest import Opener, Site
from tests.browser.test_accessibility import violations


def test_extensions_and_the_cause_of_what_does_not_comply_are_shown(visit: Opener, site: Site) -> None:
    olga, cluster, azure = site.arcway("onboarder"), site.cluster(), site.signed.azure
    resource_id = olga.connect(cluster)["result"]["id"]
    configuration_id = f"{resource_id}/providers/Microsoft.KubernetesConfiguration/fluxConfigurations/config"
    condition = {"kind": "Kustomization", "name": "apps", "reason": "BuildFailed", "message": "no such <b>file</b>"}
    azure.put("flux-failures", {configuration_id: {"condition": condition}})
    try:
        place = {name: value for name, value in olga.offboarding(cluster).items() if name != "kubeconfig"}
        repository = {"url": "ssh://git@git.example/fleet", "branch": "main"}
        configuration: Json = {"name": "config", "gitRepository": repository, "kustomizations": {"apps": {}}}
        body = {**place, "configuration": configuration}
        run_id = olga.http.post("/gitops", json=body).raise_for_status().json()["id"]
        page = visit("onboarder", f"/clusters?subscription={olga.subscription}")
        page.get_by_role("row").filter(has_text=f"c-{cluster.name}").get_by_role("link", name="extensions").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Extensions of c-{cluster.name}")
        olga.wait_until(run_id, lambda run: run["phase"] == "waitForCompliance" and "BuildFailed" in str(run["phases"]))
        page.reload()
        row = page.get_by_role("row").filter(has_text="Non-Compliant")
        expect(row).to_contain_text(Code.GITOPS_BUILD_FAILED)
        expect(row).to_contain_text("no such <b>file</b>")
        expect(row).to_contain_text("Deploy key of the repository: ssh-rsa")
        expect(page.get_by_role("row").filter(has_text="microsoft.flux")).to_contain_text("Succeeded")
        assert violations(page) == []
        page.goto(f"{site.page}/runs/{run_id}")
        expect(page.locator("#run")).to_contain_text(re.compile("Kustomization default/config-apps is not ready"))
        expect(page.locator("#run")).to_contain_text("Add the public key in the message to the repository")
    finally:
        azure.put("flux-failures", {})
