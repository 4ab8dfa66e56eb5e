"""Cached gradients against those of the whole batch."""

import pytest
import torch
from lightning_fabric import Fabric

from eo_models import create_model
from eo_train import METHODS, Prepared
from eo_train.batch_norm import freeze_batch_norm
from eo_train.gradient import accumulate, contrast_all, joined
from eo_train.prepare import BadPixelsError

OPTIONS = {
    "cross_sensor": {"out": 8, "augmented": True},
    "moco": {"queue": 16, "out": 8},
    "seco": {"queue": 16, "out": 8},
    "simclr": {"hidden": 8, "out": 8},
    "supcon_ce": {"classes": 5, "head": "mlp", "out": 8},
    "softcon": {"hidden": 8, "out": 8, "mask_ratio": 0.0, "symmetric": True},
}
B, PARTS = 12, 3


def build(name):
    torch.manual_seed(0)
    bands, sensor = ("B02", "B03"), "sentinel2-l2a"
    if name in ("cross_sensor", "supcon_ce"):
        both = {"s1": bands, "s2": bands}, {"s1": sensor, "s2": sensor}
        backbone = create_model("tiny_dual", bands=both[0], sensor=both[1])
    else:
        backbone = create_model("tiny", bands=bands, sensor=sensor)
    method = METHODS[name](backbone, **OPTIONS[name])
    fabric = Fabric(accelerator="cpu", devices=1)
    return fabric, fabric.setup_module(method.double())


def batch(method):
    generator = torch.Generator().manual_seed(1)
    views = tuple(torch.randn(B, 2, 16, 16, dtype=torch.float64, generator=generator) for _ in method.views)
    labels = (torch.rand(B, 5, generator=generator) < 0.4).double()
    return Prepared(views, (labels,) * len(views))


def part(whole, i):
    rows = slice(i * B // PARTS, (i + 1) * B // PARTS)
    return Prepared(tuple(v[rows] for v in whole.views), tuple(y[rows] for y in whole.labels))


def mixed(name):
    """A method as Fabric sets it up in bf16, and the precision that its backbone computes in."""
    fabric = Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
    method = build(name)[1].module.float()
    seen = []
    conv = next(each for each in method.backbone.modules() if isinstance(each, torch.nn.Conv2d))
    conv.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    return fabric, fabric.setup_module(method), seen


def gradients(method):
    return [p.grad.clone() for p in method.parameters() if p.grad is not None]


def cached(name, *, frozen):
    fabric, method = build(name)
    if frozen:
        freeze_batch_norm(method)
    whole = batch(method)
    method.before_step()
    out = contrast_all(fabric, method, [lambda i=i: part(whole, i) for i in range(PARTS)], PARTS)
    return out, method


@pytest.mark.parametrize("name", OPTIONS)
def test_are_those_of_the_whole_batch_where_batch_norm_is_frozen(name):
    fabric, method = build(name)
    freeze_batch_norm(method)
    whole = batch(method)
    method.before_step()
    expected = accumulate(fabric, method, [lambda: whole], 1)
    out, other = cached(name, frozen=True)
    assert float(out["loss"]) == pytest.approx(float(expected["loss"]))
    torch.testing.assert_close(gradients(other), gradients(method), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["simclr", "seco"])
def test_are_those_of_the_joined_outputs_where_batch_norm_sees_micro_batches(name):
    _, method = build(name)
    whole = batch(method)
    method.before_step()
    parts = [part(whole, i) for i in range(PARTS)]
    outputs, _ = joined([method.embed(each) | method.reference(each) for each in parts])
    method.module.loss(outputs)["loss"].backward()
    _, other = cached(name, frozen=False)
    torch.testing.assert_close(gradients(other), gradients(method), rtol=1e-9, atol=1e-12)
    for (key, value), (_, expected) in zip(other.state_dict().items(), method.state_dict().items(), strict=True):
        torch.testing.assert_close(value, expected, msg=key)  # running statistics have moved once, queues too


@pytest.mark.parametrize("gradient", [accumulate, contrast_all])
@pytest.mark.parametrize("name", OPTIONS)
def test_half_precision_is_that_of_the_networks_alone(name, gradient):
    fabric, method, seen = mixed(name)
    whole = batch(method.module)
    single = Prepared(tuple(v.float() for v in whole.views), whole.labels)
    method.before_step()
    loss, compared = method.module.loss, []
    method.module.loss = lambda outputs: (compared.extend(outputs.values()), loss(outputs))[1]
    out = gradient(fabric, method, [lambda: single], 1)
    assert compared
    assert set(seen) == {torch.bfloat16}
    assert out["loss"].dtype == torch.float32
    assert {rows.dtype for rows in compared if rows.is_floating_point()} <= {torch.float32, torch.float64}
    assert {g.dtype for g in gradients(method)} == {torch.float32}
    fabric, exact = build(name)
    expected = gradient(fabric, exact, [lambda: whole], 1)["loss"]
    torch.testing.assert_close(out["loss"], expected.float(), rtol=0.05, atol=0.05)


def test_a_method_of_one_piece_says_what_it_lacks():
    from eo_train import Method

    class OnePiece(Method):
        def training_loss(self, batch):
            return {}

    fabric = Fabric(accelerator="cpu", devices=1)
    method = fabric.setup_module(OnePiece())
    with pytest.raises(TypeError, match="OnePiece has no embed.* and loss.*, which cached gradients need"):
        contrast_all(fabric, method, [lambda: Prepared((torch.zeros(2, 1),))], 1)


@pytest.mark.parametrize("gradient", [accumulate, contrast_all])
def test_a_bad_micro_batch_is_raised_or_makes_the_step_void(gradient):
    fabric, method = build("simclr")
    whole, asked = batch(method), []

    def bad():
        raise BadPixelsError("pixels are NaN")

    def draws():
        for i, draw in enumerate([lambda: part(whole, 0), bad, lambda: part(whole, 2)]):
            asked.append(i)
            yield draw

    assert gradient(fabric, method, draws(), PARTS, skip=True) is None
    assert asked == [0, 1, 2], "the step's data are used up"
    with pytest.raises(BadPixelsError, match="pixels are NaN"):
        gradient(fabric, method, draws(), PARTS)
