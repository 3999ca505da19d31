"""What can go wrong with the host as a whole. It knows nothing of how that is shown to a person."""


class HostError(Exception):
    """The host cannot start; the message is one sentence that says what to correct."""


class JournalError(Exception):
    """The journal cannot be used; the message is one sentence that names the file."""


class WorkLeftBehind(Exception):
    """The host stopped, but a synchronous function still occupies a thread and would keep the process alive."""
