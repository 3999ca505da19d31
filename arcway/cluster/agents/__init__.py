"""The agents in a cluster: their release, its objects, their health and their removal."""
