"""The secrets that the work at hand holds, so that they are masked wherever they appear in what leaves it.

Code that reads a secret registers it with `hold`; `holding` is the time in which it counts. Texts from outside may
repeat a secret in another form, so that these count, too: percent-encoded, in base64, as JSON and YAML escape it.
"""

import base64
import json
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import quote, quote_plus

from arcway.domain.text import CUT, visible

MASK = "[redacted]"
SHORTEST = 6
"""Characters: what is shorter is part of too many words."""
_UNMISTAKABLE = 16
_LONGEST = 16 * 1024
_MOST = 64
_PEM_LINE = 16
# An RSA key begins with its modulus, which is public: a public key may have the same letters.
_PUBLIC_LINES = 12

type Forms = tuple[str, ...]

_held: ContextVar[deque[Forms] | None] = ContextVar("secrets held", default=None)
_always: deque[Forms] = deque(maxlen=_MOST)


@contextmanager
def holding() -> Iterator[None]:
    """A piece of work: what is held in it is forgotten at its end."""
    token = _held.set(deque(maxlen=_MOST))
    try:
        yield
    finally:
        _held.reset(token)


def hold(*secrets: str | None) -> None:
    """Mask these from now on, as long as the work at hand lasts."""
    forms_held = _held.get()
    if forms_held is None:
        forms_held = deque(maxlen=_MOST)
        _held.set(forms_held)
    _add(forms_held, secrets)


def hold_always(*secrets: str | None) -> None:
    """Mask these as long as the process lasts: what belongs to it and not to a piece of its work."""
    _add(_always, secrets)


def mask(message: str, *, cut: bool = False, shortest: int = SHORTEST) -> str:
    """The text without the secrets held that have `shortest` characters; `cut` says that its last one may be cut."""
    return _replaced(message, _forms(), cut, shortest)


def masked_value(value: Any, displayed: frozenset[str]) -> Any:
    """A JSON value without the secrets held.

    Short secrets may be words that machines need, so they are masked only below the names that are `displayed`.
    """
    whole = "\0".join(_texts(value))
    # Most values have none of them, and going through a value for each would take long.
    matching = [form for form in _forms() if form[:SHORTEST] in whole]
    return _without(value, displayed, matching, is_displayed=False) if matching else value


def _without(value: Any, displayed: frozenset[str], forms: list[str], *, is_displayed: bool) -> Any:
    if isinstance(value, str):
        return _replaced(value, forms, value.endswith(CUT), SHORTEST if is_displayed else _UNMISTAKABLE)
    if isinstance(value, dict):
        return {
            name: _without(item, displayed, forms, is_displayed=is_displayed or name in displayed)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_without(item, displayed, forms, is_displayed=is_displayed) for item in value]
    return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _forms() -> Iterator[str]:
    for forms in (*_always, *(_held.get() or ())):
        yield from forms


def _replaced(message: str, forms: Iterable[str], cut: bool, shortest: int) -> str:
    for form in forms:
        if len(form) < shortest:
            continue
        if form in message:
            message = message.replace(form, MASK)
        if cut and (start := _start_of_cut(message.removesuffix(CUT), form)) >= 0:
            message = message[:start] + MASK
    return message


def _start_of_cut(message: str, form: str) -> int:
    """Where the longest beginning of a secret starts that the message ends with; -1 if it ends with none."""
    start = message.find(form[:SHORTEST], max(0, len(message) - len(form)))
    while start >= 0 and not form.startswith(message[start:]):
        start = message.find(form[:SHORTEST], start + 1)
    return start


def _add(secret_forms: deque[Forms], secrets: Iterable[str | None]) -> None:
    for secret in secrets:
        plain = (secret or "").strip()
        if SHORTEST <= len(plain) <= _LONGEST and (forms := _forms_of(plain)) not in secret_forms:
            secret_forms.append(forms)


def _forms_of(secret: str) -> Forms:
    """All ways in which the secret may be written, the longest first."""
    forms = {secret, visible(secret), *_lines_of_key(secret)}
    data = secret.encode(errors="surrogatepass")
    forms |= {quote(data, safe=""), quote(data), quote_plus(data), quote(data, safe="").lower()}
    for plain in (json.dumps(secret), json.dumps(secret, ensure_ascii=False)):
        forms |= {plain[1:-1], json.dumps(plain[1:-1])[1:-1]}
    for start in range(3):
        forms |= set(_in_base64(data, start))
    forms.add(data.hex())
    return tuple(sorted((form for form in forms if len(form) >= SHORTEST), key=lambda form: (-len(form), form)))


def _lines_of_key(secret: str) -> list[str]:
    if not secret.startswith("-----BEGIN"):
        return []
    lines = secret.splitlines()[1:-1]
    whole = "".join(lines)
    return [
        whole,
        *(line for line in (lines[_PUBLIC_LINES:] if len(lines) > _PUBLIC_LINES else lines) if len(line) >= _PEM_LINE),
    ]


def _in_base64(data: bytes, start: int) -> Iterator[str]:
    """The secret as it is inside the base64 of a longer text, `start` bytes after a multiple of three."""
    encoded = base64.b64encode(bytes(start) + data).decode()
    # A letter is six bits; those at either end also have bits of what stands beside the secret.
    core = encoded[-(-8 * start // 6) : 8 * (len(data) + start) // 6]
    if len(core) >= SHORTEST:
        yield core
        yield core.replace("+", "-").replace("/", "_")
