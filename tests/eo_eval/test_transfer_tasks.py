import pytest

from eo_data import NORMALIZATIONS
from eo_eval.pair_tasks import PAIR_TASKS
from eo_eval.published import TABLES, published_value
from eo_eval.transfer_tasks import TRANSFERS, get_transfer
from eo_train.optim import OptimConfig
from eo_train.plan import Plan
from eo_train.pretrain import learning_rate

SECO = {name: task for name, task in TRANSFERS.items() if task not in PAIR_TASKS}


@pytest.mark.parametrize("task", SECO.values(), ids=list(SECO))
def test_every_task_has_both_protocols(task):
    assert set(task.protocols) == {"published", "recommended"}
    published, meant = task.protocols["published"], task.protocols["recommended"]
    assert published.metric_batch
    assert meant.metric_batch is None
    assert not meant.replacement
    assert published.normalization in NORMALIZATIONS
    assert {published.split, meant.split} <= set(task.splits)
    assert published.seed == 42
    assert any(table.benchmark == task.name and table.split == published.split for table in TABLES)


def rates(optim: OptimConfig, epochs: int = 100) -> list[float]:
    plan = Plan(rows=30, epochs=epochs, batch_size=10)
    return [learning_rate(3 * epoch, config=optim, plan=plan) for epoch in range(epochs)]


def test_schedules_are_the_published_ones():
    found = rates(TRANSFERS["bigearthnet_linear"].protocols["published"].optim)
    assert [found[epoch] for epoch in (0, 59, 60, 79, 80, 99)] == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5])
    found = rates(TRANSFERS["oscd"].protocols["published"].optim)
    assert found == pytest.approx([1e-3 * 0.95**epoch for epoch in range(100)])


def test_batch_norm_is_frozen_where_the_authors_froze_it():
    modes = {name: task.protocols["published"].batch_norm for name, task in SECO.items()}
    assert modes == {
        "bigearthnet_linear": "frozen",
        "bigearthnet_finetune": "frozen",
        "eurosat_linear": "moving",
        "oscd": "moving",
    }


def test_published_figures():
    seco = {"model": "resnet18", "weights": "resnet18.seco_1m"}
    assert published_value("bigearthnet_linear", "val", "micro_mAP", **seco) == pytest.approx(0.7467)
    assert published_value("oscd", "test", "recall", **seco) == pytest.approx(0.3806)
    assert published_value("oscd", "test", "F1", model="resnet18", weights="random") == pytest.approx(0.2944)
    assert published_value("bigearthnet_linear", "test", "micro_mAP", **seco) is None
    assert published_value("oscd", "test", "F1", model="resnet18", weights="my run") is None


def test_unknown_names():
    with pytest.raises(ValueError, match="unknown benchmark 'oscdd' to fine-tune on; nearest known: oscd"):
        get_transfer("oscdd")
    with pytest.raises(ValueError, match="unknown protocol 'publisht' of oscd; nearest known: published"):
        get_transfer("oscd").recipe("publisht")
