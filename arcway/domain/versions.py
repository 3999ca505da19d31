"""Which of two agents' versions is the newer one: the precedence of semantic versions (https://semver.org, rule 11)."""

import re

VERSION = re.compile(r"v?([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})(?:-([0-9A-Za-z.-]{1,128}))?(?:\+.{0,128})?")
"""A semantic version with or without `v`; groups: its three numbers and the label."""


def is_older(version: str, reference: str) -> bool:
    """Whether `version` comes before `reference`; what is not a semantic version comes before all that are."""
    return _precedence(version) < _precedence(reference)


def _precedence(version: str) -> tuple[tuple[int, ...], bool, tuple[tuple[bool, int, str], ...]]:
    match = VERSION.fullmatch(version)
    if match is None:
        return (), False, ()
    label = match[4] or ""
    # Numbers come before words, and among the versions with the same numbers the one without a label is the last.
    parts = tuple((not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in label.split("."))
    return tuple(int(match[part]) for part in (1, 2, 3)), not label, parts
