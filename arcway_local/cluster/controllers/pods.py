"""The kubelets: take a pod from scheduled to Running and Ready, or to the failure it is ordered to have.

A pod whose Secret or ConfigMap volumes are missing waits for them.
"""

from collections.abc import Iterator

from arcway_local.cluster.behaviour import PodRule
from arcway_local.cluster.controllers.context import Context
from arcway_local.cluster.controllers.scheduling import schedule
from arcway_local.cluster.kinds import CONFIG_MAP, POD, SECRET, Kind
from arcway_local.cluster.values import clone, name_of, set_condition, timestamp
from arcway_local.json_documents import Json

_BACK_OFF_SECONDS = 0.5
_KUBELET = "kubelet"


def reconcile_pod(context: Context, namespace: str, name: str) -> None:
    """Reconcile a pod once."""
    pod = context.resources.store.get(POD.key, namespace, name)
    if pod is None:
        return
    if "deletionTimestamp" in pod["metadata"]:
        if pod["metadata"].get("deletionGracePeriodSeconds"):
            context.resources.delete(POD, namespace, name, {"gracePeriodSeconds": 0})
        return
    if pod["status"].get("phase") in ("Succeeded", "Failed"):
        return
    if not pod["spec"].get("nodeName"):
        schedule(context, pod)
        return
    _run(context, pod)


def forget_pod(context: Context, _: str, uid: str) -> None:
    """Drop the state of a deleted pod."""
    context.behaviour.forget(uid)


def _run(context: Context, pod: Json) -> None:
    missing = next(_missing_volumes(context, pod), None)
    if missing is not None:
        volume, kind, name = missing
        _report(context, pod, "Pending", {"waiting": {"reason": "ContainerCreating"}}, ready=False)
        message = f'MountVolume.SetUp failed for volume "{volume}" : {kind.kind.lower()} "{name}" not found'
        context.record(pod, "Warning", "FailedMount", message, _KUBELET)
        return
    absent = next(_missing_environment(context, pod), None)
    if absent is not None:
        message = f'{absent[0].kind.lower()} "{absent[1]}" not found'
        waiting = {"reason": "CreateContainerConfigError", "message": message}
        _report(context, pod, "Pending", {"waiting": waiting}, ready=False)
        context.record(pod, "Warning", "Failed", f"Error: {message}", _KUBELET)
        return
    rule = context.behaviour.rule(pod)
    if rule is not None:
        _fail(context, pod, rule)
        return
    seconds = context.behaviour.seconds_until_ready(pod, context.clock())
    if seconds:
        context.later(seconds, "pods", pod["metadata"]["namespace"], name_of(pod))
    if seconds == 0 and pod["spec"]["restartPolicy"] != "Always":
        terminated = {"exitCode": 0, "reason": "Completed", "startedAt": timestamp(), "finishedAt": timestamp()}
        if words := context.behaviour.last_words(pod["spec"]["containers"][0]):
            terminated["message"] = words
        _report(context, pod, "Succeeded", {"terminated": terminated}, ready=False)
        return
    if pod["status"].get("phase") == "Pending":
        context.record(pod, "Normal", "Started", "Started container", _KUBELET)
    _report(context, pod, "Running", {"running": {"startedAt": timestamp()}}, ready=seconds == 0)


def _fail(context: Context, pod: Json, rule: PodRule) -> None:
    image = pod["spec"]["containers"][0]["image"]
    if rule.outcome == "imagePull":
        reasons = [status.get("state", {}).get("waiting", {}).get("reason") for status in _container_statuses(pod)]
        if "ErrImagePull" in reasons or "ImagePullBackOff" in reasons:
            waiting = {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{image}"'}
            context.record(pod, "Normal", "BackOff", waiting["message"], _KUBELET)
        else:
            waiting = {"reason": "ErrImagePull", "message": f'failed to pull and unpack image "{image}": not found'}
            context.record(pod, "Warning", "Failed", f'Failed to pull image "{image}": not found', _KUBELET)
            context.record(pod, "Warning", "Failed", "Error: ErrImagePull", _KUBELET)
            context.later(_BACK_OFF_SECONDS, "pods", pod["metadata"]["namespace"], name_of(pod))
        _report(context, pod, "Pending", {"waiting": waiting}, ready=False)
        return
    exit_state = {"exitCode": 1, "reason": "Error", "startedAt": timestamp(), "finishedAt": timestamp()}
    if pod["spec"]["restartPolicy"] == "Never":
        _report(context, pod, "Failed", {"terminated": exit_state}, ready=False)
        return
    container = pod["spec"]["containers"][0]["name"]
    message = f"back-off 10s restarting failed container={container} pod={name_of(pod)}"
    waiting = {"reason": "CrashLoopBackOff", "message": message}
    last = {"terminated": exit_state}
    _report(context, pod, "Running", {"waiting": waiting}, ready=False, last=last, restarts=rule.restarts)
    context.record(pod, "Warning", "BackOff", f"Back-off restarting failed container {container} in pod", _KUBELET)


def _container_statuses(pod: Json) -> list[Json]:
    statuses: list[Json] = pod["status"].get("containerStatuses", [])
    return statuses


def _report(
    context: Context,
    pod: Json,
    phase: str,
    state: Json,
    *,
    ready: bool,
    last: Json | None = None,
    restarts: int = 0,
) -> None:
    status = clone(pod["status"])
    status["phase"] = phase
    status.setdefault("startTime", timestamp())
    status.setdefault("hostIP", "172.18.0.2")
    running = phase == "Running" and last is None
    if phase != "Pending":
        number = int(pod["metadata"]["uid"][:4], 16)
        address = f"10.244.{number // 256}.{number % 254 + 1}"
        status |= {"podIP": address, "podIPs": [{"ip": address}]}
    statuses_by_name = {item["name"]: item for item in _container_statuses(pod)}
    status["containerStatuses"] = [
        _container_status(
            container,
            statuses_by_name.get(container["name"], {}),
            state,
            running=running,
            ready=ready,
            last=last,
            least=restarts,
        )
        for container in pod["spec"]["containers"]
    ]
    names = " ".join(container["name"] for container in pod["spec"]["containers"])
    conditions = status.setdefault("conditions", [])
    for type_, true in (("Initialized", True), ("Ready", ready), ("ContainersReady", ready)):
        why = ("", "") if true else ("ContainersNotReady", f"containers with unready status: [{names}]")
        if phase == "Succeeded" and not true:
            why = ("PodCompleted", "")
        set_condition(conditions, type_, "True" if true else "False", *why)
    for condition in conditions:
        for field in ("reason", "message"):
            if not condition.get(field):
                condition.pop(field, None)
    context.resources.set_status(POD, pod, status)


def _container_status(
    container: Json, previous: Json, state: Json, *, running: bool, ready: bool, last: Json | None, least: int
) -> Json:
    previous_state = previous.get("state", {})
    if previous_state.keys() == state.keys() and "waiting" not in state:
        state = previous_state
    restarts = max(previous.get("restartCount", 0), least)
    if last is not None:
        last = previous.get("lastState") or last
    result = {"name": container["name"], "image": container["image"], "imageID": "", "ready": ready, "started": running}
    if "running" in state or "terminated" in state:
        result["imageID"] = f"sha256:{container['image']}"
    return result | {"restartCount": restarts, "state": state, "lastState": last or previous.get("lastState", {})}


def _missing_volumes(context: Context, pod: Json) -> Iterator[tuple[str, Kind, str]]:
    for volume in pod["spec"].get("volumes", []):
        sources = [volume, *volume.get("projected", {}).get("sources", [])]
        for source in sources:
            for field, kind, key in (("secret", SECRET, "secretName"), ("configMap", CONFIG_MAP, "name")):
                reference = source.get(field)
                if reference is None or reference.get("optional"):
                    continue
                name = reference.get(key) or reference.get("name", "")
                if context.resources.store.get(kind.key, pod["metadata"]["namespace"], name) is None:
                    yield volume["name"], kind, name


def _missing_environment(context: Context, pod: Json) -> Iterator[tuple[Kind, str]]:
    for container in pod["spec"]["containers"]:
        references = [(part.get("secretRef"), part.get("configMapRef")) for part in container.get("envFrom", [])]
        for variable in container.get("env", []):
            source = variable.get("valueFrom", {})
            references.append((source.get("secretKeyRef"), source.get("configMapKeyRef")))
        for pair in references:
            for kind, reference in zip((SECRET, CONFIG_MAP), pair, strict=True):
                if reference is None or reference.get("optional"):
                    continue
                if context.resources.store.get(kind.key, pod["metadata"]["namespace"], reference["name"]) is None:
                    yield kind, reference["name"]
