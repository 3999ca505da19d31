"""Settings that depend on one another."""

import pytest

from arcway.settings import SettingsError, read_settings

LOCAL = {"ARCWAY_LOCAL": "1", "WEBSITE_HOSTNAME": "127.0.0.1:7071"}


@pytest.mark.parametrize(
    ("environment", "image"),
    [
        ({}, "mcr.microsoft.com/cbl-mariner/busybox:2.0"),
        ({"ARCWAY_REGISTRIES": ""}, "mcr.microsoft.com/cbl-mariner/busybox:2.0"),
        ({"ARCWAY_REGISTRIES": "mirror:5000,other"}, "mirror:5000/cbl-mariner/busybox:2.0"),
        ({"ARCWAY_REGISTRIES": "mirror:5000,other", "ARCWAY_CHECK_IMAGE": "other/tools/nc:1"}, "other/tools/nc:1"),
    ],
)
def test_the_image_of_the_network_check_comes_from_an_allowed_registry(environment: dict[str, str], image: str) -> None:
    assert read_settings({**LOCAL, **environment}).check_image == image


@pytest.mark.parametrize("image", ["docker.io/library/busybox", "busybox", "mcr.microsoft.com.example/busybox"])
def test_an_image_from_elsewhere_keeps_the_app_from_starting(image: str) -> None:
    with pytest.raises(SettingsError, match="ARCWAY_CHECK_IMAGE must come from one of the hosts"):
        read_settings({**LOCAL, "ARCWAY_CHECK_IMAGE": image})
