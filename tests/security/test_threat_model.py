"""docs/security.md names the test that proves each of its lines."""

from tests.contract.article.naming import ROOT, existing_tests, named_in, rows

PAGE = ROOT / "docs" / "security.md"


def test_every_attack_is_held_back_by_a_test_that_exists() -> None:
    attacks = [row for row in rows(PAGE.read_text()) if len(row) == 3]
    assert len(attacks) > 30
    assert [row for row in attacks if not named_in(row[2])] == []
    assert set(named_in(PAGE.read_text())) - existing_tests() == set()


def test_every_file_of_attacks_is_on_the_page() -> None:
    files = {f"tests/security/{path.name}" for path in (ROOT / "tests" / "security").glob("test_*.py")}
    named = {name.partition("::")[0] for name in named_in(PAGE.read_text())}
    assert files - named == {"tests/security/test_threat_model.py"}
