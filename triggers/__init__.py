"""How work arrives and is asked about: HTTP now, messages later. Knows requests and runs, not how they are done."""
