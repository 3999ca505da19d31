"""The user's own credential for a cluster, and the credential that the service gets instead.

Everything here happens on the user's machine and may do what kubectl does there; the service gets a reference to a
clean kubeconfig of one context.
"""
