"""Rules of the house that import-linter cannot say."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from activities.blueprint import FLEET_STEPS, STEPS

ROOT = Path(__file__).parents[2]
PACKAGES = ("activities", "orchestrators", "triggers", "arcway", "arcway_local")
ADAPTERS = {
    "azure.mgmt": {"arcway/azure/clients.py", "arcway/azure/connected_clusters.py", "arcway/azure/providers.py"},
    "azure.identity": {"arcway/service_identity.py", "arcway/cli/sign_in.py"},
    "azure.keyvault": {"arcway/azure/clients.py", "arcway/cli/credentials/store.py"},
    "jinja2": {"arcway/page/renderer.py"},
    "jwt": {
        "triggers/access/tokens.py",
        "arcway_local/azure/entra/service.py",
        "arcway_local/azure/entra/signing.py",
    },
    "msal": {"triggers/access/sign_in.py"},
    "kubernetes": {
        "arcway/cluster/access/api.py",
        "arcway/cluster/access/connections.py",
        "arcway/cluster/access/endpoint.py",
    },
    "helm_python": {"arcway/cluster/helm/worker.py"},
    "yaml": {
        "arcway/cluster/access/plain_yaml.py",
        "arcway_local/azure/kube_client.py",
        "arcway_local/azure/registry.py",
    },
}
ENVIRONMENT_READERS = {
    "arcway/cli/bus.py",
    "arcway/cli/credentials/kubeconfig.py",
    "arcway/cli/credentials/exec_plugin.py",
    "arcway/cli/sign_in.py",
}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("package", sorted(ADAPTERS))
def test_each_sdk_is_imported_only_where_it_is_adapted(package: str) -> None:
    importers = {
        path
        for path, tree in sources()
        if any(name == package or name.startswith(f"{package}.") for name in imported(tree))
    }
    assert importers == ADAPTERS[package] | {path for path in importers if path.startswith("arcway_local/cluster/")}


def test_the_environment_is_read_by_the_function_app_and_by_commands() -> None:
    readers = set()
    for path, tree in sources():
        if path.startswith("arcway_local/"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv"):
                readers.add(path)
    assert readers == ENVIRONMENT_READERS


def test_no_module_keeps_what_an_installation_holds() -> None:
    """A cache at module level may keep only what is the same for all installations."""
    same_for_all = {
        "arcway/page/files.py",  # static files
        "arcway/page/renderer.py",  # templates
        "arcway/private_file.py",  # what the system allows
        "arcway/private_folder.py",  # the folder of the process
        "triggers/api_description/route.py",  # by what it describes
    }
    caching, making = set(), set()
    for path, tree in sources():
        if path.startswith(("arcway_local/", "arcway/cli/")):
            continue
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and any(_is_cache(item) for item in node.decorator_list):
                caching.add(path)
            if isinstance(node, ast.Assign | ast.AnnAssign) and _makes_own_object(node.value):
                making.add(path)
    assert (caching, making) == (same_for_all, set())


def _is_cache(decorator: ast.expr) -> bool:
    name = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(name, ast.Name) and name.id in ("cache", "lru_cache")


def _makes_own_object(value: ast.expr | None) -> bool:
    """Whether an object of a class with state is made: of what installations hold, or of one like it."""
    held = {"Settings", "AzureClients", "Pipeline", "Secrets", "EventSender", "Connections", "Providers", "WorkerPool"}
    held |= {"Installation", "Services", "Authentication", "Sessions", "Tokens", "PageSecrets", "Dependencies", "Keys"}
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in held


def test_error_codes_are_written_by_name() -> None:
    numbers = {}
    for path, tree in sources():
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        result = [
            node.lineno
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
            if re.match(r"ARC-\d", node.value)
        ]
        if result:
            numbers[path] = result
    assert list(numbers) == ["arcway/domain/codes.py"]


def test_every_step_has_a_file_of_its_name_and_every_file_a_step() -> None:
    not_steps = {"__init__", "absence", "activity", "blueprint", "cluster_session", "shared_reads"}
    not_steps |= {
        "extension_checks",
        "extension_settings",
        "managed_deletion",
        "wanted_extension",
        "release_values",
        "step",
    }
    files = {path.stem for path in (ROOT / "activities").glob("*.py")} - not_steps
    assert files == {step.__name__ for step in (*STEPS, *FLEET_STEPS)}


def test_every_module_says_its_duty() -> None:
    assert [path for path, tree in sources() if not ast.get_docstring(tree)] == []


def test_what_modules_do_not_know_is_in_one_table_and_of_modules_that_exist() -> None:
    document = (ROOT / "docs" / "architecture.md").read_text()
    table = document.partition("### What each module does not know")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([a-z_/]+)` \| (.+) \|$", table, re.MULTILINE)
    named = [f"{folder}/{module}.py" for folder, cells in rows for module in re.findall(r"(?:^|; )`(\w+)`: ", cells)]
    assert len(named) > 100
    assert [path for path in named if not (ROOT / path).is_file()] == []
    assert [path for path, tree in sources() if "must not know" in (ast.get_docstring(tree) or "").lower()] == []


def test_the_type_of_json_objects_is_defined_once() -> None:
    defining = [
        path
        for path, tree in sources()
        for node in tree.body
        if isinstance(node, ast.TypeAlias) and node.name.id == "Json"
    ]
    assert [path for path in defining if not path.startswith("arcway_local")] == ["arcway/domain/json_values.py"]


def test_modules_stay_readable() -> None:
    long = {path: length for path, _ in sources() if (length := len((ROOT / path).read_text().splitlines())) > 320}
    assert long == {}
