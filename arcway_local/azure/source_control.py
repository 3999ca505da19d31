"""The legacy source control configurations (Flux v1) of connected clusters: stored, and acted on by no agent."""

from typing import Any

from arcway_local.azure.record import Writer, created, sign
from arcway_local.azure.refusals import Refusal
from arcway_local.azure.subscriptions import Touch

TYPE = "Microsoft.KubernetesConfiguration/sourceControlConfigurations"
STORED = "configuration"
_DEFAULTS: dict[str, Any] = {
    "operatorNamespace": "default",
    "operatorInstanceName": "",
    "operatorType": "Flux",
    "operatorParams": "",
    "operatorScope": "cluster",
    "sshKnownHostsContents": "",
    "enableHelmOperator": False,
}
_READ_ONLY: dict[str, Any] = {
    "repositoryPublicKey": "",
    "complianceStatus": {"complianceState": "Pending", "message": "", "messageLevel": "Information"},
    "provisioningState": "Succeeded",
}


class SourceControl:
    """All source control configurations by resource id in lower case."""

    def __init__(self, touch: Touch) -> None:
        self._touch = touch
        self._configurations: dict[str, dict[str, Any]] = {}

    def stores(self, kind: str) -> bool:
        """Whether objects of this stored kind are its configurations."""
        return kind == STORED

    def form_of(self, _kind: str, key: str) -> Any:
        """The JSON form in which a configuration is stored; None if it does not exist."""
        return self._configurations.get(key)

    def restore(self, _kind: str, key: str, form: Any) -> None:
        """Restore what `form_of` returned."""
        self._configurations[key] = form

    def put(
        self, cluster: dict[str, Any], name: str, body: dict[str, Any], writer: Writer
    ) -> tuple[dict[str, Any], bool]:
        """Create or replace; returns the configuration and whether it is new. Raises `Refusal` 400."""
        properties = body.get("properties") or {}
        if not isinstance(properties, dict) or not properties.get("repositoryUrl"):
            raise Refusal(400, "InvalidRequest", "The property 'repositoryUrl' is required.", by_service=True)
        protected = properties.get("configurationProtectedSettings") or {}
        if not isinstance(protected, dict):
            raise Refusal(400, "InvalidRequest", "configurationProtectedSettings must be an object.", by_service=True)
        key = _key(cluster["id"], name)
        existing = self._configurations.get(key)
        form: dict[str, Any] = {
            "id": f"{cluster['id']}/providers/{TYPE}/{name}",
            "name": name,
            "type": TYPE,
            "systemData": existing["systemData"] if existing and "systemData" in existing else created(writer),
            "properties": {
                **_DEFAULTS,
                **properties,
                "configurationProtectedSettings": dict.fromkeys(protected, ""),
                **_READ_ONLY,
            },
        }
        sign(form, writer)
        self._configurations[key] = form
        self._touch(STORED, key)
        return form, existing is None

    def get(self, cluster_id: str, name: str) -> dict[str, Any]:
        """One configuration. Raises `Refusal` 404 ResourceNotFound."""
        configuration = self._configurations.get(_key(cluster_id, name))
        if configuration is None:
            raise Refusal(404, "ResourceNotFound", f"The Resource '{TYPE}/{name}' was not found.", by_service=True)
        return configuration

    def in_cluster(self, cluster_id: str) -> list[dict[str, Any]]:
        """The configurations of a connected cluster, by name."""
        prefix = f"{cluster_id}/".lower()
        return [self._configurations[key] for key in sorted(self._configurations) if key.startswith(prefix)]

    def delete(self, cluster_id: str, name: str) -> bool:
        """Remove a configuration; returns whether there was one."""
        key = _key(cluster_id, name)
        self._touch(STORED, key)
        return self._configurations.pop(key, None) is not None

    def forget_below(self, scope: str) -> None:
        """Remove what is below a scope, in lower case (the quickstart: "removes any associated configuration")."""
        for key in [key for key in self._configurations if key.startswith(f"{scope}/")]:
            del self._configurations[key]
            self._touch(STORED, key)


def _key(cluster_id: str, name: str) -> str:
    return f"{cluster_id}/providers/{TYPE}/{name}".lower()
