"""What a connected cluster tells: the age of its last heartbeat, the days of its certificate, whose it is to manage.

Must not know who asks nor how the resource was read.
"""

from datetime import UTC, datetime
from typing import Any

from arcway.domain.findings import finding

type Json = dict[str, Any]

CERTIFICATE_WARNING_DAYS = 15
"""The agents renew a certificate long before; one with fewer days left has agents that do not work."""
HEARTBEAT_WARNING_SECONDS = 15 * 60
"""Azure calls a cluster Offline after 15 minutes without a heartbeat (https://aka.ms/arc-k8s-connectivity-status)."""


def with_ages(resource: Json, now: datetime) -> Json:
    """The resource with `heartbeatAgeSeconds` and `certificateDaysLeft`, None where Azure has no time yet."""
    properties = resource.get("properties") or {}
    seen, ends = (
        _time(properties.get(name)) for name in ("lastConnectivityTime", "managedIdentityCertificateExpirationTime")
    )
    return {
        **resource,
        "heartbeatAgeSeconds": max(0, int((now - seen).total_seconds())) if seen else None,
        "certificateDaysLeft": (ends - now).days if ends else None,
    }


def warnings(resource: Json) -> list[str]:
    """What of a resource with ages needs somebody's attention, in words."""
    found = []
    status = (resource.get("properties") or {}).get("connectivityStatus")
    if status not in ("Connected", "Connecting"):
        found.append(f"is {status}")
    days, age = resource["certificateDaysLeft"], resource["heartbeatAgeSeconds"]
    if days is not None and days < CERTIFICATE_WARNING_DAYS:
        found.append("certificate has expired" if days < 0 else f"certificate ends in {days} days")
    if age is not None and age > HEARTBEAT_WARNING_SECONDS:
        found.append(f"no heartbeat for {span(age)}")
    return found


def managed_elsewhere(resource: Json | None) -> list[Json]:
    """The finding that the resource belongs to another service of Azure; none when it does not.

    A cluster of kind ProvisionedCluster (AKS on Azure Local) is made, upgraded and deleted by `az aksarc`; `az
    connectedk8s` refuses it with its error 0003.
    """
    if resource is None or str(resource.get("kind", "")).lower() != "provisionedcluster":
        return []
    return [finding("ARC-4015", f"{resource['id']} is of kind ProvisionedCluster, which `az aksarc` manages.")]


def span(seconds: int) -> str:
    """A length of time in its largest unit, as `kubectl` shows an age."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _time(text: object) -> datetime | None:
    if not isinstance(text, str) or not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
