"""When the API server's certificate ends, as its TLS handshake shows it. Must not know what else the server says."""

import socket
import ssl
from datetime import UTC, datetime
from urllib.parse import urlsplit

from arcway.cluster.api import CONNECT_SECONDS
from arcway.cluster.kubeconfig import Access
from arcway.cluster.tls import context_for
from arcway.domain.errors import ArcError, redact


def ends(access: Access) -> datetime:
    """The end of the certificate's validity.

    Raises `ArcError` ARC-2002 when the kubeconfig's certificates are not usable, ARC-2007 when the server's is not
    trusted, ARC-3001 otherwise.
    """
    parts, context = urlsplit(access.server), context_for(access)
    host = parts.hostname or ""
    try:
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
