"""The order of the work: deterministic code that knows step names and domain values only."""
