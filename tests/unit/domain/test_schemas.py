"""The published JSON schemas are those of the models."""

from tests.schemas import FOLDER, schemas, text_of


def test_the_published_schemas_are_those_of_the_models() -> None:
    assert {path.stem: path.read_text() for path in FOLDER.glob("*.json")} == {
        name: text_of(schema) for name, schema in schemas().items()
    }
