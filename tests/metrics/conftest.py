import pytest
from metric_scenes import scene


@pytest.fixture
def triple():
    return scene()
