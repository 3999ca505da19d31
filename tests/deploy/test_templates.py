"""The templates in infra, as far as that can be said without Azure: syntax, types, names, fit, roles and settings.

What the real compiler adds (its own linter, the kinds of expressions) was not run here.
"""

import copy
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arcway.blocking import THREADS
from arcway.settings import read_settings
from tests.deploy.bicep import Alternatives, Declaration, Expression, Template, Text
from tests.deploy.models import problems

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
TEMPLATES = {path.name: Template(path) for path in sorted(INFRA.glob("*.bicep"))}
RESOURCES = [
    pytest.param(resource, id=f"{name}:{resource.name}")
    for name, template in TEMPLATES.items()
    for resource in template.of_kind("resource")
]
# As Microsoft's list of built-in roles has them.
KNOWN_ROLES = {
    "storageBlobDataOwner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "storageQueueDataContributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "storageTableDataContributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "keyVaultSecretsUser": "4633458b-17de-408a-b874-0445c86b69e6",
    "keyVaultSecretsOfficer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    "serviceBusDataOwner": "090c5cfd-751d-490a-894a-3ce6f1109419",
    "serviceBusDataSender": "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39",
    "monitoringMetricsPublisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    "durableTaskDataContributor": "0ad04412-c4d5-4796-b79c-f76d14c8d402",
    "arcOnboarding": "34e09817-6cbe-4d01-b1a2-e0eac5743d41",
    "reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
}


def code(template: Template) -> str:
    """The source without comments and descriptions."""
    lines = [line for line in template.source.splitlines() if not line.lstrip().startswith(("//", "@description"))]
    return "\n".join(lines)


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_parses(name: str) -> None:
    assert TEMPLATES[name].errors() == []


def test_syntax_error_is_found() -> None:
    assert Template(Path("x.bicep"), "resource a 'b/c@2020-01-01' = { name: }").errors()


@pytest.mark.parametrize("resource", RESOURCES)
def test_resource_is_as_azures_models_have_it(resource: Declaration) -> None:
    assert problems(resource) == []


def _property_paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield (*path, name)
            # Names of these are anyone's choice.
            if name not in ("tags", "userAssignedIdentities"):
                yield from _property_paths(part, (*path, name))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _property_paths(part, (*path, index))


def _with_typo(value: Any, path: tuple[Any, ...]) -> Any:
    changed = copy.deepcopy(value)
    parent = changed
    for step in path[:-1]:
        parent = parent[step]
    parent[f"{path[-1]}Typo"] = parent.pop(path[-1])
    return changed


@pytest.mark.parametrize("resource", RESOURCES)
def test_typo_in_any_property_is_found(resource: Declaration) -> None:
    """Planted in every property at every depth of every resource."""
    if resource.is_existing or resource.resource_type[0] == "Microsoft.Web/sites/config":
        paths = []
    else:
        paths = [*_property_paths(resource.value)]
    for path in paths:
        planted = _replaced(resource, _with_typo(resource.value, path))
        assert problems(planted), path


def _replaced(resource: Declaration, value: Any) -> Declaration:
    return Declaration(resource.kind, resource.name, resource.head, value, resource.text, resource.is_existing)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("properties", "functionAppConfig", "scaleAndConcurrency", "instanceMemoryMB"), "2048"),
        (("properties", "httpsOnly"), "true"),
        (("properties", "functionAppConfig", "runtime", "name"), 3),
        (("properties", "functionAppConfig", "scaleAndConcurrency", "alwaysReady"), {"name": "http"}),
    ],
)
def test_value_of_another_kind_is_found(path: tuple[str, ...], value: Any) -> None:
    site = next(item for item in TEMPLATES["app.bicep"].of_kind("resource") if item.name == "app")
    changed = copy.deepcopy(site.value)
    parent = changed
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = value
    assert problems(_replaced(site, changed)) != []


def test_unknown_type_and_version_are_found() -> None:
    (plan, *_) = TEMPLATES["app.bicep"].of_kind("resource")
    for head in ("Microsoft.Web/serverfarm@2025-03-01", "Microsoft.Web/serverfarms@2025-03-02"):
        assert problems(Declaration("resource", "plan", head, plan.value, "")) != []


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_param_and_variable_is_used(name: str) -> None:
    source = code(TEMPLATES[name])
    for declaration in TEMPLATES[name].declarations:
        if declaration.kind in ("param", "var"):
            assert len(re.findall(rf"\b{declaration.name}\b", source)) > 1, declaration.name


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_param_and_output_is_described(name: str) -> None:
    for kind in ("param", "output"):
        for declaration in TEMPLATES[name].of_kind(kind):
            before = TEMPLATES[name].source.partition(f"\n{kind} {declaration.name} ")[0]
            assert "@description" in before.rpartition("\n\n")[2], declaration.name


MODULES = [
    pytest.param(name, module, id=f"{name}:{module.name}")
    for name, template in TEMPLATES.items()
    for module in template.of_kind("module")
]


@pytest.mark.parametrize(("name", "module"), MODULES)
def test_module_gets_its_params_and_gives_its_outputs(name: str, module: Declaration) -> None:
    target = TEMPLATES[module.head]
    params = {declaration.name: declaration.value for declaration in target.of_kind("param")}
    body = module.value
    assert set(body["params"]) <= set(params)
    assert {param for param, default in params.items() if default is None} <= set(body["params"])
    used = set(re.findall(rf"\b{module.name}\.\??outputs\.(\w+)", TEMPLATES[name].source))
    assert used <= {output.name for output in target.of_kind("output")}


@pytest.mark.parametrize("name", TEMPLATES)
def test_names_in_one_template_are_unique(name: str) -> None:
    names = [item.name for item in TEMPLATES[name].declarations if item.kind != "output"]
    outputs = [item.name for item in TEMPLATES[name].of_kind("output")]
    assert len(names) == len(set(names))
    assert len(outputs) == len(set(outputs))


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_key_is_read_and_nothing_is_fetched(name: str) -> None:
    source = TEMPLATES[name].source
    for word in ("listKeys", "listConnectionStrings", "AccountKey", "SharedAccessKey", "br/public:", "'br:", "'ts:"):
        assert word not in source


def test_local_keys_are_off_wherever_there_are_some() -> None:
    for name, setting in (
        ("storage.bicep", "allowSharedKeyAccess: false"),
        ("bus.bicep", "disableLocalAuth: true"),
        ("monitor.bicep", "DisableLocalAuth: true"),
        ("monitor.bicep", "disableLocalAuth: true"),
        ("vaults.bicep", "enableRbacAuthorization: true"),
    ):
        assert setting in TEMPLATES[name].source


def test_roles_are_the_known_ones() -> None:
    assert json.loads((INFRA / "roles.json").read_text()) == KNOWN_ROLES


def test_every_role_is_assigned_somewhere() -> None:
    sources = TEMPLATES["access.bicep"].source + TEMPLATES["targets.bicep"].source
    assert {role for role in KNOWN_ROLES if f"roles.{role}" not in sources} == set()


def test_custom_roles_are_the_documented_actions() -> None:
    documented = (ROOT / "docs" / "permissions.md").read_text()
    files = sorted((INFRA / "roles").glob("*.json"))
    assert len(files) == 6
    for path in files:
        role = json.loads(path.read_text())
        assert f"roles/{path.name}" in TEMPLATES["targets.bicep"].source
        assert f"infra/roles/{path.name}" in documented
        for action in role["Actions"]:
            assert action.removeprefix("Microsoft.Resources/subscriptions") in documented


def test_every_resource_type_is_under_a_version_of_its_own() -> None:
    """The same type in two versions would be two descriptions of it."""
    versions: dict[str, set[str]] = {}
    for template in TEMPLATES.values():
        for resource in template.of_kind("resource"):
            kind, version = resource.resource_type
            versions.setdefault(kind, set()).add(version)
    assert {kind: found for kind, found in versions.items() if len(found) > 1} == {}


def test_parameters_file_has_the_params_of_the_template() -> None:
    document = json.loads((INFRA / "main.parameters.json").read_text())
    params = {declaration.name for declaration in TEMPLATES["main.bicep"].of_kind("param")}
    assert set(document["parameters"]) == params
    for parameter in document["parameters"].values():
        assert re.fullmatch(r"\$\{[A-Z_]+(=[a-zA-Z0-9.]*)?\}", parameter["value"])


def test_params_from_azd_are_texts() -> None:
    """azd hands over what its environment holds, which is text."""
    assert {declaration.head for declaration in TEMPLATES["main.bicep"].of_kind("param")} == {"string"}


def test_outputs_are_what_the_command_line_and_the_hooks_read() -> None:
    outputs = {output.name for output in TEMPLATES["main.bicep"].of_kind("output")}
    assert outputs >= {"ARCWAY_SERVER", "ARCWAY_SCOPE", "ARCWAY_VAULT_NAME", "AZURE_LOCATION", "AZURE_RESOURCE_GROUP"}


# --- settings ------------------------------------------------------------------------------------------------------

SAMPLES = {
    "storageName": "starcway",
    "identityClientId": "3f2504e0-4f89-41d3-9a0c-0305e82c3303",
    "busHost": "sb-arcway.servicebus.windows.net",
    "insightsConnectionString": "InstrumentationKey=3f2504e0-4f89-41d3-9a0c-0305e82c3304",
    "environment().resourceManager": "https://management.azure.com/",
    "environment().authentication.loginEndpoint": "https://login.microsoftonline.com/",
    "tenant().tenantId": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "apiClientId": "3f2504e0-4f89-41d3-9a0c-0305e82c3302",
    "temporaryVaultUri": "https://kv-t.vault.azure.net/",
    "mainVaultUri": "https://kv.vault.azure.net/",
    "registries": "mcr.microsoft.com",
    "armLimits": "",
    "name": "func-arcway",
    "topicName": "onboarding-events",
    "queueName": "onboarding-requests",
    "retentionDays": "30",
}


def template_settings() -> dict[str, str]:
    """The settings of the function app as the template writes them, for an environment in the public cloud."""
    template = TEMPLATES["app.bicep"]
    variables = {declaration.name: declaration.value for declaration in template.of_kind("var")}
    (settings,) = (item for item in template.of_kind("resource") if item.name == "settings")
    return {name: _evaluated(value, variables) for name, value in settings.value["properties"].items()}


def _evaluated(value: Any, variables: dict[str, Any]) -> str:
    if isinstance(value, Expression):
        return SAMPLES[value.text] if value.text in SAMPLES else _evaluated(variables[value.text], variables)
    if isinstance(value, Alternatives):
        return _evaluated(value.values[-1], variables)
    if isinstance(value, Text):
        return re.sub(r"\$\{(\w+)\}", lambda match: SAMPLES[match[1]], value.template)
    assert isinstance(value, str)
    return value


def test_app_reads_the_settings_of_the_template() -> None:
    settings = read_settings(template_settings())
    assert settings.vaults == ("https://kv-t.vault.azure.net", "https://kv.vault.azure.net")
    assert settings.authority is not None
    assert settings.authority.issuer == "https://login.microsoftonline.com/3f2504e0-4f89-41d3-9a0c-0305e82c3301/v2.0"
    assert (settings.helm_workers, settings.step_threads, settings.retention_days) == (2, 12, 30)
    assert settings.onboarding_queue == "onboarding-requests"
    assert settings.publishes
    assert not settings.local


def test_settings_leave_out_what_flex_has_elsewhere() -> None:
    forbidden = ("FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_EXTENSION_VERSION", "WEBSITE_", "SCM_DO_BUILD")
    names = template_settings()
    assert [name for name in names if name.startswith(forbidden)] == []
    assert "AzureWebJobsStorage" not in names
    assert "ServiceBusConnection" not in names


def test_steps_at_once_are_as_many_as_activities() -> None:
    host = json.loads((ROOT / "host.json").read_text())["extensions"]["durableTask"]
    assert template_settings()["ARCWAY_STEP_THREADS"] == str(host["maxConcurrentActivityFunctions"])


def test_task_hub_is_the_one_of_host_json() -> None:
    host = json.loads((ROOT / "host.json").read_text())["extensions"]["durableTask"]
    (hub,) = (item for item in TEMPLATES["durable.bicep"].of_kind("resource") if item.name == "hub")
    assert hub.value["name"] == host["hubName"]
    setting = host["storageProvider"]["connectionStringName"]
    assert f"{setting}: 'Endpoint=${{schedulerEndpoint}};Authentication=ManagedIdentity;" in code(
        TEMPLATES["app.bicep"]
    )


def _app() -> Any:
    (app,) = (item for item in TEMPLATES["app.bicep"].of_kind("resource") if item.name == "app")
    return app.value["properties"]["functionAppConfig"]


def test_an_instance_takes_as_many_requests_as_there_are_threads_for() -> None:
    """Without a figure of its own an instance takes one request at a time, for Python."""
    (requests,) = (item.value for item in TEMPLATES["app.bicep"].of_kind("var") if item.name == "requestsAtOnce")
    assert _app()["scaleAndConcurrency"]["triggers"]["http"]["perInstanceConcurrency"] == Expression("requestsAtOnce")
    messages = json.loads((ROOT / "host.json").read_text())["extensions"]["serviceBus"]["maxConcurrentCalls"]
    assert requests + messages <= THREADS


def test_runtime_is_the_python_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={_app()['runtime']['version']}"


def test_helm_calls_fit_the_memory() -> None:
    """Each is a process of about 100 MB, beside some 500 MB of the host and the app."""
    (workers,) = (item.value for item in TEMPLATES["app.bicep"].of_kind("var") if item.name == "helmWorkers")
    sizes = re.findall(r"'(\d{4})'", TEMPLATES["main.bicep"].source.partition("param instanceMemory")[0][-60:])
    assert (sizes, workers) == (["2048", "4096"], Alternatives(("4", "2")))
