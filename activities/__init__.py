"""One file per step, named as the step: thin, idempotent, plain dicts in and out."""
