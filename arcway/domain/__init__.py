"""Values and rules: requests, runs, findings, errors, identifiers, detection. No I/O, no SDK, no clock."""
