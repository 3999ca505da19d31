"""The messages the worker library exchanges with its host, as plain classes.

The library takes its message types as an injected namespace, this module, so no protobuf is needed in process. Like
protobuf these classes refuse values of the wrong Python type: an app must not pass here and fail in Azure. Nothing
here knows what the messages are used for. Source: azure-functions-language-worker-protobuf, FunctionRpc.proto.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class Message:
    """Named fields; a field that was not given raises AttributeError when read."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


class TypedData:
    """One value in exactly one of the forms in `KINDS`; None leaves it unset.

    Raises TypeError for a value of another type than its form, as protobuf does.
    """

    KINDS: ClassVar[Mapping[str, type | tuple[type, ...]]] = {
        "string": str,
        "json": str,
        "bytes": bytes,
        "int": int,
        "double": (int, float),
        "http": Message,
    }

    def __init__(self, **data: Any) -> None:
        self._kind: str | None = None
        for kind, value in data.items():
            if value is None:
                continue
            if not isinstance(value, self.KINDS[kind]):
                raise TypeError(f"a value of type {type(value).__name__} was given for TypedData.{kind}")
            self._kind = kind
            setattr(self, kind, value)

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802 - the name the worker library calls
        """The form in use, None when unset."""
        return self._kind

    def text(self) -> str | None:
        """The value of a `json` or `string` form, None for any other."""
        value = getattr(self, self._kind) if self._kind in ("json", "string") else None
        return value if isinstance(value, str) else None


class RpcHttp(Message):
    """A request or a response. Raises TypeError when a header, query or route value is not text."""

    def __init__(self, **fields: Any) -> None:
        for name in ("headers", "query", "params"):
            for key, value in fields.get(name, {}).items():
                if not isinstance(key, str) or not isinstance(value, str):
                    raise TypeError(f"RpcHttp.{name}[{key!r}] must be text, not {type(value).__name__}")
        super().__init__(**fields)


class ParameterBinding(Message):
    """A named value handed to, or returned from, a function."""

    def WhichOneof(self, _group: str) -> str:  # noqa: N802 - the name the worker library calls
        """Shared memory is never used here, so it is always the data."""
        return "data"


class BindingInfo(Message):
    """A declared binding; the numbers are those of the enumerations in FunctionRpc.proto."""

    undefined = 0
    out = 1
    inout = 2


class StatusResult(Message):
    """Whether a request succeeded."""

    Failure = 0
    Success = 1


class RpcHttpCookie(Message):
    """A cookie of a response."""

    class SameSite:
        """Values of FunctionRpc.proto; `None` there means not set."""

        Lax = 1
        Strict = 2
        ExplicitNone = 3


setattr(RpcHttpCookie.SameSite, "None", 0)


class RpcException(Message):
    """An exception of the app: `message` is "Type: text"."""


class RpcFunctionMetadata(Message):
    """One indexed function."""


class RpcRetryOptions(Message):
    """The retry policy of a trigger."""


class WorkerMetadata(Message):
    """Names and versions of the worker library."""


class WorkerInitResponse(Message):
    """The answer to initialisation and indexing."""


class FunctionMetadataResponse(Message):
    """The answer to the question which functions there are."""


class InvocationResponse(Message):
    """The outcome of one call."""


class NullableString(Message):
    """Optional text."""


class NullableBool(Message):
    """An optional boolean."""


class NullableDouble(Message):
    """An optional number."""


class NullableTimestamp(Message):
    """An optional time; `value.seconds` counts from 1970."""


class Timestamp(Message):
    """Seconds since 1970."""
