"""A real control plane: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, and kwok in place of kubelets.

`python -m arcway_local.cluster.real` builds and runs it; docs/control-plane.md says how.
"""
