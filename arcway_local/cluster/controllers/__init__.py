"""The controllers, which reconcile a cluster with its desired state: workloads, pods, namespaces, garbage collection.

Each module is one controller: functions from the stored state to writes, run when something changes. None of them
knows HTTP; only `manager` knows the event loop.
"""
