"""When the API server's certificate ends, as its TLS handshake shows it. Must not know what else the server says."""

import socket
import ssl
from datetime import UTC, datetime
from urllib.parse import urlsplit

from arcway.cluster.api import CONNECT_SECONDS
from arcway.cluster.kubeconfig import Access
from arcway.domain.errors import ArcError, redact


def ends(access: Access) -> datetime:
    """The end of the certificate's validity. Raises `ArcError` ARC-2007 when it is not trusted, ARC-3001 otherwise."""
    parts = urlsplit(access.server)
    host = parts.hostname or ""
    try:
        # Not the default context: what it demands of certificates beyond trust, many clusters' own do not have.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=access.ca)
        with (
            socket.create_connection((host, parts.port or 443), CONNECT_SECONDS) as connection,
            context.wrap_socket(connection, server_hostname=access.tls_server_name or host) as secure,
        ):
            shown = secure.getpeercert() or {}
    except ssl.SSLError as error:
        raise ArcError("ARC-2007", f"TLS with {access.server} failed: {redact(str(error), 200)}") from error
    except OSError as error:
        raise ArcError("ARC-3001", f"{access.server} cannot be reached: {redact(str(error), 200)}") from error
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)
