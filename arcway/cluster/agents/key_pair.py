"""The agents' key pair: RSA-4096, generated once per cluster and stored only in the cluster.

The private key lives in the Secret that agents from 1.35.3 on expect to find; the namespace and the Secret carry the
metadata by which Helm adopts them. Charts before that have the Secret as a template and take the key as a value. The
public key is what Azure gets: base64 of PKCS#1 DER, 704 characters.
"""

import base64
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from arcway.cluster.access.api import ClusterApi
from arcway.cluster.access.lease import AcquiredLease
from arcway.cluster.agents.marks import Marks
from arcway.cluster.agents.release_namespace import release_namespace, release_namespaces
from arcway.cluster.constants import NAMESPACE, OWNER_NAME, OWNER_NAMESPACE, RELEASE, RELEASE_NAMESPACE, SECRET
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.secrets_held import hold
from arcway.domain.versions import VERSION

_NO_MARKS = Marks()
_FIELD = "privateKey"
_VALUE = "onboardingPrivateKey"
_KEY_BITS = 4096
# A key of 16,384 bits; checking the parts of a key of any size would take any time.
_PEM_BYTES = 16 * 1024
_SECRET_SINCE = (1, 35, 3)
_MANAGED = {"app.kubernetes.io/managed-by": "Helm"}
_NICENESS = 10
_SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"


def ensure_key_pair(api: ClusterApi, lease: AcquiredLease, marks: Marks = _NO_MARKS) -> tuple[str, bool]:
    """The public key that belongs to the private key in the cluster, and whether this run made the pair.

    A Secret that is neither Arcway's nor the release's, or whose key is not RSA of at least 4096 bits, is replaced:
    its author knows the key. A namespace that has to be made gets the `marks`.

    Raises `ArcError` ARC-2012 while the namespace is being deleted.
    """
    if existing := _usable(api, lease):
        return existing
    namespace = release_namespace(api)
    _ensure_namespace(api, namespace, marks)
    private = _generators.submit(_generate).result()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    hold(pem)
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": SECRET, "namespace": NAMESPACE, "labels": _MANAGED, "annotations": _kept(namespace)},
        "stringData": {_FIELD: pem},
    }
    if api.create(_SECRETS, body) is None:
        if winner := _usable(api, lease):
            return winner
        _replace(api, body)
    return public_key_of(private), True


def _generate() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)


def give_way() -> None:
    """Lower the priority of the calling thread; only on Linux does a thread have one of its own."""
    if sys.platform == "linux":
        with suppress(OSError):  # a sandbox may forbid it, and keys are needed there, too
            os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) + _NICENESS)


# Half a second of a core each, on every core: a fleet that starts at once must leave the cores to everything else, and
# must not leave one idle. A thread cannot raise its priority again, so these threads do nothing else.
_generators = ThreadPoolExecutor(os.process_cpu_count() or 1, "key-pair", initializer=give_way)


def public_key(api: ClusterApi) -> str | None:
    """The public key that belongs to the private key in the cluster's Secret; None when there is no usable one."""
    secret = api.get(f"{_SECRETS}/{SECRET}")
    try:
        return public_key_of(_pem(secret)[1]) if secret else None
    except ArcError as error:
        if error.code != Code.PRIVATE_KEY_UNUSABLE:
            raise
        return None


def chart_reads_secret(version: str, train: str) -> bool:
    """Whether the agents' chart of this version leaves the Secret alone; others must get the key as a value.

    The rule is that of `az connectedk8s`: from 1.35.3 on, in the preview train from 1.35.3-preview on, and every `-dev`
    version. Raises `ArcError` ARC-5001 when the version is not a semantic one.
    """
    match = VERSION.fullmatch(version)
    if match is None:
        raise ArcError(Code.CHART_UNAVAILABLE, f"The chart's version {version[:40]} is not a semantic version.")
    numbers, label = tuple(int(match[part]) for part in (1, 2, 3)), match[4]
    if label == "dev" or (label or "").endswith("-dev"):
        return True
    if numbers == _SECRET_SINCE:
        return label is None or (train == "preview" and label >= "preview")
    return numbers > _SECRET_SINCE


def key_values(api: ClusterApi, version: str, train: str, previous: dict[str, Any]) -> dict[str, Any]:
    """The Helm values by which a chart of this version gets the private key: none if it reads the Secret.

    A release whose `previous` values have the key
    loses it when its chart no longer needs it, but not the Secret. Raises
    `ArcError` ARC-5011 when the Secret holds no usable key.
    """
    if chart_reads_secret(version, train) and _VALUE not in previous.get("global", {}):
        return {}
    secret = api.get(f"{_SECRETS}/{SECRET}") or {}
    pem, _ = _pem(secret)
    if not chart_reads_secret(version, train):
        return {"global": {_VALUE: pem}}
    _keep(api, secret)
    return {"global": {_VALUE: None}}


def _adoption(namespace: str) -> dict[str, str]:
    """The annotations by which Helm adopts what the release in this namespace is to have."""
    return {OWNER_NAME: RELEASE, OWNER_NAMESPACE: namespace}


def _kept(namespace: str) -> dict[str, str]:
    """An upgrade from a chart that has the Secret as a template to one that has not would delete it otherwise."""
    return {**_adoption(namespace), "helm.sh/resource-policy": "keep"}


def _keep(api: ClusterApi, secret: dict[str, Any]) -> None:
    """Let Helm keep a Secret that a chart which had it as a template made.

    Helm reads the policy from the object in the cluster when an upgrade's chart no longer has it
    (https://helm.sh/docs/howto/charts_tips_and_tricks/#tell-helm-not-to-uninstall-a-resource).
    """
    metadata = _kept(release_namespace(api))
    if not metadata.items() <= (secret["metadata"].get("annotations") or {}).items():
        api.annotate(f"{_SECRETS}/{SECRET}", metadata)


def public_key_of(private: rsa.RSAPrivateKey) -> str:
    """The encoding that Azure takes: base64 of the PKCS#1 DER form, not of SubjectPublicKeyInfo."""
    return base64.b64encode(private.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)).decode()


def _ensure_namespace(api: ClusterApi, of_release: str, marks: Marks) -> None:
    namespace = api.get(f"/api/v1/namespaces/{NAMESPACE}")
    if namespace is None:
        metadata = {"name": NAMESPACE, "labels": _MANAGED, "annotations": _adoption(of_release)}
        api.create(
            "/api/v1/namespaces",
            {"apiVersion": "v1", "kind": "Namespace", "metadata": marks.on_namespace(metadata)},
        )
    elif namespace.get("status", {}).get("phase") == "Terminating":
        raise ArcError(Code.NAMESPACE_TERMINATING, f"Namespace {NAMESPACE} is being deleted.", retry_after=2)


def _usable(api: ClusterApi, lease: AcquiredLease) -> tuple[str, bool] | None:
    secret = api.get(f"{_SECRETS}/{SECRET}")
    if secret is None or not _is_ours(api, secret):
        return None
    try:
        _, private = _pem(secret)
    except ArcError:
        return None
    if private.key_size < _KEY_BITS:
        return None
    return public_key_of(private), lease.made(secret)


def _is_ours(api: ClusterApi, secret: dict[str, Any]) -> bool:
    """Whether Arcway or the agents' release made the Secret, as far as its metadata tell."""
    metadata = secret["metadata"]
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    if not _MANAGED.items() <= labels.items() or annotations.get(OWNER_NAME) != RELEASE:
        return False
    namespace = annotations.get(OWNER_NAMESPACE)
    return namespace == RELEASE_NAMESPACE or namespace in release_namespaces(api)


def _replace(api: ClusterApi, body: dict[str, Any]) -> None:
    """Put the new pair in the place of a Secret that must not be used."""
    secret = api.get(f"{_SECRETS}/{SECRET}")
    if secret is not None:
        api.delete(f"{_SECRETS}/{SECRET}", uid=secret["metadata"]["uid"])
    if api.create(_SECRETS, body) is None:
        raise ArcError(
            Code.KUBERNETES_API_ERROR, f"Secret {NAMESPACE}/{SECRET} was changed by another client during the run."
        )


def _pem(secret: dict[str, Any]) -> tuple[str, rsa.RSAPrivateKey]:
    """The private key of the Secret, as text and as a key."""
    try:
        pem = base64.b64decode((secret.get("data") or {})[_FIELD])
        hold(pem.decode())
        if len(pem) > _PEM_BYTES:
            raise ValueError("too large")
        # The full check tests both primes, for a quarter of a second of a core; nothing is signed with this key here.
        private = load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(private, rsa.RSAPrivateKey):
            raise TypeError("not RSA")
        _check_parts(private.private_numbers())
        return pem.decode(), private
    except (KeyError, ValueError, TypeError, ArithmeticError):
        # The cause may quote the key, so it is not chained.
        raise ArcError(Code.PRIVATE_KEY_UNUSABLE, f"Secret {NAMESPACE}/{SECRET} has no usable private key.") from None


def _check_parts(key: rsa.RSAPrivateNumbers) -> None:
    """Raises `ValueError` unless the private and the public half belong together."""
    if key.p * key.q != key.public_numbers.n:
        raise ValueError("the modulus is not that of the factors")
    if any(key.public_numbers.e * key.d % (factor - 1) != 1 for factor in (key.p, key.q)):
        raise ValueError("the exponents do not belong together")
