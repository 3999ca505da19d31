"""`arcway fleet plan`: what a fleet would do with each member, before anything is changed."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table

from arcway.cli import fleet_progress, output
from arcway.cli.client import INTERRUPTED, OK, ArcwayClient
from arcway.cli.fleet import TimeoutOption
from arcway.cli.fleet_options import FleetSource
from arcway.cli.options import Output, OutputOption, QuietOption, ServerOption
from arcway.cli.plan_files import PlanFile, read_plan_file, write_plan_file
from arcway.domain.catalogue import CATALOGUE
from arcway.domain.codes import Code
from arcway.domain.fleets.plan import Forecast
from arcway.domain.json_values import Json
from arcway.domain.text import counted

MEMBERS_REFUSED, CHANGES = 1, 2
"""Exit codes beside 0: as terraform's, but that a member that cannot be done is an error."""
_HOURS = 4 * 3600.0

type Difference = tuple[str, Forecast | None, Forecast | None]


def plan(
    source: FleetSource,
    depth: Annotated[
        Literal["azure", "cluster"],
        typer.Option("--depth", help="azure: by Azure's lists, in seconds. cluster: check each cluster, too."),
    ] = "cluster",
    out: Annotated[Path | None, typer.Option("--out", help="File to write the plan to, for apply --plan.")] = None,
    diff: Annotated[
        Path | None, typer.Option("--diff", help="Plan file: show only the members that differ from it.")
    ] = None,
    timeout: TimeoutOption = _HOURS,
    quiet: QuietOption = False,
    server: ServerOption = None,
    format_: OutputOption = "table",
) -> int:
    """Show what a fleet would do with each member. Example: arcway fleet plan -f shops.yaml --out shops.plan"""
    body = source.body()
    earlier = read_plan_file(diff) if diff is not None else None
    client = ArcwayClient.find(server)
    try:
        document = _planned(client, body, depth, timeout, quiet=quiet)
    except KeyboardInterrupt:
        output.stderr.print("Stopped waiting; the check continues, and the same command finds it.", markup=False)
        return INTERRUPTED
    current = PlanFile.of(document)
    differences = [*current.differences(diff, earlier)] if diff is not None and earlier is not None else None
    if out is not None:
        write_plan_file(out, current)
    if differences is None:
        _show_plan(document, current, format_)
    else:
        _show_differences(differences, format_)
    if format_ == "table":
        output.stderr.print(_summary(document), markup=False)
    return exit_code(document["counts"])


def _planned(client: ArcwayClient, body: Json, depth: str, timeout: float, *, quiet: bool) -> Json:
    """The plan: the answer itself, or what is read when the check has ended. Raises `CommandError`."""
    answer = client.start("fleets", body, dryRun="true", depth=depth)
    if depth == "azure":
        return answer
    output.stderr.print(f"Check {answer['id']}", markup=False)
    fleet_progress.show(client.follow_fleet(answer, timeout), quiet=quiet)
    return client.get(f"fleets/{answer['id']}/plan")


def exit_code(counts: Json) -> int:
    """1 if a member is refused, 0 if all are unchanged, else 2: what is busy or unreachable may change later."""
    if counts["refused"]:
        return MEMBERS_REFUSED
    return OK if sum(counts.values()) == counts["unchanged"] else CHANGES


def _show_plan(document: Json, current: PlanFile, format_: Output) -> None:
    if format_ == "jsonl":
        output.print_lines(current.text())
    elif format_ == "json":
        output.print_json(document)
    else:
        output.stdout.print(_members_table(current))
        if len(document["stages"]) > 1:
            output.stdout.print(_stages_table(document["stages"]))


def _show_differences(differences: list[Difference], format_: Output) -> None:
    value = [
        {"resourceId": key, "before": before and before.as_json(), "after": after and after.as_json()}
        for key, before, after in differences
    ]
    output.show(value if format_ == "jsonl" else {"value": value}, format_, lambda: _differences_table(differences))


def _members_table(current: PlanFile) -> Table:
    """The members with which something is to be done, or that cannot be done."""
    members = [(key, item) for key, item in sorted(current.members.items()) if item.kind != "unchanged"]
    rows = [(*_place(key), item.kind, _detail(item)) for key, item in members]
    return _table(("Member", "Group", "Class", "Detail"), rows)


def _stages_table(stages: Iterable[Json]) -> Table:
    rows = [
        (item["name"], *(str(item[name]) for name in ("size", "atOnce", "maxFailures")), ", ".join(_extras_of(item)))
        for item in stages
    ]
    return _table(("Stage", "Members", "At once", "May fail", "Besides"), rows)


def _extras_of(stage: Json) -> Iterator[str]:
    if stage["soak"]:
        yield f"soak of {stage['soak']} s"
    if stage["approve"]:
        yield f"approval {stage['approve']}"


def _differences_table(differences: Iterable[Difference]) -> Table:
    rows = []
    for key, before, after in differences:
        sign = "+" if before is None else "-" if after is None else "~"
        rows.append((sign, *_place(key), str(before or ""), str(after or "")))
    return _table(("", "Member", "Group", "Before", "After"), rows)


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Table:
    table = Table(box=None, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(output.cell, row))
    return table


def _place(key: str) -> tuple[str, str]:
    _, _, _, _, group, *_, name = key.split("/")
    return name, group


def _detail(item: Forecast) -> str:
    return f"{item.code}: {CATALOGUE[Code(item.code)].title}" if item.code else ", ".join(item.changes)


def _summary(document: Json) -> str:
    counts = ", ".join(f"{count} {name}" for name, count in document["counts"].items() if count)
    writes = counted(document["estimate"]["writes"], "write")
    depth = " by Azure's lists alone" if document["depth"] == "azure" else ""
    return f"{document['fleet']} ({document['operation']}){depth}: {counts}; {writes}; digest {document['digest'][:12]}"
