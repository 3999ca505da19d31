"""Python loads this at start-up from PYTHONPATH; processes that the function app starts have no use for it."""

import sys

if any(argument.startswith("arcway_local.functions") for argument in sys.orig_argv):
    from cryptography.hazmat.primitives.asymmetric import rsa

    from tests.e2e.ready_keys.keys import next_key

    rsa.generate_private_key = next_key  # type: ignore[assignment]
