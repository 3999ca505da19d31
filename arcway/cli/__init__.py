"""The `arcway` command: an HTTP client of Arcway, and the start of the embedded stack. It never calls Azure itself."""
