"""What happens, in which order: deterministic code that knows step names and domain values only."""
