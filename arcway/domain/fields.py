"""The types of a request's fields: what each may be, by ARM's own rules for names.

https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules.
"""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool

TAG_LIMIT = 50


def _resource_group(name: str) -> str:
    if name.endswith("."):
        raise ValueError("must not end with a period")
    return name


def _plain_location(value: object) -> object:
    return value.replace(" ", "").lower() if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _tags_as_arm_takes_them(tags: dict[str, str]) -> dict[str, str]:
    for name, value in tags.items():
        if not name or len(name) > 512 or any(character in name for character in "<>%&\\?/"):
            raise ValueError(f"tag name {name[:40]!r} must have 1 to 512 characters and none of <>%&\\?/")
        if len(value) > 256:
            raise ValueError(f"the value of tag {name[:40]!r} must have at most 256 characters")
    return tags


type SubscriptionId = Annotated[
    str, BeforeValidator(_lower), Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
]
# Letters and digits of all scripts (Char.IsLetterOrDigit), by name: a JSON Schema's \w and \d are ASCII alone.
type ResourceGroupName = Annotated[
    str, Field(min_length=1, max_length=90, pattern=r"^[\p{L}\p{Nd}_().-]+$"), AfterValidator(_resource_group)
]
type ClusterName = Annotated[str, Field(max_length=63, pattern=r"^[0-9A-Za-z]([0-9A-Za-z_.-]*[0-9A-Za-z])?$")]
type ExtensionName = Annotated[str, Field(max_length=63, pattern=r"^[0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?$")]
type ConfigurationName = Annotated[str, Field(max_length=63, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
type Location = Annotated[str, BeforeValidator(_plain_location), Field(max_length=60, pattern=r"^[a-z][a-z0-9]+$")]
type Word = Annotated[str, Field(max_length=60, pattern=r"^[a-z0-9_]+$")]
type Tags = Annotated[dict[str, str], Field(max_length=TAG_LIMIT), AfterValidator(_tags_as_arm_takes_them)]
type ChartVersion = Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$")]


type FailFast = Annotated[
    StrictBool,
    Field(
        description="End the run as soon as an agent's image cannot be pulled, its pod cannot be scheduled or created, "
        "or its container keeps crashing, instead of waiting until the phase's time is over."
    ),
]
