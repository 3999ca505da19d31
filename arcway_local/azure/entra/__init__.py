"""Entra ID and the managed identity endpoint: properly signed tokens, and their validation by the other services.

Protocol: OpenID discovery, JWKS, client credentials, authorization code with PKCE, App Service's identity endpoint
(2019-08-01). Not simulated: consent, refresh tokens, device code, passwords, conditional access, more than one tenant.
"""

from arcway_local.azure.entra.service import Entra

__all__ = ["Entra"]
