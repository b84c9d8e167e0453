import pytest

from mvot_plugin.types import Frame
from mvot_synthetic import Scene, street


@pytest.fixture(scope="session")
def scene() -> Scene:
    return street()


@pytest.fixture(scope="session")
def frames(scene: Scene) -> list[Frame]:
    return list(scene)
