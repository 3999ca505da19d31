"""The agents' key pair: RSA-4096, made once per cluster and kept only in the cluster.

The private key lives in the Secret that agents from 1.35.3 on expect to find; the namespace and the Secret carry the
metadata by which Helm adopts them. The public key is what Azure gets: base64 of PKCS#1 DER, 704 characters.
"""

import base64
import os
import threading

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from arcway.cluster.api import ClusterApi
from arcway.cluster.lease import Held
from arcway.domain.errors import ArcError

NAMESPACE = "azure-arc"
SECRET = "azure-arc-connect-privatekey"  # noqa: S105 - a name
RELEASE = "azure-arc"
RELEASE_NAMESPACE = "azure-arc-release"
_FIELD = "privateKey"
_KEY_BITS = 4096
_ADOPTION = {
    "labels": {"app.kubernetes.io/managed-by": "Helm"},
    "annotations": {"meta.helm.sh/release-name": RELEASE, "meta.helm.sh/release-namespace": RELEASE_NAMESPACE},
}
# Half a second of a core each: a fleet that starts at once must leave one core to everything else.
_generating = threading.BoundedSemaphore(max(1, (os.cpu_count() or 2) - 1))
_SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"


def ensure_key_pair(api: ClusterApi, held: Held) -> tuple[str, bool]:
    """The public key that belongs to the private key in the cluster, and whether this run made the pair.

    Raises `ArcError` ARC-2012 while the namespace is being deleted and ARC-5011 when the Secret holds no usable key.
    """
    if existing := _public_key(api, held):
        return existing
    _ensure_namespace(api)
    with _generating:
        private = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": SECRET, "namespace": NAMESPACE, **_ADOPTION},
        "stringData": {_FIELD: pem},
    }
    if api.create(_SECRETS, body) is None and (winner := _public_key(api, held)):
        return winner
    return public_key_of(private), True


def public_key_of(private: rsa.RSAPrivateKey) -> str:
    """The encoding that Azure takes: base64 of the PKCS#1 DER form, not of SubjectPublicKeyInfo."""
    return base64.b64encode(private.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)).decode()


def _ensure_namespace(api: ClusterApi) -> None:
    namespace = api.get(f"/api/v1/namespaces/{NAMESPACE}")
    if namespace is None:
        api.create(
            "/api/v1/namespaces",
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, **_ADOPTION}},
        )
    elif namespace.get("status", {}).get("phase") == "Terminating":
        raise ArcError("ARC-2012", f"Namespace {NAMESPACE} is being deleted.", retry_after=2)


def _public_key(api: ClusterApi, held: Held) -> tuple[str, bool] | None:
    secret = api.get(f"{_SECRETS}/{SECRET}")
    if secret is None:
        return None
    try:
        private = load_pem_private_key(base64.b64decode((secret.get("data") or {})[_FIELD]), None)
        if not isinstance(private, rsa.RSAPrivateKey):
            raise TypeError("not RSA")
    except (KeyError, ValueError, TypeError):
        # The cause may quote the key, so it is not chained.
        raise ArcError("ARC-5011", f"Secret {NAMESPACE}/{SECRET} holds no usable private key.") from None
    return public_key_of(private), held.made(secret)
