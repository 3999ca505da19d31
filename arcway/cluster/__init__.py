"""How a cluster speaks: kubeconfig policy, Kubernetes API, Helm, agents, key pair."""
