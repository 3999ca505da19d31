"""The `arcway` command. Speaks with a running Arcway over HTTP; starts the embedded stack; knows no Azure."""
