"""What holds for every template: nothing inline, everything escaped, nothing missing."""

import hashlib
import re
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from arcway.page import files
from arcway.page.renderer import Shell, render

FOLDER = Path(files.__file__).parent
TEMPLATES = sorted((FOLDER / "templates").glob("*.html"))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_anything_inline_or_unescaped(template: Path) -> None:
    document = template.read_text()
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:|hx-on|hx-vals=.js", document)
    assert not re.search(r"\|\s*safe\b|autoescape false|Markup", document)
    assert "http://" not in document
    assert "https://" not in document


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        render("confirm.html", Shell("Rita"), section="runs")


def test_values_are_escaped() -> None:
    names = ("question", "consequence", "label", "action", "back")
    content = render("confirm.html", Shell("<b>", '"x'), section="", **dict.fromkeys(names, "<i>\"'"))
    assert "<b>" not in content
    assert "<i>" not in content
    assert 'value="&#34;x"' in content


def test_the_vendored_file_is_the_one_that_is_named() -> None:
    readme = (FOLDER / "static/vendor/README.md").read_text()
    result = files.static_file("htmx.min.js")
    assert result is not None
    assert hashlib.sha256(result.content).hexdigest() in readme
    assert b'version:"2.0.10"' in result.content


def test_there_are_no_other_files() -> None:
    assert [files.static_file(name) for name in ("", "../files.py", "vendor/htmx.min.js")] == [None] * 3
    with pytest.raises(KeyError):
        files.address_of("other.js")
