"""What all our pydantic models share: camelCase outside, snake_case inside, nothing unknown accepted."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from arcway.domain.secret_names import NAME_PATTERN


class Model(BaseModel):
    """Base of every value that crosses the border of the service."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        # A field's docstring is its description in the published schemas.
        use_attribute_docstrings=True,
    )

    def as_json(self) -> dict[str, Any]:
        """The JSON-native form with the outside names."""
        return self.model_dump(mode="json", by_alias=True)


type SecretName = Annotated[str, Field(pattern=NAME_PATTERN)]


class SecretReference(Model):
    """Names a secret of the kind that the reference is for (`arcway.domain.secret_names`)."""

    secret: SecretName


def field_errors(error: ValidationError) -> list[dict[str, str]]:
    """All problems of a failed validation, one per field, in the words of the outside form."""
    details = []
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        field = ".".join(str(part) for part in item["loc"])
        details.append({"field": field or "(body)", "message": item["msg"].removeprefix("Value error, ")})
    return details
