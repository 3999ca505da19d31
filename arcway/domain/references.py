"""How a request names secrets: each reference takes its own kind, and a secret of one run only its creator.

The rules are apart from the models, because a request that was accepted is read again on every replay, when the rules
may be stricter than on the day it was accepted.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, StrictBool, ValidationError, ValidationInfo, field_validator

from arcway.domain.codes import Code
from arcway.domain.model import SecretReference
from arcway.domain.secret_names import PROOF_PATTERN, TEMPORARY, SecretKind, is_proved, kind_of, proxy_name

type Problem = dict[str, str]


class KubeconfigReference(SecretReference):
    """Reference to a stored kubeconfig; never the kubeconfig itself."""

    context: Annotated[str | None, Field(max_length=253)] = None
    temporary: StrictBool = False
    """For this run only: the secret, and the ServiceAccount of its name, are deleted when the run ends."""
    proof: Annotated[str | None, Field(pattern=PROOF_PATTERN)] = None
    """Shows that a temporary secret is the caller's: its name ends with the first 32 hex digits of the SHA-256 of this
    random text, which only its creator has."""

    @field_validator("temporary")
    @classmethod
    def _named_so(cls, temporary: bool, info: ValidationInfo) -> bool:
        # So that a request cannot have a secret deleted that was stored to be kept.
        if temporary and not str(info.data.get("secret", TEMPORARY)).startswith(TEMPORARY):
            raise ValueError(f"is only allowed with a secret whose name starts with {TEMPORARY}")
        return temporary

    @property
    def code_when_gone(self) -> Code:
        """The code of the error that the secret is not there."""
        return Code.TEMPORARY_CREDENTIAL_GONE if self.temporary else Code.SECRET_UNUSABLE


def wrong_references(body: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the references of a request in its outside form, apart from what their models refuse."""
    kubeconfig = _read(KubeconfigReference, body.get("kubeconfig"))
    proxy = body.get("proxy")
    credentials = _read(SecretReference, proxy.get("credentials") if isinstance(proxy, dict) else None)
    details = wrong_kubeconfig(kubeconfig) if kubeconfig else []
    if credentials is not None:
        own = proxy_name(kubeconfig.secret) if kubeconfig is not None and kubeconfig.temporary else None
        if credentials.secret != own and kind_of(credentials.secret) is not SecretKind.PROXY_CREDENTIALS:
            message = (
                "must be the name of proxy credentials: arcway-proxy-NAME, or those created with a temporary kubeconfig"
            )
            details.append({"field": "proxy.credentials.secret", "message": message})
    return details


def wrong_kubeconfig(reference: KubeconfigReference) -> list[Problem]:
    """What is wrong with a reference to a kubeconfig; fields as in a request."""
    kind = kind_of(reference.secret)
    if reference.temporary:
        if is_proved(reference.secret, reference.proof):
            return []
        return [{"field": "kubeconfig.proof", "message": "must be the proof of the temporary secret"}]
    if reference.proof is not None:
        return [{"field": "kubeconfig.proof", "message": "is only allowed with a temporary secret"}]
    if kind is SecretKind.TEMPORARY:
        return [{"field": "kubeconfig.temporary", "message": f"must be true for a name that starts with {TEMPORARY}"}]
    if kind is not SecretKind.KUBECONFIG:
        return [
            {
                "field": "kubeconfig.secret",
                "message": f"must be the name of a kubeconfig; this name is for another kind: {kind}",
            }
        ]
    return []


def _read[M: SecretReference](model: type[M], value: object) -> M | None:
    try:
        return model.model_validate(value) if value is not None else None
    except ValidationError:
        return None
