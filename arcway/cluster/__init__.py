"""Adapters for a cluster: kubeconfig policy, Kubernetes API, Helm, agents, key pair."""
