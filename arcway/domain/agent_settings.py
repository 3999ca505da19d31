"""Which agents a connect installs, and the marks that a cluster's policies require of their objects."""

from typing import Literal

from pydantic import Field, StrictBool

from arcway.domain.fields import ChartVersion
from arcway.domain.marks import Annotations, Labels
from arcway.domain.model import Model


class Agents(Model):
    """Which agents to install, and the labels and annotations that the cluster's policies require.

    Omitted fields stay unchanged for existing agents.
    """

    version: ChartVersion | None = None
    """Default for new agents: the newest version of the release train."""
    train: Literal["stable", "preview"] | None = None
    """Default for new agents: stable."""
    auto_upgrade: StrictBool | None = None
    """Default for new agents: on."""
    namespace_labels: Labels = Field(default_factory=dict)
    namespace_annotations: Annotations = Field(default_factory=dict)
    pod_labels: Labels = Field(default_factory=dict)
    pod_annotations: Annotations = Field(default_factory=dict)
