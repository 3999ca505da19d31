"""Reads a kubeconfig as what it is: hostile input that could name programs to run and files to read.

We parse it ourselves and accept one context with a CA in it or none, and a token or client certificate; everything else
that Kubernetes' own loaders would act on is refused, by name and all at once. Must not send anything anywhere, except
that the server's name is resolved.
"""

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from arcway.cluster.access import pem
from arcway.cluster.access.endpoint import Endpoint, find_endpoint
from arcway.cluster.access.plain_yaml import PlainYamlError, Unquoted, read_yaml
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.secrets_held import hold
from arcway.domain.text import excerpt, listed

_NAMED = 20
_CA_BYTES = 256 * 1024
_CLUSTER_FIELDS = {"server", "certificate-authority-data", "tls-server-name", "disable-compression", "extensions"}
_USER_FIELDS = {"token", "client-certificate-data", "client-key-data", "extensions"}
_TOKEN = re.compile(r"[!-~]+")
_HOST = re.compile(r"[0-9A-Za-z._:-]{1,253}")


@dataclass(frozen=True, slots=True)
class Access:
    """Address, trust and credential for one API server. Its repr contains no secret."""

    server: str
    ca: str
    """Certificates in PEM form; empty: the public authorities decide."""
    token: str | None = field(default=None, repr=False)
    certificate: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)
    tls_server_name: str | None = None
    endpoint: Endpoint | None = None
    """How the server is reached; None: its address has not been checked yet."""

    def as_kubeconfig(self, proxy: str | None = None) -> str:
        """A clean kubeconfig of one context, as JSON (which is YAML); it holds the credential.

        With `proxy`, the server is reached through the proxy at this URL.
        """
        cluster = {"server": self.server}
        if self.ca:
            cluster["certificate-authority-data"] = _encoded(self.ca)
        if proxy:
            cluster["proxy-url"] = proxy
        if self.tls_server_name:
            cluster["tls-server-name"] = self.tls_server_name
        user: dict[str, str] = {}
        if self.token:
            user["token"] = self.token
        if self.certificate and self.key:
            user = {
                **user,
                "client-certificate-data": _encoded(self.certificate),
                "client-key-data": _encoded(self.key),
            }
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "cluster", "cluster": cluster}],
                "users": [{"name": "user", "user": user}],
                "contexts": [{"name": "context", "context": {"cluster": "cluster", "user": "user"}}],
                "current-context": "context",
            }
        )


def read_kubeconfig(kubeconfig: str, context: str | None, *, allow_loopback: bool) -> Access:
    """Turn a kubeconfig into access to one cluster; `context` None means its current context.

    Raises `ArcError`: ARC-2002 unreadable, ARC-2003 refused (all reasons in details), ARC-2004 no such context,
    ARC-2005 address not allowed.
    """
    document = _parse(kubeconfig)
    cluster, user = _selected(document, context)
    _refuse(_refused(cluster, user), _missing(cluster, user))
    ca, certificate = _authorities(cluster), _pem(user, "client-certificate-data", pem.certificates)
    token, key = user.get("token"), _pem(user, "client-key-data", pem.private_key)
    hold(token, key, user.get("client-key-data"))
    server = str(cluster["server"]).rstrip("/")
    endpoint = find_endpoint(server, allow_loopback=allow_loopback)
    return Access(
        server=server,
        ca=ca,
        token=token,
        certificate=certificate,
        key=key,
        tls_server_name=cluster.get("tls-server-name"),
        endpoint=endpoint,
    )


def reach(access: Access) -> Endpoint:
    """Return the endpoint of `access`, resolved now if it was not before. Raises `ArcError` ARC-2005 or ARC-3001."""
    return access.endpoint or find_endpoint(access.server, allow_loopback=True)


def contexts(kubeconfig: str) -> tuple[list[str], str | None]:
    """The names of a kubeconfig's contexts, and the current one. Raises `ArcError` ARC-2002."""
    document = _parse(kubeconfig)
    entries, current = document.get("contexts"), document.get("current-context")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ArcError(Code.KUBECONFIG_INVALID, "The kubeconfig has no list of contexts.")
    names = [entry["name"] for entry in entries if _is_text(entry.get("name"))]
    return names, current if _is_text(current) else None


def _parse(kubeconfig: str) -> dict[str, Any]:
    try:
        document = read_yaml(kubeconfig)
    except PlainYamlError as error:
        where = f" (line {error.line})" if error.line else ""
        raise ArcError(
            Code.KUBECONFIG_INVALID, f"The kubeconfig is not valid YAML for Arcway: {error}{where}."
        ) from None
    if not isinstance(document, dict):
        raise ArcError(Code.KUBECONFIG_INVALID, "The kubeconfig is not a YAML mapping.")
    # kubectl takes a file without a kind for a kubeconfig, and none of another kind.
    if (kind := document.get("kind", "Config")) != "Config":
        raise ArcError(Code.KUBECONFIG_INVALID, f"The kubeconfig is of kind {excerpt(kind, 40)!r}, not Config.")
    return document


def _named(document: dict[str, Any], kind: str, name: Any) -> dict[str, Any]:
    entries = document.get(f"{kind}s")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ArcError(Code.KUBECONFIG_INVALID, f"The kubeconfig has no list of {kind}s.")
    matching = [entry.get(kind) for entry in entries if entry.get("name") == name]
    if len(matching) > 1:
        raise ArcError(Code.KUBECONFIG_INVALID, f"The kubeconfig has two {kind}s of the same name.")
    if not matching:
        code = Code.KUBECONFIG_CONTEXT_NOT_FOUND if kind == "context" else Code.KUBECONFIG_INVALID
        raise ArcError(code, f"The kubeconfig has no {kind} named {excerpt(name, 80)}.")
    if not isinstance(matching[0], dict):
        raise ArcError(Code.KUBECONFIG_INVALID, f"A {kind} of the kubeconfig is not a mapping.")
    return matching[0]


def _selected(document: dict[str, Any], context: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    name = context or document.get("current-context")
    if not name:
        raise ArcError(
            Code.KUBECONFIG_CONTEXT_NOT_FOUND, "The kubeconfig has no current context and the request names none."
        )
    chosen = _named(document, "context", name)
    return _named(document, "cluster", chosen.get("cluster")), _named(document, "user", chosen.get("user"))


def _refuse(refused: list[dict[str, str]], missing: list[dict[str, str]]) -> None:
    """Raises `ArcError` ARC-2003 with all that is wrong: what is there and refused, and what is not there."""
    details = [
        f"{words}: {listed([item['field'] for item in items], _NAMED)}"
        for words, items in (("has fields that are not accepted", refused), ("lacks required fields", missing))
        if items
    ]
    if details:
        raise ArcError(
            Code.KUBECONFIG_REFUSED, f"The kubeconfig {'; it '.join(details)}.", details=[*refused, *missing]
        )


def _refused(cluster: dict[str, Any], user: dict[str, Any]) -> list[dict[str, str]]:
    refused = [
        {"field": f"{kind}.{name}", "message": "is not accepted"}
        for kind, fields, accepted in (("cluster", cluster, _CLUSTER_FIELDS), ("user", user, _USER_FIELDS))
        for name in sorted(excerpt(name) for name in set(fields) - accepted if not _says_nothing(fields[name]))[:_NAMED]
    ]
    if user.get("token") and not _matches(_TOKEN, user["token"]):
        refused.append({"field": "user.token", "message": "has characters that are not valid in a bearer token"})
    if cluster.get("tls-server-name") and not _matches(_HOST, cluster["tls-server-name"]):
        refused.append({"field": "cluster.tls-server-name", "message": "is not a host name"})
    return refused


def _missing(cluster: dict[str, Any], user: dict[str, Any]) -> list[dict[str, str]]:
    missing = []
    if not _is_text(cluster.get("server")):
        missing.append({"field": "cluster.server", "message": "is missing or not text"})
    authority = cluster.get("certificate-authority-data")
    if authority not in (None, "") and not _is_text(authority):
        missing.append({"field": "cluster.certificate-authority-data", "message": "is not text"})
    has_certificate = _is_text(user.get("client-certificate-data")) and _is_text(user.get("client-key-data"))
    if not user.get("token") and not has_certificate:
        message = "a token, or client-certificate-data and client-key-data, is needed"
        missing.append({"field": "user.token", "message": message})
    return missing


def _authorities(cluster: dict[str, Any]) -> str:
    """The CA's certificates. Raises `ArcError` ARC-2002 for more than an API server's trust can need."""
    bundle = _pem(cluster, "certificate-authority-data", pem.certificates) or ""
    if len(bundle) > _CA_BYTES:
        message = f"certificate-authority-data of the kubeconfig has more than {_CA_BYTES // 1024} KiB."
        raise ArcError(Code.KUBECONFIG_INVALID, message)
    return bundle


def _says_nothing(value: object) -> bool:
    """Whether a field is there and asks for nothing."""
    return value in (None, "", [], {}) or (isinstance(value, str) and value.lower() == "false")


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return _is_text(value) and pattern.fullmatch(str(value)) is not None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not isinstance(value, Unquoted) and bool(value.strip())


def _encoded(pem_text: str) -> str:
    return base64.b64encode(pem_text.encode()).decode()


def _pem(mapping: dict[str, Any], name: str, read: Callable[[bytes], str]) -> str | None:
    if not mapping.get(name):
        return None
    try:
        return read(pem.from_base64(mapping[name]))
    except ValueError:
        raise ArcError(Code.KUBECONFIG_INVALID, f"{name} of the kubeconfig is not PEM in base64.") from None
