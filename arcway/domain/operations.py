"""The operations that a run can do, by the names that requests and runs have for them."""

from typing import Literal

type Operation = Literal[
    "onboard",
    "offboard",
    "update",
    "upgrade",
    "applyExtension",
    "deleteExtension",
    "applyGitops",
    "deleteGitops",
    "enablePolicy",
    "disablePolicy",
    "check",
]
