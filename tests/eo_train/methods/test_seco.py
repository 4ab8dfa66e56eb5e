import pytest
import torch
import torch.nn.functional as F

from eo_losses import seco
from eo_models import create_model
from eo_train import MoCo, OptimConfig, Prepared, SeCo
from eo_train.methods.moco import PROTOCOLS
from eo_train.optim import build_optimizer

INDEX = {"conv1": 0, "bn1": 1, "layer1": 4, "layer2": 5, "layer3": 6, "layer4": 7}
RGB = ("B04", "B03", "B02")


def published(name):
    """The authors' key of a backbone's tensor: their encoder is the ResNet as a sequence."""
    first, _, rest = name.partition(".")
    return f"encoder_q.{INDEX[first]}.{rest}"


@pytest.fixture(scope="module")
def stepped(golden, golden_input, golden_weight):
    """The step of the golden: a loss, its gradient, the optimizer's update."""
    queue = golden["params"]["queue_length"]
    method = SeCo(create_model("resnet18", bands=RGB, sensor="sentinel2-l2a"), queue=queue, protocol="published")
    weights = {
        f"{side}backbone.body.{name}": golden_weight(published(name), value.shape)
        for side in ("", "key_")
        for name, value in method.backbone.body.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    weights |= {
        f"{side}heads.{name}": golden_weight(f"heads_q.{name}", value.shape)
        for side in ("", "key_")
        for name, value in method.heads.state_dict().items()
    }
    columns = F.normalize(golden_weight("queue", (3, 128, queue)), dim=1)
    weights |= {f"queues.{i}.keys": columns[i].T for i in range(3)}
    problems = method.load_state_dict(weights, strict=False)
    assert not problems.unexpected_keys
    assert all(key.endswith(("num_batches_tracked", "pointer")) for key in problems.missing_keys)
    q, *keys = (golden_input(f"seco_step/one/s0/{name}", (4, 3, 64, 64)) for name in ("q", "k0", "k1", "k2"))
    views = (q, *(0.7 * q + 0.3 * key for key in keys))
    plain = OptimConfig(lr=0.03, momentum=0.9, nesterov=False, weight_decay=1e-4, decay="all")
    optimizer = build_optimizer(method, plain)
    method.before_step()
    loss = method.training_loss(Prepared(views))["loss"]
    loss.backward()
    gradient = method.backbone.first_layer.weight.grad.clone()
    optimizer.step()
    return method, loss, gradient


def test_a_step_is_that_of_the_authors(stepped, golden, agrees):
    (method, loss, gradient), outputs = stepped, golden["outputs"]
    agrees(loss, outputs["loss_step0"])
    agrees(gradient, outputs["grad_conv1_step0"])
    agrees(method.backbone.first_layer.weight, outputs["encoder_q.0.weight"])
    agrees(method.key_backbone.first_layer.weight, outputs["encoder_k.0.weight"])
    agrees(method.backbone.body.bn1.running_mean, outputs["encoder_q.1.running_mean"])
    agrees(method.key_backbone.body.bn1.running_mean, outputs["encoder_k.1.running_mean"])
    agrees(method.heads[0][2].weight, outputs["heads_q.0.2.weight"])
    agrees(method.key_heads[0][2].weight, outputs["heads_k.0.2.weight"])
    agrees(torch.stack([queue.keys.T for queue in method.queues]), outputs["queue"])
    assert [int(queue.pointer) for queue in method.queues] == [4, 4, 4]
    assert int(method.backbone.body.bn1.num_batches_tracked) == 1
    assert int(method.key_backbone.body.bn1.num_batches_tracked) == 3


@pytest.fixture
def tiny(tiny_architecture):
    """A method on a backbone of a thousand weights, four bands."""

    def build(kind=SeCo, **options):
        torch.manual_seed(0)
        backbone = create_model("tiny", bands=("B02", "B03", "B04", "B08"), sensor="sentinel2-l2a")
        return kind(backbone, queue=8, out=4, **options)

    return build


def views(count=4):
    return tuple(torch.randn(4, 4, 32, 32, generator=torch.Generator().manual_seed(i)) for i in range(count))


def test_three_subspaces_of_any_number_of_bands(tiny):
    method, batch = tiny(temperature=0.2).eval(), Prepared(views())
    queries = [project(method.backbone(batch.views[0])) for project in method.heads]
    keys = [[project(method.key_backbone(view)) for view in batch.views[1:]] for project in method.key_heads]
    queues = [queue.keys.clone() for queue in method.queues]
    out = method.training_loss(batch)
    torch.testing.assert_close(out["loss"], seco(queries, keys, queues, temperature=0.2))
    for i, queue in enumerate(method.queues):
        torch.testing.assert_close(queue.keys[:4], F.normalize(keys[i][i], dim=1))
        torch.testing.assert_close(queue.keys[4:], queues[i][4:])


def test_the_key_encoder_starts_as_a_copy_and_takes_no_gradient(tiny):
    method = tiny()
    for key, query in ((method.key_backbone, method.backbone), (method.key_heads, method.heads)):
        for name, value in query.state_dict().items():
            assert torch.equal(key.state_dict()[name], value)
    assert len({id(p) for p in method.parameters()}) == 2 * len(list(method.backbone.parameters())) + 24
    method.training_loss(Prepared(views()))["loss"].backward()
    assert all(p.grad is None for p in (*method.key_backbone.parameters(), *method.key_heads.parameters()))
    assert all(p.grad is not None for p in (*method.backbone.parameters(), *method.heads.parameters()))


def test_the_key_encoder_follows_once_a_step_with_or_without_the_loop(tiny):
    for guided in (True, False):
        method = tiny(momentum=0.9)
        before = method.key_backbone.first_layer.weight.clone()
        with torch.no_grad():
            method.backbone.first_layer.weight.add_(1.0)
        if guided:
            method.before_step()
            method.training_loss(Prepared(views()))  # two micro-batches of one step
        method.training_loss(Prepared(views()))
        torch.testing.assert_close(method.key_backbone.first_layer.weight, before + 0.1)


def test_protocols_are_switches():
    assert PROTOCOLS["published"].replacement
    assert not PROTOCOLS["recommended"].replacement


def test_the_protocol_fills_what_is_not_asked_for(tiny):
    published, recommended = tiny(protocol="published"), tiny()
    assert (published.replacement, published.criterion.gather) == (True, False)
    assert (recommended.replacement, recommended.criterion.gather) == (False, True)
    mixed = tiny(protocol="published", negatives="global", replacement=False)
    assert (mixed.replacement, mixed.criterion.gather) == (False, True)
    with pytest.raises(ValueError, match="protocol must be one of published, recommended, got 'as_is'"):
        tiny(protocol="as_is")


def test_moco_is_the_case_of_one_subspace(tiny):
    method = tiny(MoCo)
    assert len(method.heads) == len(method.queues) == 1
    assert method.dates == 1
    out = method.training_loss(Prepared(views(2)))
    assert out["loss"].ndim == 0
    with pytest.raises(ValueError, match="momentum must be from 0 to 1, got 2"):
        tiny(MoCo, momentum=2)
