"""A Service Bus on one machine: an AMQP 1.0 endpoint that the unmodified Azure SDKs take for Azure Service Bus.

`ServiceBus` of `arcway_local.service_bus.server` runs it in a process, `python -m arcway_local.service_bus` alone.
It reads the `Config.json` of Microsoft's emulator and takes its connection string. Queues, topics with subscriptions
(correlation filters; SQL filters `1=1` and `1=0`), peek-lock and receive-and-delete, all settlements, deferral, lock
renewal, peek, scheduling, expiry, duplicate detection, batches and large messages do what the SDK expects. With a
folder for data, what was acknowledged outlives `kill -9`: messages, settlements, locks until they expire, sequence
numbers and the history of duplicate detection. A message may have 256 KB, as in the Standard tier, unless its queue or
topic has the property MaxMessageSizeInKilobytes, as in the Premium tier.

Control API, HTTP on loopback, open to every process on the machine:

GET    /control/entities            {"entities": {"<path>": {"active": n, "deferred": n, "scheduled": n, "locked": n,
                                     "deadLetter": n}}, "connections": n}; locked ones are among the others too
GET    /control/faults              what is on order
POST   /control/faults              {"kind": "rejectSend" | "delaySend" | "dropLink" | "refuseConnection",
                                     "entity": "", "count": 1 or null, "seconds": 1.0, "condition": …, "description": …}
DELETE /control/faults              drop all orders
POST   /control/links/drop          {"entity": path, "condition": …, "description": …}
POST   /control/connections/drop
POST   /control/locks/expire        {"entity": path, "sequenceNumber": n or absent for all}

Not simulated, and refused where a client or a configuration asks for it: sessions, transactions, forwarding, SQL
filters and actions, rule management, filters on links, tokens other than shared access signatures. Absent: TLS, AMQP
over WebSocket, the HTTP administration API, partitions, quotas and throttling, disabled entities, automatic deletion.
Links outlive the token that opened them. Service Bus never expires messages while a queue has no receiver; here
they expire on time. A power failure, unlike a crash, may cost the last moments. The texts of errors are not Azure's.
"""
