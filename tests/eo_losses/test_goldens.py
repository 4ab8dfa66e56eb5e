"""What the original implementations computed (data/*.json): values and gradients of their losses."""

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eo_losses import KeyQueue, info_nce, nt_xent, pairwise_nt_xent, seco, supcon, symmetric_nce

DATA = Path(__file__).parent / "data"
SUPCON, SSLTRANSFORMERRS, SECO = (
    json.loads((DATA / f"{name}.json").read_text())["cases"] for name in ("supcon", "ssltransformerrs", "seco")
)


def of_kind(*kinds: str) -> list:
    return [pytest.param(c, id=c["id"]) for c in SUPCON if c["loss"] in kinds]


@pytest.fixture
def tensor(golden_input):
    """A tensor by the recipe of data/supcon.json."""

    def tensor(spec: dict, dtype: torch.dtype = torch.float64) -> Tensor:
        x = torch.ones(spec["shape"]) if spec.get("constant") else golden_input(spec["name"], spec["shape"])
        x = x * spec.get("scale", 1.0)
        x = x / x.norm(dim=-1, keepdim=True) if spec["normalize"] else x
        return x.bfloat16() if spec["dtype"] == "bfloat16" else x.to(dtype)

    return tensor


def assert_golden(value: Tensor, grads: list[Tensor], outputs: dict, names: list[str], agrees) -> None:
    """The recipe's tolerances: 1e-5 of the value (1e-4 of the gradient's norm) in float32."""
    assert float(value) == pytest.approx(outputs["loss"], rel=1e-5, abs=1e-7)
    norm = torch.cat([g.double().flatten() for g in grads]).norm()
    assert float(norm) == pytest.approx(outputs["grad_norm"], rel=1e-4, abs=1e-5)
    for grad, name in zip(grads, names, strict=True):
        agrees(grad, outputs[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("case", of_kind("supcon", "simclr", "supcon_in"))
def test_supcon(case, dtype, tensor, tiles, value_and_grads, agrees):
    labels, mask = (None if case[k] is None else torch.tensor(case[k]) for k in ("labels", "mask"))

    def loss(features: Tensor, empty: str = "zero") -> Tensor:
        return supcon(
            features,
            labels,
            mask=mask,
            temperature=case["params"]["temperature"],
            base_temperature=case["params"]["base_temperature"],
            anchors={"all": "all", "one": "first"}[case["params"]["contrast_mode"]],
            summation="inside" if case["loss"] == "supcon_in" else "outside",
            empty=empty,
            normalize=False,
        )

    features, outputs = tensor(case["features"], dtype), case["outputs"]
    value, grads = value_and_grads(loss, features)
    half = features.dtype == torch.bfloat16  # the value is that of float32, the gradient goes back as bfloat16
    if not half:
        assert_golden(value, grads, outputs, ["grad"], agrees)
    else:
        assert float(value) == pytest.approx(outputs["loss"], rel=1e-5)
        agrees(grads[0], outputs["grad"], rtol=2e-2)
    if "loss_mean_over_anchors_with_positives" in outputs:
        value, grads = value_and_grads(lambda x: loss(x, empty="skip"), features)
        assert float(value) == pytest.approx(outputs["loss_mean_over_anchors_with_positives"], rel=1e-5)
        assert float(grads[0].norm()) == pytest.approx(outputs["grad_norm_mean_over_anchors_with_positives"], rel=1e-4)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("case", of_kind("ntxent"))
def test_nt_xent(case, dtype, tensor, tiles, value_and_grads, agrees):
    temperature = case["params"]["temperature"]
    value, grads = value_and_grads(
        lambda z1, z2: nt_xent(z1, z2, temperature=temperature),
        tensor(case["out0"], dtype),
        tensor(case["out1"], dtype),
    )
    assert_golden(value, grads, case["outputs"], ["grad_out0", "grad_out1"], agrees)


@pytest.mark.parametrize("case", of_kind("seed_ntxent", "seed_pairwise_ntxent"))
def test_pairwise_nt_xent(case, tensor, tiles, value_and_grads, agrees):
    negatives = None if case["negatives"] is None else torch.tensor(case["negatives"])
    blocks, order = case["blocks"], torch.arange(case["features"]["shape"][0])
    if case["loss"] == "seed_ntxent" and blocks == 4:  # positives 0 with 1 and 2 with 3: two blocks of two sensors each
        blocks, order = 2, order.view(2, 2, -1).transpose(0, 1).flatten()

    def loss(features: Tensor) -> Tensor:
        flags = None if negatives is None else negatives[order]
        return pairwise_nt_xent(
            features[order], blocks=blocks, temperature=case["params"]["temperature"], negatives=flags
        )

    value, grads = value_and_grads(loss, tensor(case["features"]))
    assert_golden(value, grads, case["outputs"], ["grad"], agrees)


@pytest.mark.parametrize("case", of_kind("two_modality_supcon_ce"))
def test_cross_entropy_and_supcon_of_two_sensors(case, tensor, value_and_grads, agrees):
    labels, params = torch.tensor(case["labels"]), case["params"]

    def loss(s1: Tensor, s2: Tensor, logits: Tensor) -> Tensor:
        contrast = supcon(
            torch.cat([s1, s2]),  # the sensors are samples of their own
            labels.repeat(2),
            temperature=params["temperature"],
            base_temperature=params["base_temperature"],
            normalize=params["normalize_inside"],
        )
        cross_entropy = F.cross_entropy(logits, labels, ignore_index=params["ignore_index"])
        return params["cross_weight"] * cross_entropy + params["supcon_weight"] * contrast

    value, grads = value_and_grads(loss, *(tensor(case[name]) for name in ("s1", "s2", "logits")))
    assert_golden(value, grads, case["outputs"], ["grad_s1", "grad_s2", "grad_logits"], agrees)


@pytest.mark.parametrize("case", [pytest.param(c, id=c["name"]) for c in SSLTRANSFORMERRS if c["loss"] == "infonce"])
def test_two_sensors_as_views(case, golden_input, tiles, value_and_grads, agrees):
    a, b = (golden_input(case["inputs"][k]["name"], case["inputs"][k]["shape"]) for k in ("a", "b"))
    recipes = {"s1 = a; s2 = b": b, "s1 = a; s2 = 0.3 * a + b": 0.3 * a + b, "s1 = a; s2 = a + 0.5 * b": a + 0.5 * b}
    s1, s2 = a.clone(), recipes[case["features"].split("; then")[0]].clone()
    if "duplicated scene" in case["features"]:
        s1[1], s2[1] = s1[0], s2[0]
    temperature = case["params"]["temperature"]
    value, grads = value_and_grads(lambda s1, s2: nt_xent(s1, s2, temperature=temperature), s1, s2)
    assert float(value) == pytest.approx(case["outputs"]["loss"], rel=1e-5)
    for grad, name in zip(grads, ("grad_s1", "grad_s2"), strict=True):
        agrees(grad, case["outputs"][name], rtol=1e-4, atol=1e-7)


def test_alignment_of_two_sensors(golden_input, value_and_grads, agrees):
    (case,) = (c for c in SSLTRANSFORMERRS if c["loss"] == "symmetric_nce")
    s = 0.1 * golden_input(case["inputs"]["a"]["name"], case["inputs"]["a"]["shape"])
    value, grads = value_and_grads(lambda s: symmetric_nce(s, temperature=case["params"]["temperature"]), s)
    assert float(value) == pytest.approx(case["outputs"]["loss"], rel=1e-5)
    agrees(grads[0], case["outputs"]["grad"], rtol=1e-4, atol=1e-6)


def seco_queues(queue: Tensor, pointer: int) -> list[KeyQueue]:
    """The authors' queue (subspaces, D, M), not yet normalized, as one ring buffer per subspace."""
    queues = [KeyQueue(queue.shape[2], queue.shape[1]) for _ in queue]
    for own, keys in zip(queues, F.normalize(queue, dim=1), strict=True):
        own.load_state_dict({"keys": keys.T, "pointer": torch.tensor(pointer)})
    return queues


def assert_queues(queues: list[KeyQueue], outputs: dict, suffix: str, agrees) -> None:
    agrees(torch.stack([q.keys.T for q in queues]), outputs[f"queue{suffix}"])
    agrees(torch.stack([q.pointer.view(1) for q in queues]), outputs[f"queue_ptr{suffix}"])


@pytest.mark.parametrize(
    "case", [pytest.param(c, id=c["input"][0]["name"]) for c in SECO if "heads" not in c["params"]][:2]
)
def test_seco_of_features(case, golden_input, tiles, agrees):
    query, *keys, queue = (golden_input(i["name"], i["shape"]) for i in case["input"])
    keys = [F.normalize(0.5 * query + 0.5 * k, dim=1) for k in keys]
    queues, temperature = seco_queues(queue, case["params"]["queue_ptr_before"]), case["params"]["temperature"]
    query.requires_grad_()
    n = len(keys)
    loss = seco([query] * n, [keys] * n, [q.keys for q in queues], temperature=temperature)
    for q, k in zip(queues, keys, strict=True):
        q.push(k)  # before the backward pass, as a training loop may
    loss.backward()
    agrees(loss, case["outputs"]["loss"], rtol=1e-5, atol=1e-7)
    agrees(query.grad, case["outputs"]["grad_q"], rtol=1e-4, atol=1e-7)
    assert_queues(queues, case["outputs"], "_after", agrees)
    if n == 1:  # one subspace is MoCo
        moco = info_nce(query, keys[0], seco_queues(queue, 0)[0].keys, temperature=temperature)
        agrees(moco, case["outputs"]["loss"], rtol=1e-5, atol=1e-7)


def head(width: int, prefix: str, golden_weight) -> nn.Sequential:
    """SeCo's projection head, filled by key."""
    layers = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 128))
    layers.load_state_dict({k: golden_weight(f"{prefix}.{k}", v.shape) for k, v in layers.state_dict().items()})
    return layers


@pytest.mark.parametrize("case", [c for c in SECO if "heads" in c["params"]], ids=["heads"])
def test_seco_through_heads(case, golden_input, golden_weight, agrees):
    query, *keys, queue = (golden_input(i["name"], i["shape"]) for i in case["input"])
    keys = [0.5 * query + 0.5 * k for k in keys]
    n, m = len(keys), case["params"]["momentum"]
    heads_q = [head(512, f"seco_loss/heads/heads_q.{i}", golden_weight) for i in range(n)]
    heads_k = [head(512, f"seco_loss/heads/heads_k.{i}", golden_weight) for i in range(n)]
    queues = seco_queues(queue, case["params"]["queue_ptr_before"])
    with torch.no_grad():
        for slow, fast in zip(nn.ModuleList(heads_k).parameters(), nn.ModuleList(heads_q).parameters(), strict=True):
            slow.lerp_(fast, 1 - m)
        projected = [[F.normalize(h(k), dim=1) for k in keys] for h in heads_k]
    query.requires_grad_()
    queries = [h(query) for h in heads_q]
    loss = seco(queries, projected, [q.keys for q in queues], temperature=case["params"]["temperature"])
    loss.backward()
    agrees(loss, case["outputs"]["loss"], rtol=1e-5, atol=1e-6)
    agrees(query.grad, case["outputs"]["grad_q"], rtol=1e-4, atol=1e-6)
    for i, q in enumerate(queues):
        q.push(projected[i][i])
    assert_queues(queues, case["outputs"], "_after", agrees)


class BasicBlock(nn.Module):
    """Residual block of ResNet-18, under torchvision's names."""

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        if stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(width_in, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = self.downsample(x) if hasattr(self, "downsample") else x
        return F.relu(shortcut + self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


def seco_encoder(golden_weight) -> nn.Sequential:
    """ResNet-18 without its last layer, under the names of SeCo's checkpoints, filled by key."""
    stages = [
        nn.Sequential(BasicBlock(i, o, s), BasicBlock(o, o, 1))
        for i, o, s in ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2))
    ]
    stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    encoder = nn.Sequential(*stem, *stages, nn.AdaptiveAvgPool2d(1))

    def stand_in(key: str, value: Tensor) -> Tensor:
        if key.endswith("num_batches_tracked"):
            return torch.zeros_like(value)
        n = golden_weight(f"encoder_q.{key}", value.shape)
        return 1 + n.abs() if key.endswith("running_var") else n

    encoder.load_state_dict({k: stand_in(k, v) for k, v in encoder.state_dict().items()})
    return encoder


@pytest.mark.parametrize("case", [c for c in SECO if "arch" in c["params"]], ids=["step"])
def test_seco_training_step(case, golden_input, golden_weight, agrees):
    query, *keys = (golden_input(i["name"], i["shape"]) for i in case["input"])
    keys = [0.7 * query + 0.3 * k for k in keys]
    n, m = case["params"]["emb_spaces"], case["params"]["momentum_encoder"]
    fast = nn.ModuleDict({"encoder": seco_encoder(golden_weight)})
    fast["heads"] = nn.ModuleList(head(512, f"heads_q.{i}", golden_weight) for i in range(n))
    slow = nn.ModuleDict({"encoder": seco_encoder(golden_weight)})
    slow["heads"] = nn.ModuleList(head(512, f"heads_q.{i}", golden_weight) for i in range(n))
    queues = seco_queues(golden_weight("queue", (n, 128, 16)) * 128 * 16, 0)
    optimizer = torch.optim.SGD(fast.parameters(), lr=0.03, momentum=0.9, weight_decay=1e-4)

    with torch.no_grad():
        for s, f in zip(slow.parameters(), fast.parameters(), strict=True):
            s.mul_(m).add_(f, alpha=1 - m)
    features = fast["encoder"](query).flatten(1)
    with torch.no_grad():
        seen = [slow["encoder"](k).flatten(1) for k in keys]
        projected = [[F.normalize(h(f), dim=1) for f in seen] for h in slow["heads"]]
    queries = [h(features) for h in fast["heads"]]
    loss = seco(queries, projected, [q.keys for q in queues], temperature=case["params"]["temperature"])
    optimizer.zero_grad()
    loss.backward()
    conv1 = fast["encoder"][0].weight.grad.clone()
    optimizer.step()
    for i, q in enumerate(queues):
        q.push(projected[i][i])

    outputs = case["outputs"]
    agrees(loss, outputs["loss_step0"])
    agrees(conv1, outputs["grad_conv1_step0"])
    for key in (k for k in outputs if k.startswith(("encoder_", "heads_"))):
        part, rest = key.split("_", 1)[0], key.split(".", 1)[1]
        tower = fast if key.split(".")[0].endswith("_q") else slow
        module = tower["encoder"] if part == "encoder" else tower["heads"]
        agrees(module.state_dict()[rest], outputs[key])
    assert_queues(queues, outputs, "", agrees)
