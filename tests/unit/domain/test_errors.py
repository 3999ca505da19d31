"""The catalogue of errors, its documentation, and redaction."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from arcway.domain.codes import Code, Family, family
from arcway.domain.errors import CATALOGUE, ArcError, redact
from arcway.domain.findings import finding, not_allowed

DOCS = Path(__file__).parents[3] / "docs" / "errors.md"


def sections() -> dict[str, tuple[str, str]]:
    """The page's sections by code: title and text."""
    parts = re.split(r"^### (ARC-\d{4}) (.+)\n", DOCS.read_text(), flags=re.MULTILINE)
    return {parts[at]: (parts[at + 1], parts[at + 2]) for at in range(1, len(parts), 3)}


def test_every_code_is_documented_with_its_title_and_nothing_else_is() -> None:
    assert {code: section[0] for code, section in sections().items()} == {
        code: kind.title for code, kind in CATALOGUE.items()
    }


@pytest.mark.parametrize("code", CATALOGUE)
def test_the_page_has_the_remedy_of_the_catalogue(code: Code) -> None:
    content = sections()[code][1]
    kind = CATALOGUE[code]
    assert f"**Remedy:** {kind.remedy}\n" in content
    assert f"**Retryable:** {'yes' if kind.retryable else 'no'}\n" in content


def test_codes_that_users_meet_first_have_causes_a_check_and_an_example_of_themselves() -> None:
    guided = {code: line for code, (_, line) in sections().items() if "**Likely causes:**" in line}
    assert len(guided) >= 30
    for code, line in guided.items():
        assert re.search(r"\*\*Likely causes:\*\*\n\n1\. .+\n", line), code
        assert re.search(r"\*\*Check:\*\*\n\n```sh\n.+\n```\n", line), code
        assert re.search(rf"\*\*Example:\*\*\n\n```text\n{code}: .+\n", line), code


def test_every_code_has_a_name_and_an_entry_in_the_catalogue() -> None:
    assert list(CATALOGUE) == list(Code)


def test_a_code_is_its_number_wherever_it_is_written() -> None:
    code = ArcError(Code.AGENTS_NOT_READY).code
    assert (code, f"{code}", json.dumps({code: [code]})) == ("ARC-5008", "ARC-5008", '{"ARC-5008": ["ARC-5008"]}')
    assert type(ArcError(code).as_dict()["code"]) is str
    assert type(finding(code, "Not ready.")["code"]) is str
    assert family(code) is family("ARC-5008: The agents are not ready in time") is Family.AGENTS
    assert family("Not a code") is None


def test_an_error_survives_a_durable_boundary() -> None:
    fields: Any = {"remedy": "Wait.", "retryable": False, "retry_after": 7, "details": [{"field": "x"}]}
    for error in (ArcError(Code.AZURE_THROTTLED), ArcError(Code.AZURE_THROTTLED, "Slow down.", **fields)):
        assert ArcError.from_dict(error.as_dict()).as_dict() == error.as_dict()
    assert error.as_dict() == {
        "code": "ARC-4007",
        "message": "Slow down.",
        "remedy": "Wait.",
        "retryable": False,
        "retryAfterSeconds": 7.0,
        "details": [{"field": "x"}],
    }
    assert str(error) == "ARC-4007: Slow down."


def test_error_of_an_earlier_version_has_no_times_and_details() -> None:
    old = {"code": "ARC-4007", "message": "Slow down.", "remedy": "Wait.", "retryable": True}
    error = ArcError.from_dict(old)
    assert (error.retry_after, error.details) == (None, [])


@pytest.mark.parametrize("message", [None, ""])
def test_error_without_a_message_has_the_title_and_remedy_of_its_code(message: str | None) -> None:
    kind = CATALOGUE[Code.AZURE_THROTTLED]
    error = ArcError(Code.AZURE_THROTTLED, message, remedy=message)
    assert (error.message, error.remedy, error.retryable) == (f"{kind.title}.", kind.remedy, kind.retryable)
    assert (error.retry_after, error.details) == (None, [])


def test_error_quotes_nothing_that_is_secret_long_or_invisible() -> None:
    error = ArcError(
        Code.AZURE_THROTTLED,
        f"password=hunter22 {'word ' * 500}",
        remedy="x" * 3000,
        details=[{"a": "x" * 3000, "b": "\x07"}],
    )
    assert error.message.startswith("[redacted] word word")
    assert (len(error.message), len(error.remedy)) == (2048, 2048)
    assert error.details == [{"a": "x" * 499 + "…", "b": "\\x07"}]


def test_texts_inside_a_detail_are_cut() -> None:
    [detail] = ArcError(Code.AZURE_THROTTLED, details=[{"items": ["x" * 3000]}]).details
    assert detail == {"items": ["x" * 2047 + "…"]}


def test_unknown_code_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="ARC-9999"):
        ArcError("ARC-9999")


def test_finding_has_the_remedy_of_its_code_and_a_safe_message() -> None:
    assert finding(Code.AZURE_THROTTLED, "Slow\ndown, token=hunter22!", "warning") == {
        "code": "ARC-4007",
        "level": "warning",
        "message": "Slow down, [redacted]",
        "remedy": CATALOGUE[Code.AZURE_THROTTLED].remedy,
    }
    assert finding("ARC-4007", "x")["level"] == "error"
    assert len(finding(Code.AZURE_THROTTLED, "word " * 1000)["message"]) == 2048


def test_each_missing_permission_is_a_finding() -> None:
    assert not_allowed([]) == []
    assert [(item["code"], item["level"], item["message"]) for item in not_allowed(["a/write", "a/read"])] == [
        (Code.AZURE_PERMISSION_MISSING, "error", "Arcway's identity lacks a/write in the resource group."),
        (Code.AZURE_PERMISSION_MISSING, "error", "Arcway's identity lacks a/read in the resource group."),
    ]


@pytest.mark.parametrize(
    "secret",
    [
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
        "Bearer abcdef0123456789",
        "http://user:hunter2hunter2@proxy:3128",
        'password="correct horse"',
        "token: s3cr3t-value",
        "A" * 80,
    ],
)
def test_text_from_servers_loses_its_secrets(secret: str) -> None:
    redacted = redact(f"the server said {secret} and more")
    assert redacted.startswith("the server said")
    for part in re.findall(r"[A-Za-z0-9]{7,}", secret.replace("password", "").replace("proxy", "")):
        if part not in ("PRIVATE", "correct"):
            assert part not in redacted


def test_text_from_servers_is_one_short_line() -> None:
    redacted = redact("a line\n" * 500)
    assert "\n" not in redacted
    assert len(redacted) <= 600
