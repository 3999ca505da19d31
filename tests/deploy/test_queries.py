"""Alert rules and the workbook ask only for what the code emits."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from arcway.domain.codes import Code
from arcway.domain.observations import EVENTS

ROOT = Path(__file__).parents[2]
# Columns of Application Insights, in the tables that the queries begin with.
COLUMNS = {"traces": {"timestamp", "message"}, "requests": {"timestamp", "url", "resultCode"}}
OPERATORS = {"where", "extend", "summarize", "order", "project"}


def queries() -> Iterator[tuple[str, str]]:
    for rule in json.loads((ROOT / "infra" / "alerts.json").read_text()):
        yield rule["name"], "\n".join(rule["query"])
    for item in json.loads((ROOT / "infra" / "workbook.json").read_text())["items"]:
        if item["type"] == 3:
            yield item["name"], item["content"]["query"]


QUERIES = [pytest.param(query, id=name) for name, query in queries()]


def problems(query: str) -> list[str]:
    """What a query names that nothing emits."""
    table, *steps = query.splitlines()
    wrong = [] if table in COLUMNS else [f"table {table}"]
    wrong += [f"operator {step}" for step in steps if step.split()[:1] != ["|"] or step.split()[1] not in OPERATORS]
    events = set(re.findall(r"line\.event == '(\w+)'", query))
    for several in re.findall(r"line\.event in \(([^)]*)\)", query):
        events |= set(re.findall(r"'(\w+)'", several))
    wrong += [f"event {event}" for event in events - EVENTS.keys()]
    known = {"event"}.union(*(EVENTS[event] for event in events & EVENTS.keys()))
    wrong += [f"field {name}" for name in set(re.findall(r"\bline\.(\w+)", query)) - known]
    wrong += [f"code {code}" for code in set(re.findall(r"'(ARC-\d+)'", query)) - {code.value for code in Code}]
    literals = re.sub(r"'[^']*'", "''", query)
    defined = set(re.findall(r"(\w+) =(?!=)", literals))
    functions = set(re.findall(r"\b(\w+)\(", literals))
    words = set(re.findall(r"(?<![.\w])[a-z]\w*", literals)) - functions - defined - {table}
    words -= {"where", "extend", "summarize", "order", "by", "and", "or", "in", "asc", "desc", "startswith", "endswith"}
    words -= {"true", "line"} | COLUMNS.get(table, set())
    return wrong + [f"name {word}" for word in words]


@pytest.mark.parametrize("query", QUERIES)
def test_query_names_only_what_is_emitted(query: str) -> None:
    assert problems(query) == []


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize(
    ("old", "new"),
    [("line.event == '", "line.event == 'x"), ("line.", "line.x"), ("traces\n", "trace\n"), ("| where", "| filter")],
)
def test_typo_in_a_query_is_found(query: str, old: str, new: str) -> None:
    if old in query:
        assert problems(query.replace(old, new)) != []


def test_rules_are_documented_with_a_command() -> None:
    guide = (ROOT / "docs" / "operations.md").read_text()
    for name in [rule["name"] for rule in json.loads((ROOT / "infra" / "alerts.json").read_text())] + ["dead-letters"]:
        section = guide.partition(f"\n### {name}\n")[2].partition("\n### ")[0]
        assert "**Cause.**" in section, name
        assert "```" in section, name
