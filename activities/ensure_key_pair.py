"""ensure_key_pair: the agents' key pair is in the cluster."""

from activities.step import Call, Json
from activities.targets import api_of
from arcway.cluster import key_pair


def ensure_key_pair(call: Call) -> Json:
    """The public key, and whether the pair was made now."""
    with api_of(call.request) as api:
        public_key, created = key_pair.ensure_key_pair(api)
    return {"publicKey": public_key, "created": created}
