"""Labels and annotations as requests name them, by Kubernetes' own rules.

Syntax: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
"""

from typing import Annotated

from pydantic import AfterValidator, Field

_MOST = 30
_OWN = ("meta.helm.sh/", "helm.sh/", "kubernetes.io/metadata.")
_MANAGED_BY = "app.kubernetes.io/managed-by"


def _not_helms(texts: dict[str, str]) -> dict[str, str]:
    for name in texts:
        if name.startswith(_OWN) or name == _MANAGED_BY:
            raise ValueError(f"{name} is reserved for Helm or Kubernetes")
    return texts


type LabelName = Annotated[
    str,
    Field(
        max_length=317,
        pattern=r"^([0-9a-z]([0-9a-z.-]{0,251}[0-9a-z])?/)?[0-9A-Za-z]([0-9A-Za-z_.-]{0,61}[0-9A-Za-z])?$",
    ),
]
type LabelValue = Annotated[str, Field(max_length=63, pattern=r"^([0-9A-Za-z]([0-9A-Za-z_.-]*[0-9A-Za-z])?)?$")]
type Labels = Annotated[dict[LabelName, LabelValue], Field(max_length=_MOST), AfterValidator(_not_helms)]
type Annotations = Annotated[
    dict[LabelName, Annotated[str, Field(max_length=1024)]], Field(max_length=_MOST), AfterValidator(_not_helms)
]
