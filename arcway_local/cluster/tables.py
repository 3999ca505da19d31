"""Objects as a Table, the form in which `kubectl get` asks for them."""

from collections.abc import Sequence

from arcway_local.cluster.columns import built_in
from arcway_local.cluster.kinds import Kind
from arcway_local.cluster.requests import Form
from arcway_local.json_documents import Json

_API_VERSION = "meta.k8s.io/v1"


def table(items: Sequence[Json], kind: Kind, form: Form, metadata: Json) -> Json:
    """A Table with a row for each object; `form` says what of the object goes along."""
    columns = kind.columns or built_in(kind.plural)
    definitions = [
        {
            "name": column.name,
            "type": column.type,
            "format": column.format,
            "description": column.description or f"{column.name} of the {kind.kind}",
            "priority": column.priority,
        }
        for column in columns
    ]
    rows = [{"cells": [column.cell(item) for column in columns], "object": _along(item, kind, form)} for item in items]
    return {
        "kind": "Table",
        "apiVersion": _API_VERSION,
        "metadata": metadata,
        "columnDefinitions": definitions,
        "rows": rows,
    }


def _along(item: Json, kind: Kind, form: Form) -> Json | None:
    if form == "table with nothing":
        return None
    if form == "table with objects":
        return item | {"apiVersion": kind.api_version}
    return {"kind": "PartialObjectMetadata", "apiVersion": _API_VERSION, "metadata": item["metadata"]}
