"""The kinds of objects that an API server serves, and the rewriting of manifests that use kinds it no longer serves.

Helm can neither upgrade nor uninstall a release whose manifest names an API that the cluster has not any more. Its
plug-in mapkubeapis rewrites the stored manifest: what moved gets its new API, what no longer exists is left out
(https://github.com/helm/helm-mapkubeapis). So does this, by what the server says instead of by a table.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from arcway.cluster.access.api import ClusterApi, at
from arcway.cluster.access.plain_yaml import PlainYamlError, read_yaml
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError

# Where what was in this group went; no other group was ever dissolved.
_MOVED = {"extensions": ("apps", "networking.k8s.io", "policy")}
_LINE = r"""^%s:[ \t]*["']?(%s)["']?[ \t]*(?:#.*)?\r?$"""
_VERSION = re.compile(_LINE % ("apiVersion", r"[0-9A-Za-z.-]+(?:/[0-9A-Za-z]+)?"), re.MULTILINE)
_KIND = re.compile(_LINE % ("kind", r"[0-9A-Za-z]+"), re.MULTILINE)
_BYTES, _PARTS = 4 * 1024 * 1024, 200_000


@dataclass(frozen=True, slots=True)
class Resource:
    """The path, names and scope of a kind's objects."""

    base: str
    plural: str
    namespaced: bool


@dataclass(slots=True)
class Served:
    """The kinds that an API server serves, each version asked for once."""

    api: ClusterApi
    _kinds: dict[str, dict[str, Resource] | None] = field(default_factory=dict)
    _groups: dict[str, list[str]] | None = None

    def resource(self, version: str, kind: str) -> Resource | None:
        """The resource of a kind; None if it is not served. Raises `ArcError` if the server does not respond."""
        return (self._of(version) or {}).get(kind)

    def is_gone(self, version: str, kind: str) -> bool:
        """Whether the server says that it does not serve this. One whose own server does not answer may come back."""
        try:
            return self.resource(version, kind) is None
        except ArcError as error:
            if error.code != Code.KUBERNETES_API_ERROR:
                raise
            return False

    def successor(self, version: str, kind: str) -> str | None:
        """The version under which a kind is served now, None when it is not."""
        group = version.rpartition("/")[0]
        for name in (group, *_MOVED.get(group, ())):
            for candidate in self._versions(name):
                if not self.is_gone(candidate, kind):
                    return candidate
        return None

    def _versions(self, group: str) -> list[str]:
        if not group:
            return ["v1"]
        if self._groups is None:
            groups = (self.api.get("/apis") or {}).get("groups") or []
            self._groups = {
                item["name"]: [
                    item["preferredVersion"]["groupVersion"],
                    *(version["groupVersion"] for version in item["versions"]),
                ]
                for item in groups
            }
        return self._groups.get(group, [])

    def _of(self, version: str) -> dict[str, Resource] | None:
        if version not in self._kinds:
            base = at("/apis", *version.split("/")) if "/" in version else at("/api", version)
            body = self.api.get(base)
            listed = (body or {}).get("resources") or []
            self._kinds[version] = body and {
                item["kind"]: Resource(base, item["name"], bool(item["namespaced"]))
                for item in listed
                if "/" not in item["name"]
            }
        return self._kinds[version]


def mended(manifest: str, served: Served) -> tuple[str, list[str]]:
    """Return the manifest with served kinds only, and a description of the changes."""
    documents, changes = [], []
    for document in _documents(manifest):
        version, kind = _VERSION.search(document), _KIND.search(document)
        if not version or not kind or not served.is_gone(version[1], kind[1]):
            documents.append(document)
            continue
        successor = served.successor(version[1], kind[1])
        changes.append(f"{kind[1]} of {version[1]}")
        if successor:
            documents.append(document[: version.start()] + f"apiVersion: {successor}" + document[version.end() :])
    return "".join(f"---\n{document}\n" for document in documents), changes


def objects_in(manifest: str, served: Served, namespace: str) -> Iterator[str]:
    """The paths of the objects that a manifest names, those of a kind that is not served left out.

    `namespace` is that of an object which names none.
    """
    for document in _documents(manifest):
        try:
            item = read_yaml(document, _BYTES, _PARTS)
            version, kind, metadata = item["apiVersion"], item["kind"], item["metadata"]
            if served.is_gone(version, kind) or not (resource := served.resource(version, kind)):
                continue
            where = ("namespaces", metadata.get("namespace") or namespace) if resource.namespaced else ()
            yield at(resource.base, *where, resource.plural, metadata["name"])
        except (PlainYamlError, LookupError, TypeError, AttributeError):
            continue
        except ArcError as error:
            if error.code not in (Code.KUBERNETES_API_ERROR, Code.KUBERNETES_RESPONSE_INVALID):
                raise


def _documents(manifest: str) -> Iterator[str]:
    """The documents of a manifest, without those that are empty."""
    lines: list[str] = []
    for line in [*manifest.split("\n"), "---"]:
        if line.rstrip() != "---" and not line.startswith("--- "):
            lines.append(line)
            continue
        if (document := "\n".join(lines)).strip():
            yield document.strip("\n")
        lines = []
