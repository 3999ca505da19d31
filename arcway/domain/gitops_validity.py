"""Whether a Flux configuration would be valid as a request makes it: what a request alone does not show, because it may
leave out what the configuration has.
"""

from collections.abc import Iterator

from arcway.domain.codes import Code
from arcway.domain.findings import finding
from arcway.domain.gitops_changes import SOURCES, kustomizations_after, protected_after, source_after, usable
from arcway.domain.gitops_request import LONGEST_NAMES, Configuration, circle_of
from arcway.domain.json_values import Json
from arcway.domain.text import excerpt, listed

_REQUIRED = {
    "gitRepository": ("url", "repositoryRef"),
    "bucket": ("url", "bucketName"),
    "azureBlob": ("url", "containerName"),
    "ociRepository": ("url",),
}
_USERS = {"gitRepository": ("httpsUser", "httpsKey"), "bucket": ("accessKey", "bucketSecretKey")}


def conflicts(configuration: Configuration, resource: Json | None) -> list[Json]:
    """Findings about what Azure would refuse; `resource` is the configuration as it is, None if there is none."""
    field, source = source_after(configuration, resource)
    if not field:
        message = f"The connected cluster has no Flux configuration {configuration.name}: name its source to create it."
        return [finding(Code.GITOPS_NOT_FOUND, message)]
    problems = [
        *_fixed(configuration, resource),
        *_of_source(field, source, protected_after(configuration, resource)),
        *_of_kustomizations(configuration.name, kustomizations_after(configuration, resource)),
    ]
    return [finding(Code.GITOPS_NOT_VALID, f"Flux configuration {configuration.name} {text}.") for text in problems]


def _fixed(configuration: Configuration, resource: Json | None) -> Iterator[str]:
    properties = resource["properties"] if resource else {}
    for name, wanted in (("scope", configuration.scope), ("namespace", configuration.namespace)):
        current = properties.get(name)
        if resource is not None and wanted is not None and wanted != current:
            yield f"has {name} {excerpt(current)}, which cannot be changed"


def _of_source(field: str, source: Json, protected: set[str]) -> Iterator[str]:
    for name in _REQUIRED[field]:
        if not source.get(name):
            what = "one of branch, tag, semver and commit" if name == "repositoryRef" else name
            yield f"needs {what} of {field}"
    if excess := sorted(protected - usable((field, source))):
        reason = "localAuthRef excludes" if source.get("localAuthRef") else f"its {SOURCES[field]} cannot use"
        yield f"has protected settings that {reason}: {', '.join(excess)}"
    user, key = _USERS.get(field, (None, None))
    if user and key in usable((field, source)) and bool(source.get(user)) != (key in protected):
        yield f"needs {user} and the protected setting {key} together"


def _of_kustomizations(configuration: str, kustomizations: dict[str, Json]) -> Iterator[str]:
    dependencies: dict[str, list[str]] = {}
    for name, value in kustomizations.items():
        items = value.get("dependsOn")
        dependencies[name] = [str(item) for item in items] if isinstance(items, list) else []
        if len(configuration) + len(name) > LONGEST_NAMES:
            yield f"has a kustomization whose name is too long: {excerpt(name)}"
        if missing := [item for item in dependencies[name] if item not in kustomizations]:
            yield f"has kustomization {excerpt(name)}, which depends on what it does not have: {listed(missing)}"
    if (circle := circle_of(dependencies)) is not None:
        yield f"has kustomizations that depend on one another: {listed(circle, len(circle))}"
