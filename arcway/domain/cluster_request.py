"""The part that all requests about one connected cluster have in common."""

from arcway.domain.fields import ClusterName, ResourceGroupName, SubscriptionId
from arcway.domain.ids import ClusterId
from arcway.domain.model import Model


class ClusterRequest(Model):
    """The connected cluster that a request is about."""

    subscription_id: SubscriptionId
    resource_group: ResourceGroupName
    name: ClusterName

    @property
    def cluster(self) -> ClusterId:
        """The connected cluster this request is about."""
        return ClusterId(self.subscription_id, self.resource_group, self.name)
