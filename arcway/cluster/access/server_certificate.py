"""When the API server's certificate ends, as its TLS handshake shows it."""

import ssl
from datetime import UTC, datetime

from arcway.cluster.access.api import CONNECT_SECONDS
from arcway.cluster.access.kubeconfig import Access, reach
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError, redact


def expiry(access: Access) -> datetime:
    """The end of the certificate's validity.

    Raises `ArcError` ARC-2002 when the kubeconfig's certificates are not usable, ARC-2007 when the server's is not
    trusted, ARC-2005 or ARC-3001 otherwise.
    """
    from urllib3.exceptions import HTTPError

    from arcway.cluster.access.pools import server_certificate
    from arcway.cluster.access.tls import failure

    try:
        certificate = server_certificate(access, reach(access), CONNECT_SECONDS)
    except ssl.SSLError as error:
        raise failure(access.server, str(error)) from error
    except (OSError, HTTPError) as error:
        raise ArcError(
            Code.API_SERVER_UNREACHABLE, f"{access.server} cannot be reached: {redact(str(error), 200)}"
        ) from error
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
