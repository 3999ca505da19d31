"""Fleets: one operation on many clusters. Pure values: what is asked for, the state of all members, what is shown."""
