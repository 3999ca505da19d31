"""What extensions and Flux configurations have in common: resources of Microsoft.KubernetesConfiguration that belong to
a connected cluster.

https://learn.microsoft.com/rest/api/kubernetesconfiguration/
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from azure.core.rest import HttpResponse

from arcway.azure.clients import AzureClients
from arcway.azure.errors import azure_errors
from arcway.azure.pipeline import json_object
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.ids import ClusterId

NAMESPACE = "Microsoft.KubernetesConfiguration"
_MOST_PAGES = 100
# What a 404 is about: anything else that Azure does not find is the resource itself.
_NOT_THE_RESOURCE = ("SubscriptionNotFound", "ResourceGroupNotFound", "ParentResourceNotFound")


@dataclass(frozen=True, slots=True)
class Collection:
    """All resources of one type of a connected cluster. `noun` is what a message calls one of them."""

    kind: str
    api: str
    noun: str

    @property
    def resource_type(self) -> str:
        """The type, as Azure writes it."""
        return f"{NAMESPACE}/{self.kind}"

    def action(self, verb: str) -> str:
        """The action that the identity needs to read, write or delete."""
        return f"{self.resource_type}/{verb}"

    def get(self, azure: AzureClients, cluster: ClusterId, name: str) -> dict[str, Any] | None:
        """The resource as Azure has it; None if it or its connected cluster does not exist. Raises `ArcError`."""
        response = azure.pipeline.request(azure.cloud.arm, azure.cloud.scope, "GET", self._address(cluster, name))
        if response.status_code == HTTPStatus.NOT_FOUND and _code_of(json_object(response)) not in _NOT_THE_RESOURCE:
            return None
        with azure_errors():
            response.raise_for_status()
        return self._resource(json_object(response))

    def list_in(self, azure: AzureClients, cluster: ClusterId) -> list[dict[str, Any]]:
        """All resources of the connected cluster.

        Raises `ArcError`: ARC-4012 when it does not exist, ARC-4011 when Azure's list is not one or has no end.
        """
        url, resources = self._of(cluster), []
        for _ in range(_MOST_PAGES):
            page, _headers = azure.get(url)
            items = page.get("value")
            if not isinstance(items, list):
                raise ArcError(Code.AZURE_RESPONSE_INVALID, f"Azure's list of {self.kind} has no value.")
            resources += [self._resource(item) for item in items]
            if not (url := page.get("nextLink") or ""):
                return resources
        raise ArcError(Code.AZURE_RESPONSE_INVALID, f"Azure's list of {self.kind} has more than {_MOST_PAGES} pages.")

    def put(self, azure: AzureClients, cluster: ClusterId, name: str, body: dict[str, Any]) -> str | None:
        """Create or replace; returns the URL to follow, None if the resource itself is to be read."""
        return self._follow(azure, _write(azure, "PUT", self._address(cluster, name), body))

    def patch(self, azure: AzureClients, cluster: ClusterId, name: str, body: dict[str, Any]) -> str | None:
        """Change what `body` names; returns the URL to follow, None if the resource itself is to be read.

        Azure drops all protected settings that `body` does not have.
        """
        return self._follow(azure, _write(azure, "PATCH", self._address(cluster, name), body))

    def delete(self, azure: AzureClients, cluster: ClusterId, name: str, *, force: bool) -> str | None:
        """Delete, with `force` in Azure only; returns the URL to follow. Harmless if there is none."""
        url = self._address(cluster, name) + ("&forceDelete=true" if force else "")
        try:
            # The answer may have a body that is not a resource: only where to follow counts.
            return _followed(azure, _write(azure, "DELETE", url))
        except ArcError as error:
            if error.code != Code.CONNECTED_CLUSTER_NOT_FOUND:
                raise
            return None

    def _follow(self, azure: AzureClients, response: HttpResponse) -> str | None:
        """The URL to follow. An answer that says that all is taken must show it: the resource in JSON."""
        if response.status_code != HTTPStatus.ACCEPTED:
            self._resource(json_object(response))
        return _followed(azure, response)

    def _of(self, cluster: ClusterId, path: str = "") -> str:
        return f"{cluster.resource_id}/providers/{self.resource_type}{path}?api-version={self.api}"

    def _address(self, cluster: ClusterId, name: str) -> str:
        return self._of(cluster, f"/{name}")

    def _resource(self, item: object) -> dict[str, Any]:
        """A resource in Azure's form. Raises `ArcError` ARC-4011 when it is not one."""
        if not isinstance(item, dict) or not isinstance(item.get("name"), str):
            raise ArcError(Code.AZURE_RESPONSE_INVALID, f"Azure returned {self.noun} without a name.")
        if not isinstance(item.get("properties"), dict):
            raise ArcError(Code.AZURE_RESPONSE_INVALID, f"Azure returned {self.noun} without properties.")
        return item


def _write(azure: AzureClients, method: str, url: str, body: dict[str, Any] | None = None) -> HttpResponse:
    return azure.pipeline.send(azure.cloud.arm, azure.cloud.scope, method, url, body)


def _followed(azure: AzureClients, response: HttpResponse) -> str | None:
    for header in ("Azure-AsyncOperation", "Location"):
        address = response.headers.get(header)
        # `Location` may name the resource provider's own regional host, to which no token is sent.
        if address and urlsplit(address).netloc in ("", urlsplit(azure.cloud.arm).netloc):
            return str(address)
    return None


def _code_of(body: dict[str, Any]) -> str:
    error = body.get("error")
    return str(error.get("code")) if isinstance(error, dict) else ""
