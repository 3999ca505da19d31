"""Sends every request to Azure: one credential, short time limits, no waits or retries of its own.

Azure's clients by default retry ten times, follow long-running operations and register provider namespaces by
themselves, sleeping in the middle of a call; here the durable orchestrator decides all of that. A token is sent to
the configured Resource Manager and to the data plane only.
"""

from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import urlsplit

from azure.core import PipelineClient
from azure.core.credentials import TokenCredential
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import (
    BearerTokenCredentialPolicy,
    ContentDecodePolicy,
    RequestIdPolicy,
    SansIOHTTPPolicy,
    UserAgentPolicy,
)
from azure.core.rest import HttpRequest, HttpResponse

from arcway.azure.budget import Budget, BudgetPolicy
from arcway.azure.errors import ANSWER_WITHOUT_JSON, azure_errors
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.service_identity import ServiceIdentity
from arcway.telemetry import origin
from arcway.tracing import TracePolicy

CONNECT_SECONDS = 5
READ_SECONDS = 20
# Resource Manager, and a data plane for each location in use.
_HOSTS = 64


class CorrelationPolicy(SansIOHTTPPolicy[Any, Any]):
    """Sends the run's correlation id, so that Azure's logs and ours can be joined."""

    def on_request(self, request: PipelineRequest[Any]) -> None:
        """Add the headers if a run is being worked for."""
        if current_origin := origin():
            request.http_request.headers["x-ms-correlation-request-id"] = current_origin.correlation_id
            if current_origin.traceparent:
                request.http_request.headers["traceparent"] = current_origin.traceparent


class Pipeline:
    """The way of every request to Azure: one credential, one budget, and one client per host."""

    def __init__(self, identity: ServiceIdentity, ca_file: str | None, budget: Budget | None = None) -> None:
        self._identity = identity
        self._budget = budget or Budget()
        self._verify: str | bool = ca_file or True
        self.client = lru_cache(_HOSTS)(self._new_client)

    @cached_property
    def credential(self) -> TokenCredential:
        """The service's own identity; on one machine the simulated Azure serves its endpoint to the same class."""
        return self._identity.credential(
            connection_verify=self._verify,
            connection_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retry_total=1,
        )

    def transport_options(self) -> dict[str, Any]:
        """Time limits and trust, as keyword arguments of Azure's clients."""
        return {
            "connection_timeout": CONNECT_SECONDS,
            "read_timeout": READ_SECONDS,
            "connection_verify": self._verify,
        }

    def policies(self, scope: str | None) -> list[Any]:
        """The policies of every client; without `scope` no token is sent."""
        chain: list[Any] = [
            RequestIdPolicy(),
            CorrelationPolicy(),
            # After the run's: where spans are exported, Azure gets this request's.
            TracePolicy(),
            UserAgentPolicy(base_user_agent="arcway"),
            ContentDecodePolicy(),
        ]
        if scope:
            chain.append(BearerTokenCredentialPolicy(self.credential, scope))
        # The last: only what is sent counts, and a request that is sent again with another token counts twice.
        chain.append(BudgetPolicy(self._budget))
        return chain

    def send(self, endpoint: str, scope: str | None, method: str, url: str, json: Any = None) -> HttpResponse:
        """Send one request to `url` on `endpoint`'s host and return the successful answer.

        Raises `ArcError` as `request` does, and what `azure_errors` makes of an answer that says no.
        """
        response = self.request(endpoint, scope, method, url, json)
        with azure_errors():
            response.raise_for_status()
        return response

    def request(
        self, endpoint: str, scope: str | None, method: str, url: str, json: Any = None, **options: Any
    ) -> HttpResponse:
        """Send one request to `url` on `endpoint`'s host and return the answer, whatever it says; `options` are for the
        policies.

        Raises `ArcError`: ARC-4011 for an absolute URL on another host (a token would be sent there), and what
        `azure_errors` makes of having no answer.
        """
        if urlsplit(url).netloc and urlsplit(url).netloc != urlsplit(endpoint).netloc:
            raise ArcError(
                Code.AZURE_RESPONSE_INVALID, "Azure returned a link to another host, which Arcway does not follow."
            )
        http = self.client(endpoint, scope)
        with azure_errors():
            return http.send_request(HttpRequest(method, http.format_url(url), json=json), **options)

    def _new_client(self, endpoint: str, scope: str | None) -> PipelineClient[HttpRequest, HttpResponse]:
        """A client for endpoints without an SDK, on one host."""
        return PipelineClient(endpoint, policies=self.policies(scope), **self.transport_options())


def json_object(response: HttpResponse, *, or_null: bool = False) -> dict[str, Any]:
    """The JSON object in an answer; empty for null where that may be. Raises `ArcError` ARC-4011 when there is none."""
    try:
        body = response.json()
    except ANSWER_WITHOUT_JSON as error:
        raise ArcError(
            Code.AZURE_RESPONSE_INVALID, f"{urlsplit(str(response.request.url)).path} did not return JSON."
        ) from error
    if body is None and or_null:
        return {}
    if not isinstance(body, dict):
        raise ArcError(
            Code.AZURE_RESPONSE_INVALID,
            f"{urlsplit(str(response.request.url)).path} did not return a JSON object.",
        )
    return body
