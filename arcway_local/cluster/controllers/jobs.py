"""Jobs: run pods until enough of them succeed, too many fail, or the deadline passes."""

from arcway_local.cluster.controllers.context import Context, is_ready, pod_from
from arcway_local.cluster.kinds import JOB, POD
from arcway_local.cluster.values import clone, find_condition, name_of, set_condition, timestamp
from arcway_local.json_documents import Json

_RETRY_SECONDS = 1.0


def reconcile_job(context: Context, namespace: str, name: str) -> None:
    """Reconcile a Job once."""
    job = context.resources.store.get(JOB.key, namespace, name)
    if job is None or "deletionTimestamp" in job["metadata"]:
        return
    if find_condition(job, "Complete") or find_condition(job, "Failed"):
        return
    pods = context.owned(job, POD)
    status = clone(job["status"])
    if "startTime" not in status:
        status |= {"startTime": timestamp(), "uncountedTerminatedPods": {}}
        if "activeDeadlineSeconds" in job["spec"]:
            context.later(job["spec"]["activeDeadlineSeconds"], "deadlines", namespace, name)
    succeeded = sum(pod["status"].get("phase") == "Succeeded" for pod in pods)
    failed = sum(pod["status"].get("phase") == "Failed" for pod in pods)
    active = [pod for pod in pods if pod["status"].get("phase") not in ("Succeeded", "Failed")]
    if succeeded >= job["spec"]["completions"]:
        _finish(context, job, status, "Complete", "CompletionsReached", "Reached expected number of succeeded pods")
    elif failed > job["spec"]["backoffLimit"]:
        _finish(context, job, status, "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    elif not job["spec"]["suspend"] and not context.is_terminating(namespace):
        active += _start_pods(context, job, len(active), succeeded, failed)
    if any(condition["type"] in ("Complete", "Failed") for condition in status.get("conditions", [])):
        active = []
    counts = {"active": len(active), "ready": sum(map(is_ready, active)), "succeeded": succeeded, "failed": failed}
    for field, value in counts.items():
        status.pop(field, None)
        if value or field == "ready":
            status[field] = value
    context.resources.set_status(JOB, job, status)


def _start_pods(context: Context, job: Json, active: int, succeeded: int, failed: int) -> list[Json]:
    spec, namespace = job["spec"], job["metadata"]["namespace"]
    missing = min(spec["parallelism"], spec["completions"] - succeeded) - active
    if missing > 0 and failed != job["status"].get("failed", 0):
        context.later(_RETRY_SECONDS, "jobs", namespace, name_of(job))
        return []
    return [context.create(POD, namespace, pod_from(spec["template"], job)) for _ in range(missing)]


def reconcile_deadline(context: Context, namespace: str, name: str) -> None:
    """Fail a Job whose activeDeadlineSeconds are over, and delete its pods."""
    job = context.resources.store.get(JOB.key, namespace, name)
    if job is None or find_condition(job, "Complete") or find_condition(job, "Failed"):
        return
    status = clone(job["status"])
    _finish(context, job, status, "Failed", "DeadlineExceeded", "Job was active longer than specified deadline")
    context.resources.set_status(JOB, job, status)
    for pod in context.owned(job, POD):
        if pod["status"].get("phase") not in ("Succeeded", "Failed"):
            context.resources.delete(POD, namespace, name_of(pod), {})


def reconcile_expiry(context: Context, namespace: str, name: str) -> None:
    """Delete a Job whose ttlSecondsAfterFinished are over."""
    job = context.resources.store.get(JOB.key, namespace, name)
    if job is not None and (find_condition(job, "Complete") or find_condition(job, "Failed")):
        context.resources.delete(JOB, namespace, name, {"propagationPolicy": "Foreground"})


def _finish(context: Context, job: Json, status: Json, type_: str, reason: str, message: str) -> None:
    conditions = status.setdefault("conditions", [])
    early = "SuccessCriteriaMet" if type_ == "Complete" else "FailureTarget"
    for condition in (early, type_):
        set_condition(conditions, condition, "True", reason, message)
    if type_ == "Complete":
        status["completionTime"] = timestamp()
    if "ttlSecondsAfterFinished" in job["spec"]:
        context.later(job["spec"]["ttlSecondsAfterFinished"], "expiries", job["metadata"]["namespace"], name_of(job))
