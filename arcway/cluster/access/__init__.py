"""How a cluster is reached: its kubeconfig, the way to its API server, the API itself, and the lease on it."""
