"""An embedded Azure Functions host: runs any Python v2 function app folder on one machine, Durable Functions included.

Microsoft's own worker library loads and calls the app; this package stands where the Functions host and its durable
extension stand in Azure. With a data folder everything durable outlives the host, `kill -9` included: activities and
entity operations that were under way are repeated (at least once, as in Azure), all else continues where it was.

Not imitated:

- Of triggers and bindings only HTTP, timers, Service Bus queues and those of Durable Functions; retry policies of
  functions, singletons, HTTP streaming, more than one host, scaling.
- FUNCTIONS_WORKER_PROCESS_COUNT: 1 or 2, and the second worker calls all activities and nothing else.
- Keys: HTTP functions are called without one whatever their level; of the host's keys there is that of the management
  API alone.
- functionTimeout: the real host restarts the worker, and with it ends all that runs there. Here the call alone
  fails; a synchronous function's thread continues, and what it returns is dropped.
- Slow clients: headers and a whole body have 60 seconds each, where the real host asks for a least rate.
- A client's call is refused by the state at that moment, with what has been asked of the instance counted in. The
  real extension reads the status table, which follows a moment later; whether raising an event is refused at all
  depends on its setting throwStatusExceptionsOnRaiseEvent.
- A query returns instances in the order of their creation; Azure Storage returns them in the order of their ids. The
  client's configuration names no largest gRPC message, as that of some versions of the extension: 4 MiB is the limit.
- Locks of several entities are granted together, in the order of the requests, and not one entity after the other. As
  in Azure, a lock whose holder was terminated stays until the entity storage is cleaned.
- At most 4,000 clients can wait for instances at once; more are refused.
- Spans of entities, timers and events, and of HTTP calls to the host itself; those of orchestrations and activities
  go to the app's own tracer provider, and are lost with a host that is killed before they end.
- Payloads over the limits of the storage provider: an input of 1 MiB and a custom status of 16 KB are the limits
  here, and nothing is moved to blobs. History export, scheduled tasks and rewinding across timers (which the SDK
  cannot do).
- Power failure may cost the last moments; a full disk ends the host.
"""
