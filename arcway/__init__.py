"""Arcway: connects existing Kubernetes clusters to Azure Arc. The map of the parts is docs/architecture.md."""
