"""An embedded Azure Functions host: runs any Python v2 function app folder on one machine, Durable Functions included.

Microsoft's own worker library loads and calls the app; this package stands where the Functions host and its durable
extension stand in Azure. With a data folder everything durable outlives the host, `kill -9` included: activities and
entity operations that were under way are repeated (at least once, as in Azure), all else goes on where it was. It must
not know what the hosted app does, and imports nothing of it.
"""
