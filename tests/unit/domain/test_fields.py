"""The limits of a request's fields, each on both sides."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from arcway.domain import fields
from arcway.domain.marks import Annotations, Labels

SUBSCRIPTION = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"


def read(field: Any, value: object) -> object:
    return TypeAdapter(field).validate_python(value)


def refusal(field: object, value: object) -> str:
    with pytest.raises(ValidationError) as refused:
        read(field, value)
    return str(refused.value.errors()[0]["msg"]).removeprefix("Value error, ")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (fields.ResourceGroupName, "a"),
        (fields.ResourceGroupName, "a" * 90),
        (fields.ResourceGroupName, ".a"),
        (fields.ClusterName, "a"),
        (fields.ClusterName, "1_.-z"),
        (fields.ClusterName, "a" * 63),
        (fields.Location, "a" * 60),
        (fields.Word, "aks_edge_k3s"),
        (fields.Word, "a" * 60),
        (fields.ChartVersion, "1.30.0"),
        (fields.ChartVersion, "1.30.0-preview.1"),
        (fields.Tags, {}),
        (fields.Tags, {"Cost-Center X1 (eu)": "x"}),
        (fields.Tags, {"a": "", "b" * 512: "x" * 256}),
        (fields.Tags, {str(number): "x" for number in range(50)}),
        (fields.Tags, {"a": "<>%&\\?/"}),
        (Labels, {}),
        # Names that only begin like those of Helm and Kubernetes.
        (Labels, {"meta.helm.shop/a": "x", "helm.shop/a": "x", "kubernetes.io/metadata": "x"}),
        (Labels, {"a": "", "app.kubernetes.io/name": "a" * 63, f"{'a' * 253}/{'b' * 63}": "x"}),
        (Labels, {f"l{number}": "x" for number in range(30)}),
        (Annotations, {"a.b/c": "any text, with blanks" + "x" * 1003}),
    ],
)
def test_field_takes_what_azure_and_kubernetes_take(field: object, value: object) -> None:
    assert read(field, value) == value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (fields.ResourceGroupName, ""),
        (fields.ResourceGroupName, "a" * 91),
        (fields.ClusterName, ""),
        (fields.ClusterName, "a" * 64),
        (fields.ClusterName, "a-"),
        (fields.ClusterName, "-a"),
        (fields.Location, "a" * 61),
        (fields.Location, "1east"),
        (fields.Location, ""),
        (fields.Word, ""),
        (fields.Word, "a" * 61),
        (fields.Word, "Generic"),
        (fields.ChartVersion, "1.30"),
        (fields.ChartVersion, "v1.30.0"),
        (fields.ChartVersion, "1.30.0+build"),
        (fields.SubscriptionId, SUBSCRIPTION[:-1]),
        (fields.SubscriptionId, f"{SUBSCRIPTION}0"),
        (fields.SubscriptionId, 5),
        (fields.FailFast, "true"),
        (fields.Tags, {str(number): "x" for number in range(51)}),
        (Labels, {f"l{number}": "x" for number in range(31)}),
        (Labels, {"a": "x" * 64}),
        (Labels, {"b" * 64: "x"}),
        (Labels, {"-a": "x"}),
        (Labels, {f"{'a' * 254}/b": "x"}),
        (Labels, {"a": "with blank"}),
        (Annotations, {"a": "x" * 1025}),
    ],
)
def test_field_refuses_what_azure_and_kubernetes_refuse(field: object, value: object) -> None:
    assert refusal(field, value)


@pytest.mark.parametrize("value", ["East US 2", "EASTUS2", "eastus2"])
def test_location_is_read_with_and_without_blanks(value: str) -> None:
    assert read(fields.Location, value) == "eastus2"


def test_location_that_is_not_a_text_is_refused() -> None:
    assert refusal(fields.Location, 5) == "Input should be a valid string"


def test_subscription_id_is_read_in_any_case() -> None:
    assert read(fields.SubscriptionId, SUBSCRIPTION.upper()) == SUBSCRIPTION


def test_resource_group_must_not_end_with_a_period() -> None:
    assert refusal(fields.ResourceGroupName, "a.") == "must not end with a period"


@pytest.mark.parametrize("name", ["", "b" * 513, *(f"a{character}b" for character in "<>%&\\?/")])
def test_tag_name_that_azure_refuses_is_named_in_the_message(name: str) -> None:
    assert refusal(fields.Tags, {"good": "x", name: "x"}) == (
        f"tag name {name[:40]!r} must have 1 to 512 characters and none of <>%&\\?/"
    )


def test_tag_value_that_is_too_long_is_named_by_its_tag() -> None:
    assert refusal(fields.Tags, {"a" * 50: "x" * 257}) == (
        f"the value of tag {'a' * 40!r} must have at most 256 characters"
    )


@pytest.mark.parametrize("field", [Labels, Annotations])
@pytest.mark.parametrize(
    "name",
    ["meta.helm.sh/release-name", "helm.sh/chart", "kubernetes.io/metadata.name", "app.kubernetes.io/managed-by"],
)
def test_mark_that_helm_or_kubernetes_sets_is_refused(field: object, name: str) -> None:
    assert refusal(field, {"a": "b", name: "x"}) == f"{name} is reserved for Helm or Kubernetes"
