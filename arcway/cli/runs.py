"""Starts and follows a run on the command line, and shows its outcome."""

from collections.abc import Callable

from arcway.cli import extension_output, gitops_output, output, policy_output, progress
from arcway.cli.client import FAILED, INTERRUPTED, OK, PARTLY_FAILED, ArcwayClient, CommandError
from arcway.cli.option_groups import Following
from arcway.cli.options import Output
from arcway.domain.codes import Code
from arcway.domain.json_values import Json
from arcway.domain.leftovers import describe_all


def start(server: ArcwayClient, path: str, body: Json, how: Following, accepted: Callable[[], None]) -> int:
    """Start the run and follow it to its end; returns the exit code. Raises `CommandError`.

    Calls `accepted` as soon as the service has taken the request.
    """
    if how.dry_run:
        checked = server.start(path, body, dryRun="true")
        accepted()
        # Arcway itself waits for a minute, and a network check may take longer.
        *_, checked = server.follow(checked, how.timeout)
        return _show_check(checked, how.format_)
    run = server.start(path, body)
    accepted()
    output.stderr.print(f"Run {run['id']}", markup=False)
    if not how.no_wait:
        return follow(server, run, how)
    output.stderr.print(f"arcway status {run['id']} --follow", markup=False)
    if how.format_ != "table":
        output.show(run, how.format_, str)
    return OK


def follow(server: ArcwayClient, run: Json, how: Following) -> int:
    """Follow a run until it has ended and show its outcome; returns the exit code. Raises `CommandError`."""
    try:
        return show_outcome(progress.show(server.follow(run, how.timeout), quiet=how.quiet), how.format_)
    except KeyboardInterrupt:
        return detached(run)


def detached(run: Json) -> int:
    """Tell that a run continues although the command stops waiting, and how to follow it again."""
    output.stderr.print(f"Stopped waiting; run {run['id']} continues.", markup=False)
    output.stderr.print(f"  arcway status {run['id']} --follow", markup=False)
    return INTERRUPTED


def show_outcome(run: Json, format_: Output) -> int:
    """Show the outcome of an ended run; returns the exit code. Raises `CommandError` when it did not succeed."""
    output.show_findings([finding for finding in run["findings"] if finding["level"] != "error"])
    if run["leftovers"]:
        output.stderr.print(f"Left in place: {', '.join(describe_all(run['leftovers']))}", markup=False)
    if run["state"] != "Succeeded":
        raise failure(run)
    if run["operation"] == "offboard":
        _show_disconnected(run, format_)
    elif run["operation"] == "applyExtension":
        _show_extension(run, format_)
    elif run["operation"] == "deleteExtension":
        _show_deleted(run, format_)
    elif run["operation"] == "applyGitops":
        _show_configuration(run, format_)
    elif run["operation"] == "deleteGitops":
        _show_deleted_configuration(run, format_)
    elif run["operation"] == "enablePolicy":
        policy_output.show_enabled(run, format_)
    elif run["operation"] == "disablePolicy":
        _show_deleted(run, format_)
    else:
        _show_cluster(run, format_)
    return PARTLY_FAILED if run["leftovers"] else OK


def failure(run: Json) -> CommandError:
    """The error of an ended run, with how to continue."""
    error = run["error"] or {"code": Code.RUN_TERMINATED, "message": f"The run is {run['state']}.", "remedy": None}
    next_step = f"arcway retry {run['id']}" if run.get("retriable", True) else "Then run the same command again."
    remedy = f"{error['remedy'] or ''}\n  {next_step}".strip()
    return CommandError(f"{error['code']}: {error['message']}", FAILED, remedy=remedy, details=error.get("details"))


def _show_cluster(run: Json, format_: Output) -> None:
    summary = {**output.flat(run["result"]), "changed": run["changed"]}
    output.show(summary, format_, lambda: output.clusters_table([run["result"]]))
    if issuer := (run["result"].get("features") or {}).get("oidcIssuer"):
        output.show_issuer(issuer)
    if not run["changed"]:
        output.stderr.print("Nothing was changed.")


def _show_extension(run: Json, format_: Output) -> None:
    result = run["result"]
    extension_output.show([result], {**extension_output.flat(result), "changed": run["changed"]}, format_)
    if not run["changed"]:
        output.stderr.print("Nothing was changed.")


def _show_configuration(run: Json, format_: Output) -> None:
    result = run["result"]
    gitops_output.show([result], {**gitops_output.flat(result), "changed": run["changed"]}, format_)
    if not run["changed"]:
        output.stderr.print("Nothing was changed.")


def _show_deleted_configuration(run: Json, format_: Output) -> None:
    result = run["result"]
    extension = f"; extension {result['extension']}" if "extension" in result else ""
    summary = f"Flux configuration {result['configuration']}: {result['id']}{extension}"
    output.show(result, format_, lambda: summary)


def _show_deleted(run: Json, format_: Output) -> None:
    result = run["result"]
    output.show(result, format_, lambda: f"Extension {result['extension']}: {result['id']}")


def _show_disconnected(run: Json, format_: Output) -> None:
    result = run["result"]
    summary = f"{run['cluster']['name']}: connected cluster {result['resource']}, agents {result['agents']}."
    message = summary if run["changed"] else f"{summary} Nothing was changed."
    output.show({**result, "changed": run["changed"], "leftovers": run["leftovers"]}, format_, lambda: message)


def _show_check(run: Json, format_: Output) -> int:
    plan = [f"would {line}" for line in (run["result"] or {}).get("plan", [])]
    if format_ == "table":
        output.show_findings(run["findings"])
    if plan or format_ != "table":
        output.show(run, format_, lambda: "\n".join(plan))
    ready = run["result"] and run["result"]["ready"]
    if ready:
        output.stderr.print("Ready.")
    return OK if ready else FAILED
