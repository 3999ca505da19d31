"""Python loads this at start-up from PYTHONPATH; whatever the function app starts by itself has no use for it."""

import sys

if "arcway_local.functions" in sys.orig_argv:
    from cryptography.hazmat.primitives.asymmetric import rsa

    from tests.e2e.ready_keys.keys import next_key

    rsa.generate_private_key = next_key  # type: ignore[assignment]
