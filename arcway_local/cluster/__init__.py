"""Simulated Kubernetes clusters: one HTTPS API for many clusters, good enough for Helm, kubectl and client libraries.

Written from the protocol. `python -m arcway_local.cluster --count N --dir D` runs it alone, `server.SimulatedClusters`
in process. Clusters are served below `/clusters/NAME`; `/control` is the control API (JSON, on loopback, without
authentication):

GET    /control/clusters                     {"clusters": [{"name", "kubeconfig"}]}
POST   /control/clusters                     {"name"?} -> 201 {"name", "kubeconfig"}
DELETE /control/clusters/NAME                204
PUT    /control/clusters/NAME/behaviour      {"readiness": {"mode": "immediate" | "reads" | "seconds", "value": N},
                                              "pods": [{"outcome": "imagePull" | "crashLoop", "labels"?,
                                                        "namePrefix"?, "restarts"?, "log"?}],
                                              "unreachable": [PATTERN of hosts]}
                                             replaces all orders; pods that stop matching recover. GET shows them.
                                             "log": what the containers of a pod that keeps crashing wrote.
                                             "unreachable": of a Job's container whose arguments are addresses
                                             (host:port) the termination message has a line for each, `ok ADDRESS` or
                                             `unreachable ADDRESS`.
                                             "reads": gets and lists of pods or workloads in the pod's namespace.
POST   /control/clusters/NAME/faults         {"kind": "silent" | "delay" | "status" | "disconnect", "method"?, "path"?
                                              (regular expression), "count"? (absent: all), "seconds", "status",
                                              "retryAfterSeconds"} -> 201. GET lists, DELETE clears.
DELETE /control/clusters/NAME/connections    aborts the connections with a request in flight: {"dropped": N}
POST   /control/clusters/NAME/users          {"name", "groups"?, "rules"?: [PolicyRule with optional "namespaces"]}
                                             -> 201 {"name", "token", "kubeconfig"}
PATCH  /control/clusters/NAME/nodes/NODE     {"os"?, "labels"?, "taints"?, "providerID"?, "ready"?} -> the node
DELETE /control/clusters/NAME/history        forgets the history: older resource versions are 410 Gone from then on

Not simulated: admission of any kind (webhooks, admission policies, PodSecurity, ResourceQuota, LimitRange,
SecurityContextConstraints): nothing is refused or changed for them, their kinds are not served, and what they do is
tested on a real control plane. Nor: schema validation of built-in and custom resources (unknown fields are kept, also
with fieldValidation=Strict), conversion webhooks, protobuf answers and protobuf bodies of other kinds than Secrets,
ConfigMaps, Namespaces, reviews and options (`kubectl create deployment` sends one, `kubectl apply` does not), Tables
of v1beta1, OpenAPI v2, reviews of other subjects and of tokens, exec and logs of pods that do not crash on order,
Endpoints, capacity, PersistentVolumes, node heartbeats. Controllers' own writes are not recorded in managedFields,
nor are maps themselves (`.`) beside their keys.

`real` beside these modules runs a real control plane; tests/contract/kubernetes_api runs the same tests on both.
"""
