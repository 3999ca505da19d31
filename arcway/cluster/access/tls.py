"""The TLS context for an API server: its trust anchors and the client certificate. Must not open a connection.

Python 3.13's default context demands extensions of certificates (RFC 5280's key identifiers) that the authorities of
many clusters do not have, such as those of older EKS clusters; kubectl does not ask for them either
(https://github.com/kubernetes-client/python/issues/2394). Chain, names and dates are checked all the same.
"""

import ssl
from contextlib import suppress

from arcway.cluster.access import pem
from arcway.cluster.access.kubeconfig import Access
from arcway.cluster.access.time_budget import BoundedSocket
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError, redact
from arcway.private_file import private_file


def context_for(access: Access) -> ssl.SSLContext:
    """The settings for one cluster. Raises `ArcError` ARC-2002 when authority, certificate or key are not usable."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = BoundedSocket
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if access.ca:
        _trust(context, access.ca)
    else:
        _trust_the_public(context)
    if access.certificate and access.key:
        with private_file(access.certificate) as certificate, private_file(access.key) as key:
            try:
                # Without a password OpenSSL would ask the terminal for that of an encrypted key.
                context.load_cert_chain(certificate, key, password="")
            except (ssl.SSLError, ValueError):
                # The cause may quote the key, so it is not chained.
                message = "client-certificate-data and client-key-data of the kubeconfig are not a usable pair."
                raise ArcError(Code.KUBECONFIG_INVALID, message) from None
    return context


def _trust(context: ssl.SSLContext, authorities: str) -> None:
    """Trust these; one of several that cannot be read is passed over, as Go does."""
    usable = 0
    for block in pem.blocks(authorities.encode()):
        with suppress(ssl.SSLError, ValueError):
            context.load_verify_locations(cadata=block.data)
            usable += 1
    if not usable:
        raise ArcError(
            Code.KUBECONFIG_INVALID, "certificate-authority-data of the kubeconfig has no usable certificate."
        )


def _trust_the_public(context: ssl.SSLContext) -> None:
    """A kubeconfig without an authority means the public ones: the system's, and Mozilla's."""
    import certifi

    context.load_default_certs()
    context.load_verify_locations(certifi.where())


# OpenSSL's own words (X509_verify_cert_error_string); an alert is what the server says of what it was shown.
_CAUSES = (
    ("Hostname mismatch", Code.SERVER_CERTIFICATE_NAME_MISMATCH),
    ("IP address mismatch", Code.SERVER_CERTIFICATE_NAME_MISMATCH),
    ("certificate has expired", Code.SERVER_CERTIFICATE_EXPIRED),
    ("certificate is not yet valid", Code.SERVER_CERTIFICATE_EXPIRED),
    ("alert certificate", Code.CLUSTER_CREDENTIAL_REFUSED),
    ("alert bad certificate", Code.CLUSTER_CREDENTIAL_REFUSED),
    ("alert unknown ca", Code.CLUSTER_CREDENTIAL_REFUSED),
    ("alert access denied", Code.CLUSTER_CREDENTIAL_REFUSED),
    ("CERTIFICATE", Code.SERVER_CERTIFICATE_UNTRUSTED),
    ("certificate", Code.SERVER_CERTIFICATE_UNTRUSTED),
)


def failure(server: str, message: str) -> ArcError:
    """The error that a failed handshake with `server` is, by what OpenSSL says."""
    code = next((code for words, code in _CAUSES if words in message), Code.API_SERVER_UNREACHABLE)
    return ArcError(code, f"TLS with {server} failed: {redact(message, 200)}")
