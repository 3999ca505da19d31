"""Which tests stay together on one worker, for pytest-xdist."""

from xdist.scheduler import LoadScopeScheduling

from tests.places import MATRIX, REAL


class Together(LoadScopeScheduling):  # type: ignore[misc] # the plug-in has no types
    """Hands out what belongs together as one piece."""

    def _split_scope(self, nodeid: str) -> str:
        """Many files start a world of their own; the real cluster has room for one user at a time. The fault matrix
        is too long for one: its rows are shared out, and who has one gets the next in the same world.
        """
        if nodeid.startswith(MATRIX):
            return nodeid.partition("-")[0]
        return REAL if nodeid.startswith(REAL) else nodeid.partition("::")[0]
