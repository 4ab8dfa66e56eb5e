import pytest

from eo_train.profile import BACKBONES, profile


@pytest.mark.parametrize("cached", [False, True])
def test_parts_add_up_to_a_step(cached, tiny_config, tiny_earth):
    found = profile(tiny_config(cache_gradients=cached, micro_batches=2), tiny_earth, steps=2)
    named = {"waiting for data", "views", "forward", "backward", "optimizer", "metrics and the rest", BACKBONES}
    assert found.parts.keys() == named | ({"forward without graph", "loss"} if cached else set())
    within = found.parts[BACKBONES]
    assert sum(found.parts.values()) - within == pytest.approx(found.step, rel=1e-3)
    assert 0 < within < found.step
    assert found.batch_size == 8
    assert found.peak_memory_mb > 10
