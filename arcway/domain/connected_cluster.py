"""Facts about a connected cluster: age of the last heartbeat, days of the certificate, kind, whose key it has."""

from datetime import UTC, datetime

from arcway.domain.codes import Code
from arcway.domain.findings import finding
from arcway.domain.json_values import Json
from arcway.domain.text import counted

IDENTITY_CERTIFICATE_WARNING_DAYS = 15
"""The agents renew a certificate long before; one with fewer days left has agents that do not work."""
HEARTBEAT_WARNING_SECONDS = 15 * 60
"""Azure calls a cluster Offline after 15 minutes without a heartbeat (https://aka.ms/arc-k8s-connectivity-status)."""


def with_ages(resource: Json, now: datetime) -> Json:
    """The resource with `heartbeatAgeSeconds` and `certificateDaysLeft`, None where Azure has no time yet."""
    properties = resource.get("properties") or {}
    connected_at, ends = (
        _time(properties.get(name)) for name in ("lastConnectivityTime", "managedIdentityCertificateExpirationTime")
    )
    return {
        **resource,
        "heartbeatAgeSeconds": max(0, int((now - connected_at).total_seconds())) if connected_at else None,
        "certificateDaysLeft": (ends - now).days if ends else None,
    }


def warnings(resource: Json) -> list[str]:
    """Warnings about a connected cluster (a resource with ages)."""
    messages = []
    status = (resource.get("properties") or {}).get("connectivityStatus")
    if status not in ("Connected", "Connecting"):
        messages.append(f"is {status}")
    days, age = resource["certificateDaysLeft"], resource["heartbeatAgeSeconds"]
    if days is not None and days < IDENTITY_CERTIFICATE_WARNING_DAYS:
        messages.append("certificate has expired" if days < 0 else f"certificate expires in {counted(days, 'day')}")
    if age is not None and age > HEARTBEAT_WARNING_SECONDS:
        messages.append(f"no heartbeat for {span(age)}")
    return messages


def managed_elsewhere(resource: Json | None) -> list[Json]:
    """The finding that the resource belongs to another service of Azure; none when it does not.

    A cluster of kind ProvisionedCluster (AKS on Azure Local) is made, upgraded and deleted by `az aksarc`; `az
    connectedk8s` refuses it with its error 0003.
    """
    if resource is None or str(resource.get("kind", "")).lower() != "provisionedcluster":
        return []
    return [
        finding(
            Code.RESOURCE_IS_PROVISIONED_CLUSTER,
            f"{resource['id']} is of kind ProvisionedCluster, which `az aksarc` manages.",
        )
    ]


def has_expired(resource: Json | None) -> list[Json]:
    """The finding that the agents' identity has expired, which Azure renews only for a cluster that is connected
    again (https://aka.ms/arc-k8s-connectivity-status).
    """
    properties = (resource or {}).get("properties") or {}
    if resource is None or str(properties.get("connectivityStatus")).lower() != "expired":
        return []
    return [
        finding(
            Code.CONNECTED_CLUSTER_EXPIRED,
            f"Connected cluster {resource['id']} is Expired: its agents' certificate is no longer valid.",
        )
    ]


def not_connected(resource: Json) -> list[Json]:
    """The finding that the cluster is not Connected: Azure would take a request and end it as failed after 48 hours
    (https://learn.microsoft.com/azure/azure-arc/kubernetes/conceptual-extensions).
    """
    if _status(resource).lower() == "connected":
        return []
    message = f"Connected cluster {resource['id']} is {_status(resource)}."
    return [finding(Code.CLUSTER_NOT_CONNECTED, message)]


def is_provisioned(resource: Json) -> bool:
    """Whether Azure has finished what was last asked of the connected cluster."""
    return str((resource.get("properties") or {}).get("provisioningState")) == "Succeeded"


def is_being_deleted(resource: Json) -> bool:
    """Whether Azure is deleting it."""
    return str((resource.get("properties") or {}).get("provisioningState")).lower() == "deleting"


def is_live(resource: Json) -> bool:
    """Whether a cluster may be working behind this record.

    Azure's own states say when none is: it has been Offline for at least 15 minutes, its identity has Expired, it was
    never connected, is being deleted, or provisioning did not succeed (https://aka.ms/arc-k8s-connectivity-status).
    """
    properties = resource.get("properties") or {}
    if str(properties.get("provisioningState")).lower() in ("failed", "canceled", "deleting"):
        return False
    status = str(properties.get("connectivityStatus") or "connecting").lower()
    if status == "connecting":
        return bool(properties.get("lastConnectivityTime"))
    return status not in ("offline", "expired", "agentnotinstalled")


def serves_another(resource: Json, *public_keys: str | None) -> bool:
    """Whether a live cluster that has none of `public_keys` is behind this record: then the record is not ours.

    The public key belongs to the private key in the cluster's Secret, which only that cluster has; its name and
    what its ConfigMap says prove nothing.
    """
    return not any(key and has_key(resource, key) for key in public_keys) and is_live(resource)


def has_key(resource: Json, public_key: str) -> bool:
    """Whether this is the public key that the record has."""
    recorded = (resource.get("properties") or {}).get("agentPublicKeyCertificate")
    return isinstance(recorded, str) and "".join(recorded.split()) == "".join(public_key.split())


def taken(resource: Json) -> str:
    """The message that the connected cluster is in use by another cluster."""
    return f"Connected cluster {resource['id']} is {_status(resource)} and has the key of another cluster."


def span(seconds: int) -> str:
    """A length of time in its largest unit, as `kubectl` shows an age."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _status(resource: Json) -> str:
    return str((resource.get("properties") or {}).get("connectivityStatus") or "of unknown connectivity")


def _time(value: object) -> datetime | None:
    if not isinstance(value, str) or not value:
        return None
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
