import pytest

RGB = ("R", "G", "B")


@pytest.fixture
def resnet():
    from eo_models import create_model

    return create_model("resnet18", bands=RGB, sensor="rgb")
