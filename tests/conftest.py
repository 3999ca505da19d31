"""What all tests share."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.control_plane"]

# A busy machine makes generation slow; that says nothing about the code.
settings.register_profile("arcway", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("arcway")
