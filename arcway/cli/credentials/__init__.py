"""The user's own credential for a cluster, and what the service gets in its place.

Everything here happens on the user's machine and may do what kubectl does there; the service gets a reference to a
clean kubeconfig of one context.
"""
