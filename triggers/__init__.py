"""How requests arrive and runs are read: HTTP and messages. Knows requests and runs, not how they are carried out."""
