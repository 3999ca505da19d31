"""How Azure speaks: Resource Manager, the Arc data plane, identity, Key Vault."""
