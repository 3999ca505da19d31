"""Adapters for Azure: Resource Manager, the Arc data plane, identity, Key Vault."""
