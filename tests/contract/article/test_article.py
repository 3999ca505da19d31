"""docs/article.md is what happens, for each of its headings; so is the session in docs/recording.md."""

import re
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from arcway.domain.json_values import Json
from tests import article
from tests.article import PAGE, RECORDING, Shell, differences, replay, session, with_session
from tests.contract.article.naming import existing_tests, named_in, rows

LAST = "What proves it"


class Azure:
    """The simulated Azure of a shell, and what it was asked for by each command line."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        endpoints = shell.stack.azure
        tls = ssl.create_default_context(cafile=endpoints["caFile"])
        self._http = httpx.Client(base_url=endpoints["endpoint"], verify=tls, timeout=240)
        self.asked: dict[str, list[Json]] = {}

    def watched(self, line: str) -> str:
        count_before = len(self._requests())
        output = self._shell(line)
        self.asked[line] = self._requests()[count_before:]
        return output

    def resource_group(self, name: str) -> Json:
        endpoints = self._shell.stack.azure
        requests = {
            "headers": {"X-IDENTITY-HEADER": endpoints["identityHeader"]},
            "params": {"resource": endpoints["endpoint"]},
        }
        token = self._http.get("/msi/token", **requests).json()["access_token"]  # type: ignore[arg-type]
        url = f"/subscriptions/{endpoints['subscriptionId']}/resourceGroups/{name}?api-version=2024-11-01"
        body: Json = self._http.get(url, headers={"Authorization": f"Bearer {token}"}).raise_for_status().json()
        return body

    def close(self) -> None:
        self._http.close()

    def _requests(self) -> list[Json]:
        body: list[Json] = self._http.get("/control/requests").raise_for_status().json()
        return body


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell_under_test = Shell(tmp_path)
    yield shell_under_test
    shell_under_test.close()


@pytest.fixture
def azure(shell: Shell) -> Iterator[Azure]:
    azure_under_test = Azure(shell)
    yield azure_under_test
    azure_under_test.close()


# More than a dozen processes one after another, each of which loads what the command needs.
@pytest.mark.timeout(900)
def test_the_page_is_what_happens(azure: Azure) -> None:
    page = PAGE.read_text()
    real = replay(page, azure.watched)
    assert not (difference := differences(page, real)), f"scripts/write-article writes this anew:\n{difference}"
    group = azure.resource_group("AzureArcTest")
    assert (group["location"], group["tags"]) == ("eastus", {"team": "lab"})
    of_the_first, of_the_second = (
        next(
            request
            for line, request in azure.asked.items()
            if line.startswith(f"arcway connect -n {name} ") and not dry(line)
        )
        for name in ("AzureArcTest1", "AzureArcTest2")
    )
    # What is the same for every cluster was learnt with the first.
    assert not paths(of_the_second, "/metadata/endpoints", "/register", "/blobs/", "/msi/token")
    assert len(paths(of_the_first, "/register")) == 2
    for request in (of_the_first, of_the_second):
        by_the_run = [item for item in request if item["path"].startswith(("/subscriptions", "/azure-arc-k8sagents"))]
        assert len({item["correlationId"] for item in by_the_run}) == 1


def dry(line: str) -> bool:
    return "--dry-run" in line


def paths(requests: list[Json], *parts: str) -> list[str]:
    return [item["path"] for item in requests if any(part in item["path"] for part in parts)]


def test_the_session_in_the_recording_is_that_of_the_page() -> None:
    recording = RECORDING.read_text()
    assert with_session(recording, session(PAGE.read_text())) == recording


def test_what_differs_by_run_is_separated_from_what_does_not() -> None:
    page = PAGE.read_text()
    later = re.sub(r"\d\d:\d\d\.\d{3}Z", "59:59.999Z", page)
    assert later != page
    assert differences(page, later) == ""
    for word, counterpart in (
        ("Connected", "Offline"),
        ("exit code 1", "exit code 0"),
        ("7/7", "6/7"),
        ("Ready.\n", ""),
    ):
        assert (word in page) == bool(differences(page, page.replace(word, counterpart))), word


def test_a_command_keeps_its_line_and_loses_what_it_printed_before() -> None:
    output_of: Callable[[str], str] = "said: {}\n".format
    page = "text\n```console\n$ one\nold\nold\n$ two\n```\n$ no command\n"
    assert replay(page, output_of) == "text\n```console\n$ one\nsaid: one\n$ two\nsaid: two\n```\n$ no command\n"


def test_every_heading_has_a_command_and_tests_that_exist() -> None:
    head, _, table = PAGE.read_text().partition(f"\n## {LAST}\n")
    sections = dict(re.findall(r"^## (.+)\n((?:(?!^## ).*\n)*)", head + "\n", re.MULTILINE))
    assert len(sections) >= 10
    assert {heading for heading, line in sections.items() if "\n$ arcway " not in line} == set()
    proofs = {heading: named_in(tests) for heading, tests in rows(table)}
    assert list(proofs) == list(sections)
    assert all(proofs.values())
    assert set(named_in(table)) <= existing_tests()


def test_readings_that_are_cut_short_are_marked() -> None:
    key = f'  "agentPublicKeyCertificate": "{"M" * 704}",\n'
    assert article.shortened(key) == f'  "agentPublicKeyCertificate": "{"M" * 16}… (704 characters)",\n'
