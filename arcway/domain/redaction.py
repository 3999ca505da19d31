"""Takes what looks like a secret, or is one that the work at hand holds, out of text from outside.

The text is cut first, and every pattern begins only where no longer match of its kind could have begun, so the time
that it takes is bounded whatever the text is.
"""

import re
from itertools import pairwise

from arcway.domain.secrets_held import MASK, mask
from arcway.domain.text import sentence

LIMIT = 600
_WINDOW = 4
# What is left of a secret that the cut went through may be too short to look like one.
_OVERLAP = 64

_BLANK = r"(?:\s|%20|\\[nrt]|\\x[0-9a-f]{2}|\\u[02][0-9a-f]{3})"
_ENDS = r"\s,;&\"'`<>(){}\[\]\\"
_PEM = re.compile(r"-----BEGIN[^-]{1,60}-----.*?(?:-----END[^-]{1,60}-----|\Z)", re.DOTALL)
_JWT = re.compile(r"(?<![\w-])eyJ[\w-]{4,}(?:\.[\w-]*){0,4}")
_OF_KEYS = (
    "api|access|account|admin|client|consumer|encryption|function|functions|host|master|primary|private|root|secondary"
)
_OF_KEYS += "|secret|service|shared|signing|ssh|storage|subscription|user|vault|web"
_NAME = (
    r"passw(?:or)?d|passphrase|passcode|passwort|pwd|(?<![a-z])pass|secret|token|credential|connection[\s_.-]?string"
    rf"|(?:{_OF_KEYS})(?:[\s_.-]|%5f|%2d|%20)?(?:access[\s_.-]?)?key|(?<![a-z])(?:sas|sig|auth)(?![a-z])|sas[_-]?ur[il]"
    r"|signature|authorization(?![a-z])|cookie|session[\s_.-]?(?:id|key)|jwt|kubeconfig[\s_.-]?data"
    r"|(?:client|certificate)[\s_.-]?key[\s_.-]?data|private[\s_.-]?key"
)
# What says that a secret follows: a name with the rest of it, a quote that ends it and what joins it with its value ...
_NAMED = rf"(?:{_NAME})[\w.-]{{0,24}}(?:\\?[\"'`])?\]?\s{{0,4}}(?:=>|[:=>]|%3d|%3a){{1,2}}\s{{0,4}}"
# ... or a scheme. What follows may say it again, of which the value is the last.
_SCHEME = (
    rf"(?<![a-z])(?:bearer|basic|negotiate|ntlm|sharedkey|sharedaccesssignature)(?:{_BLANK}|%3a|[:=+\"']){{1,8}}"
    rf"(?!auth|token|cred|scheme|realm)(?=[^{_ENDS}]{{6,}})"
)
_QUOTED_NAME = r"\\?[\"'`](?=[\w.-]{1,60}(?:\\?[\"'`]\s{0,4}[:=]|\s{0,4}[:=]\s{0,4}\\?[\"'`]))"
# The value: quoted to its closing quote, whatever is escaped in it, or else up to what ends a word.
_SECRET = re.compile(
    rf"(?i)(?>(?:{_NAMED}|{_SCHEME})(?>(?:{_QUOTED_NAME})?[\w.-]{{0,24}}?{_NAMED}|{_SCHEME}){{0,64}})"
    r"(?:\\\"(?:[^\\]|\\[^\"])*(?:\\\"|\\?\Z)"
    r"|\"(?:[^\"\\]|\\.)*(?:\"|\\?\Z)|'(?:[^'\\]|\\.)*(?:'|\\?\Z)|`[^`]*(?:`|\Z)"
    rf"|[|>][+-]?{_BLANK}{{1,40}}[^{_ENDS}]+|[^{_ENDS}]{{4,}}|(?<==)[^{_ENDS}]+)",
    re.DOTALL,
)
_FLAG = re.compile(rf"(?i)--[\w-]{{0,24}}(?:{_NAME})[\w-]{{0,24}}\s{{1,4}}[^{_ENDS}]{{4,}}")
_WORD = re.compile(r"[^\s\"'`<>]+")
_USER_INFO = re.compile(r"(?i)://|%3a%2f%2f")
# An ARM id is not a secret, however long it is, nor is a digest.
_READABLE = re.compile(
    r"((?i:/subscriptions/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})(?:/[\w().~-]{1,90})*"
    r"|\b(?i:sha(?:1|256|384|512)|md5)[:-][0-9A-Fa-f]{32,128}\b)"
)
_RUN = re.compile(r"[A-Za-z0-9+/_~=-]{24,}")
_PADDED = re.compile(r"(?=.*[A-Z0-9])(?:[A-Za-z0-9+/_-]{4})+[A-Za-z0-9+/_-]{2,3}={1,2}")
_CLASSES = (str.islower, str.isupper, str.isdecimal)


def redact(message: str, limit: int = LIMIT) -> str:
    """The text as one line without what looks like a secret or is one in hand, at most `limit` characters long."""
    window = message[: _WINDOW * limit]
    redacted = without_secrets(mask(window, cut=len(message) > len(window)))
    if len(message) > len(window):
        redacted = redacted[:-_OVERLAP] + "…"
    return sentence(redacted, limit)


def without_secrets(message: str) -> str:
    """The text without what looks like a secret. Call it with what has been cut."""
    message = _PEM.sub(MASK, message)
    message = _JWT.sub(MASK, message)
    message = _FLAG.sub(MASK, _SECRET.sub(MASK, message))
    if "@" in message or "%40" in message:
        message = _WORD.sub(_without_user, message)
    parts = _READABLE.split(message)
    return "".join(part if number % 2 else _RUN.sub(_judged, part) for number, part in enumerate(parts))


def _without_user(match: re.Match[str]) -> str:
    """A word without the `user:password@` before a host, up to the last `@` that does not begin a digest."""
    word = match[0]
    end = max(_last_at(word), word.lower().rfind("%40"))
    scheme = _USER_INFO.search(word)
    if end < 0:
        return word
    host = word[end + (1 if word[end] == "@" else len("%40")) :]
    if scheme and scheme.end() <= end:
        return f"{word[: scheme.end()]}{MASK}{host}"
    return f"{MASK}{host}" if 0 <= word.find(":") < end else word


def _last_at(word: str) -> int:
    end = word.rfind("@")
    return word.rfind("@", 0, end) if word[end + 1 : end + 8].lower() == "sha256:" else end


def _judged(match: re.Match[str]) -> str:
    return MASK if is_random(match[0]) else match[0]


def is_random(run: str) -> bool:
    """Whether a run of letters, digits and the marks of base64 looks like a key rather than like names and paths.

    Names change between small and capital letters and digits seldom, keys at every second character.
    """
    if bool(_PADDED.fullmatch(run)) or (len(run) >= 60 and not set("-_/~").intersection(run)):
        return True
    if len(run) >= 44 and "/" in run and _has_all(run) and _is_random_path(run):
        return True
    return any(_is_random_part(part) for part in run.split("/"))


def _is_random_path(run: str) -> bool:
    """Whether a run with slashes is base64, which has no hyphens then, and more digits than paths of names have."""
    changes = _changes(run.replace("/", ""))
    has_marks = bool(set("-_~").intersection(run))
    return changes > 0.45 or (changes > 0.35 and not has_marks and sum(map(str.isdecimal, run)) > 2)


def _is_random_part(part: str) -> bool:
    if len(part) < 24:
        return False
    changes = _changes(part)
    if _has_all(part):
        return len(part) >= 40 or changes > 0.35
    if "-" in part or "_" in part:
        return False
    hexadecimal = len(part) >= 32 and all(character in "0123456789abcdefABCDEF" for character in part)
    return hexadecimal or (changes > 0.25 and any(map(str.isdecimal, part)))


def _has_all(word: str) -> bool:
    return all(any(map(of_class, word)) for of_class in _CLASSES)


def _changes(word: str) -> float:
    """How often one character is of another class than the one before, per character."""
    kinds = [next((number for number, of_class in enumerate(_CLASSES) if of_class(kind)), 3) for kind in word]
    return sum(kind != following for kind, following in pairwise(kinds)) / max(1, len(word))
