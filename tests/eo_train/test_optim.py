import pytest
import torch

from eo_train.optim import OptimConfig, build_optimizer


@pytest.mark.parametrize(
    ("name", "kind"), [("sgd", torch.optim.SGD), ("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)]
)
def test_decays_kernels_and_not_norms(name, kind):
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    optimizer = build_optimizer(module, OptimConfig(name=name, weight_decay=0.1, lr=0.2))
    assert isinstance(optimizer, kind)
    decayed, free = optimizer.param_groups
    assert [p.ndim for p in decayed["params"]] == [4]
    assert decayed["weight_decay"] == 0.1
    assert len(free["params"]) == 3
    assert free["weight_decay"] == 0


def test_frozen_parameters_are_left_out():
    module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2).requires_grad_(False))
    assert sum(len(group["params"]) for group in build_optimizer(module, OptimConfig()).param_groups) == 2


def test_a_classifier_may_learn_at_a_rate_of_its_own():
    module = torch.nn.ModuleDict({"classifiers": torch.nn.Linear(2, 3), "backbone": torch.nn.Linear(2, 2)})
    optimizer = build_optimizer(module, OptimConfig(lr=1e-5, classifier_lr=3e-6))
    assert [group.get("share", 1.0) for group in optimizer.param_groups] == [1.0, 1.0, pytest.approx(0.3)]
    assert {id(p) for p in optimizer.param_groups[2]["params"]} == {id(p) for p in module["classifiers"].parameters()}
    assert sum(len(group["params"]) for group in optimizer.param_groups) == 4


def test_decays_everything_where_asked():
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    optimizer = build_optimizer(module, OptimConfig(decay="all", nesterov=False))
    assert [len(group["params"]) for group in optimizer.param_groups] == [4, 0]
    assert not optimizer.defaults["nesterov"]


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ({"milestones": (0.8, 0.6)}, "optim.milestones are rising shares of the run, such as 0.6 0.8, got"),
        ({"cosine_epochs": 0.0}, "optim.cosine_epochs must be above 0, or null for the whole run, got 0.0"),
        ({"lr": -1.0}, "optim.lr must not be negative, got -1.0"),
        ({"clip": 0.0}, "optim.clip must be above 0, or null"),
    ],
)
def test_refuses(field, text):
    with pytest.raises(ValueError, match=text):
        OptimConfig(**field)
