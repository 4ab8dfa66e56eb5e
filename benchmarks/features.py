# /// script
# requires-python = ">=3.11"
# dependencies = ["eo-models", "satlaspretrain-models>=0.3.1", "timm>=1.0.15", "torchgeo>=0.8", "requests"]
#
# [tool.uv]
# exclude-newer = "2026-11-15T00:00:00Z"
#
# [tool.uv.sources]
# eo-models = { path = "../packages/eo-models", editable = true }
# ///
"""Features a second, of eo-models beside satlaspretrain_models, torchgeo and timm with the very same weights.

    uv run benchmarks/features.py [--images 16] [--size 224] [--device cpu]

Each pair shares one random set of weights, carried over through a file as the peer's authors save theirs; the two take
turns. Images a second are those of the best turn of each, the ratio is the median over the turns. The difference is the
largest of any output, over the largest output; the cosine the smallest of any image's between bfloat16 (autocast) and
float32 of ours.
"""

import argparse
import platform
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eo_models import Backbone, create_model

S2 = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
RGB = ("TCI_R", "TCI_G", "TCI_B")
Call = Callable[[Tensor], Tensor | list[Tensor]]
Outputs = Callable[[Tensor], list[Tensor]]


@dataclass
class Pair:
    """One network of ours and of a peer, with the same weights."""

    name: str
    peer: str
    bands: int
    ours: Outputs
    theirs: Outputs


Make = Callable[[Path, str, int], Pair]


def satlas(folder: Path, device: str, size: int) -> Pair:
    import satlaspretrain_models as satlas

    theirs = satlas.Model(num_channels=3, backbone=satlas.Backbone.SWINB)
    ours = same_weights("swin_v2_b", RGB, theirs, folder)
    return pair("swin_v2_b, maps", "satlaspretrain-models", ours, theirs, device, ours.forward_maps, theirs)


def torchgeo_resnet(folder: Path, device: str, size: int) -> Pair:
    from torchgeo.models import resnet50

    theirs = resnet50(weights=None, in_chans=13, num_classes=0)
    ours = same_weights("resnet50", S2, theirs, folder)
    return pair("resnet50", "torchgeo", ours, theirs, device, ours, theirs)


def torchgeo_vit(folder: Path, device: str, size: int) -> Pair:
    from torchgeo.models import vit_small_patch14_dinov2

    theirs = vit_small_patch14_dinov2(weights=None, in_chans=13, num_classes=0, img_size=size)
    ours = same_weights("vit_small_patch14", S2, theirs, folder, size)
    return pair("vit_small_patch14", "torchgeo", ours, theirs, device, ours, theirs)


def timm_model(name: str, theirs_name: str, *, sized: bool = False) -> Make:
    def make(folder: Path, device: str, size: int) -> Pair:
        import timm

        theirs = timm.create_model(theirs_name, in_chans=13, num_classes=0, **({"img_size": size} if sized else {}))
        ours = same_weights(name, S2, theirs, folder, size)
        return pair(name, "timm", ours, theirs, device, ours, theirs)

    return make


PAIRS: dict[str, Make] = {
    "satlas": satlas,
    "torchgeo-resnet50": torchgeo_resnet,
    "torchgeo-vit": torchgeo_vit,
    "timm-resnet18": timm_model("resnet18", "resnet18"),
    "timm-resnet50": timm_model("resnet50", "resnet50"),
    "timm-vit-small": timm_model("vit_small_patch14", "vit_small_patch14_dinov2", sized=True),
    "timm-vit-base": timm_model("vit_base_patch14", "vit_base_patch14_dinov2", sized=True),
}


def same_weights(
    name: str, bands: tuple[str, ...], theirs: nn.Module, folder: Path, size: int | None = None
) -> Backbone:
    """Our network with a peer's weights, read from a file of them."""
    file = folder / "theirs.pth"
    torch.save(theirs.state_dict(), file)
    return create_model(name, bands=bands, sensor="sentinel2-l1c", checkpoint=file, img_size=size)


def pair(name: str, peer: str, ours: Backbone, theirs: nn.Module, device: str, call: Call, peers_call: Call) -> Pair:
    ours.eval().to(device)
    theirs.eval().to(device)
    return Pair(name, f"{peer} {version(peer)}", len(ours.bands), listed(call), listed(peers_call))


def listed(call: Call) -> Outputs:
    def outputs(x: Tensor) -> list[Tensor]:
        found = call(x)
        return [found] if isinstance(found, Tensor) else list(found)

    return outputs


def take_turns(
    pair: Pair, x: Tensor, context: Callable[[], AbstractContextManager[object]], repeats: int
) -> list[list[float]]:
    """Seconds of each call of ours, and of each of theirs."""
    found: list[list[float]] = [[], []]
    for repeat in range(repeats + 1):
        for who, call in enumerate((pair.ours, pair.theirs)):
            synchronize(x)
            start = time.perf_counter()
            with context():
                call(x)
            synchronize(x)
            if repeat:  # the first is a warm-up
                found[who].append(time.perf_counter() - start)
    return found


def synchronize(x: Tensor) -> None:
    if x.is_cuda:
        torch.cuda.synchronize()


def difference(ours: list[Tensor], theirs: list[Tensor]) -> float:
    """The largest difference of any output, as a share of the largest output."""
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(ours, theirs, strict=True))


def cosine(half: list[Tensor], full: list[Tensor]) -> float:
    """The smallest cosine similarity of any image's outputs."""
    found = (F.cosine_similarity(a.flatten(1).float(), b.flatten(1)) for a, b in zip(half, full, strict=True))
    return min(float(each.min()) for each in found)


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--pairs", nargs="+", choices=PAIRS, default=list(PAIRS))
    given = parser.parse_args()
    where = torch.cuda.get_device_name() if given.device == "cuda" else f"{platform.machine()} CPU"
    threads = f"{torch.get_num_threads()} threads, " if given.device == "cpu" else ""
    print(f"{given.images} images of {given.size} px, {where}, {threads}torch {torch.__version__}")
    print(f"{'network':18} {'peer':28} {'precision':9}   ours/s   peer/s  ratio difference   cosine")
    for name in given.pairs:
        torch.manual_seed(0)
        with tempfile.TemporaryDirectory() as folder:
            one = PAIRS[name](Path(folder), given.device, given.size)
        x = torch.randn(given.images, one.bands, given.size, given.size, device=given.device)
        full = one.ours(x)
        for precision in ("float32", "bfloat16"):
            half = precision == "bfloat16"
            context = (lambda: torch.autocast(given.device, torch.bfloat16)) if half else nullcontext
            with context():
                ours, theirs = one.ours(x), one.theirs(x)
            seconds = take_turns(one, x, context, given.repeats)
            ratio = median(peer / own for own, peer in zip(*seconds, strict=True))
            said = f"{cosine(ours, full):8.5f}" if half else ""
            rates = f"{given.images / min(seconds[0]):8.2f} {given.images / min(seconds[1]):8.2f} {ratio:6.2f}"
            print(
                f"{one.name:18} {one.peer:28} {precision:9} {rates} {difference(ours, theirs):10.1e} {said}", flush=True
            )


if __name__ == "__main__":
    main()
