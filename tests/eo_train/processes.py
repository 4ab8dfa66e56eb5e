"""One of two gloo processes, started by torchrun: what they find together goes to FOLDER/found.json.

Usage: `torchrun --nproc_per_node 2 processes.py FOLDER`. The tests start it; see test_processes.py.
"""

import json
import sys
from pathlib import Path

import torch
from lightning_fabric import Fabric

sys.path.insert(0, str(Path(__file__).parent))
from conftest import TinyNet

from eo_train import MoCo, Prepared, SeCo, SimCLR
from eo_train.batch_norm import freeze_batch_norm
from eo_train.gradient import accumulate, contrast_all, drawn
from eo_train.methods.shuffle import encode_shuffled
from eo_train.prepare import BadPixelsError
from eo_train.sharding import Sharding

BANDS, B = ("B02", "B03"), 8  # images of all processes
FABRIC = Fabric(accelerator="cpu", devices=2, strategy="ddp")
SHARDED = Fabric(accelerator="cpu", devices=2, strategy=Sharding())


def build(kind, **options):
    torch.manual_seed(0)
    return kind(TinyNet("tiny", BANDS, "sentinel2-l2a"), out=4, **options).double()


def batch(method, rows=slice(None)):
    generator = torch.Generator().manual_seed(1)
    views = torch.randn(len(method.views), B, 2, 16, 16, dtype=torch.float64, generator=generator)
    return Prepared(tuple(views[:, rows]))


def own():
    return slice(FABRIC.global_rank * B // 2, (FABRIC.global_rank + 1) * B // 2)


def shuffled():
    """Keys come back to their queries, and were encoded among images of the other process."""
    net = torch.nn.BatchNorm1d(1, affine=False).double()
    images, seen = torch.arange(float(B)).double()[own(), None], []

    def encode(x):
        seen.append(x.flatten().tolist())
        return x * 10

    torch.manual_seed(FABRIC.global_rank)  # the first process's draw counts
    keys = [encode_shuffled(encode, images) for _ in range(20)]
    foreign = sum(sorted(each) != images.flatten().tolist() for each in seen) / len(seen)
    normed = encode_shuffled(net, images)
    return {
        "in_place": all(torch.equal(each, images * 10) for each in keys),
        "foreign": foreign,
        "statistics_are_of_a_mixture": bool(normed.mean().abs() > 0.01),
    }


def step(kind, *, cached, fabric=FABRIC, **options):
    """Gradient of two processes against that of one with the whole batch, batch norm frozen."""
    alone, shared = build(kind, **options), build(kind, **options)
    freeze_batch_norm(alone)
    freeze_batch_norm(shared)
    method = fabric.setup_module(shared)
    method.before_step()
    whole, rows = batch(shared), own()
    if cached:
        halves = [slice(rows.start, rows.start + 2), slice(rows.start + 2, rows.stop)]
        out = contrast_all(fabric, method, [lambda r=r: batch(shared, r) for r in halves], 2)
    else:
        out = accumulate(fabric, method, [lambda: batch(shared, rows)], 1)
    loss = FABRIC.all_reduce(out["loss"], reduce_op="mean")
    worst = 0.0
    expected = alone_loss(alone, whole)
    for one, many in zip(alone.parameters(), shared.parameters(), strict=True):
        if one.grad is not None:
            difference = one.grad - whole_of(many.grad)
            worst = max(worst, float(difference.abs().max() / (one.grad.abs().max() + 1e-12)))
    queues = [(a.keys - b.keys).abs().max() for a, b in zip(queue(alone), queue(shared), strict=True)]
    return {"loss": abs(float(loss) - expected), "gradient": worst, "queue": float(max(queues, default=0.0))}


def half(kind, strategy, **options):
    """A step in bf16: how far its loss is from the exact one, and what the network computed in."""
    fabric = Fabric(accelerator="cpu", devices=2, strategy=strategy, precision="bf16-mixed")
    fabric.launch()
    exact, rounded = build(kind, **options), build(kind, **options).float()
    freeze_batch_norm(exact)
    freeze_batch_norm(rounded)
    seen = []
    conv = next(each for each in rounded.backbone.modules() if isinstance(each, torch.nn.Conv2d))
    conv.register_forward_hook(lambda module, inputs, output: seen.append(str(output.dtype)))
    method = fabric.setup_module(rounded)
    single = Prepared(tuple(view.float() for view in batch(rounded, own()).views))
    method.before_step()
    out = accumulate(fabric, method, [lambda: single], 1)
    expected = alone_loss(exact, batch(exact))
    loss = float(fabric.all_reduce(out["loss"], reduce_op="mean"))
    return {"loss": abs(loss - expected) / expected, "computed_in": sorted(set(seen))}


def alone_loss(method, whole):
    """In one process there is nobody to gather from."""
    for module in method.modules():
        if hasattr(module, "gather"):
            module.gather = False
    outputs = method.embed(whole)
    with torch.no_grad():
        for j, view in enumerate(whole.views[1:] if hasattr(method, "key_heads") else ()):
            feature = method.key_backbone(view)
            for i, project in enumerate(method.key_heads):
                outputs[f"key {i} {j}"] = torch.nn.functional.normalize(project(feature), dim=1)
    loss = method.loss(outputs)["loss"]
    loss.backward()
    return float(loss.detach())


def whole_of(gradient):
    return gradient.full_tensor() if hasattr(gradient, "full_tensor") else gradient


def queue(method):
    return list(getattr(method, "queues", ()))


def skipped():
    """Bad pixels on one process make the step void on both."""

    def draw():
        if FABRIC.global_rank == 1:
            raise BadPixelsError("pixels are NaN")
        return Prepared(())

    return drawn(FABRIC, draw, skip=True) is None


def main(folder):
    FABRIC.launch()
    SHARDED.launch()
    found = {
        "shuffled": shuffled(),
        "simclr": step(SimCLR, cached=False),
        "simclr_cached": step(SimCLR, cached=True),
        "moco": step(MoCo, cached=False, queue=16),
        "seco": step(SeCo, cached=False, queue=16),
        "seco_cached": step(SeCo, cached=True, queue=16),
        "seco_sharded": step(SeCo, cached=False, fabric=SHARDED, queue=16),
        "simclr_sharded_cached": step(SimCLR, cached=True, fabric=SHARDED),
        "simclr_half": half(SimCLR, "ddp"),
        "seco_sharded_half": half(SeCo, Sharding(), queue=16),
        "skipped": skipped(),
    }
    everyone = [None, None]
    torch.distributed.all_gather_object(everyone, found)
    if FABRIC.global_rank == 0:
        (folder / "found.json").write_text(json.dumps(everyone))


main(Path(sys.argv[1]))
