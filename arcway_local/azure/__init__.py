"""A simulated Azure: one HTTPS endpoint that real clients of Resource Manager, Entra, Key Vault and Arc accept.

Written from the protocol: nothing here may import the clients under test. What is not simulated: docs/local.md.
"""
