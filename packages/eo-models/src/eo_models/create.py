"""A name or a run directory in, a backbone out."""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path

from eo_models.backbone import Backbone
from eo_models.files import load_weights, read_facts
from eo_models.resnet import ResNet
from eo_models.vit import ViT

ARCHITECTURES: dict[str, Callable[..., Backbone]] = {
    "resnet18": ResNet,
    "resnet50": ResNet,
    "vit_small_patch14": ViT,
    "vit_base_patch14": ViT,
}


def create_model(
    name_or_run: str | Path,
    *,
    bands: Sequence[str] | None = None,
    sensor: str | None = None,
    img_size: int | None = None,
    checkpoint: str | Path | None = None,
) -> Backbone:
    """A backbone by its architecture's name, at random weights, or the one that a run has trained.

    Args:
        name_or_run: Architecture (`resnet18`, ...) or a folder that holds `backbone.safetensors` and `backbone.json`.
        bands: Band names in the channel order of the data. Wanted with an architecture; a run knows its own, and
            other ones are refused.
        sensor: Sensor of these bands, such as `sentinel2-l1c`. As `bands`.
        img_size: Image size in pixels that a ViT's positions are made for (default 224); a ResNet has no positions.
        checkpoint: Weights file of this very architecture and these bands (safetensors, or a state dict that torch
            saved). None leaves the weights random, drawn from torch's global generator.

    Raises:
        ValueError: Unknown name, bands missing or repeated, weights that do not fit.
        FileNotFoundError: A path that is no run directory.
    """
    if is_path(name_or_run):
        return load_run(Path(name_or_run), bands=bands, sensor=sensor)
    name = str(name_or_run)
    if name not in ARCHITECTURES:
        near = get_close_matches(name, ARCHITECTURES, n=3, cutoff=0.3) or list(ARCHITECTURES)
        raise ValueError(f"unknown model {name!r}; nearest known: {', '.join(near)}; a run is named by its folder")
    if not bands or not sensor:
        raise ValueError(
            f"{name} has no bands of its own: pass bands=[...] in the data's channel order, and sensor=..."
        )
    if len(set(bands)) < len(bands):
        raise ValueError(f"bands must be distinct, got {' '.join(bands)}")
    model = _build(name, bands, sensor, img_size)
    if checkpoint is not None:
        load_weights(model, checkpoint)
    return model


def list_models() -> list[str]:
    """Names that `create_model` knows."""
    return sorted(ARCHITECTURES)


def is_path(name: str | Path) -> bool:
    """Whether this means a folder rather than an architecture."""
    return isinstance(name, Path) or "/" in name or (name not in ARCHITECTURES and Path(name).exists())


def load_run(folder: Path, *, bands: Sequence[str] | None = None, sensor: str | None = None) -> Backbone:
    """The backbone that `save_backbone` wrote into a folder, in evaluation mode."""
    facts = read_facts(folder)
    for name, asked in (("bands", list(bands) if bands else None), ("sensor", sensor)):
        if asked is not None and asked != facts[name]:
            raise ValueError(f"the backbone in {folder} has {name} {facts[name]}, got {asked}; leave {name} out")
    model = _build(facts["architecture"], facts["bands"], facts["sensor"], facts.get("img_size"))
    model.units = tuple(facts["units"])
    model.normalization = facts["normalization"]
    model.adaptation = facts["adaptation"]
    load_weights(model, folder / "backbone.safetensors")
    return model.eval()


def _build(name: str, bands: Sequence[str], sensor: str, img_size: int | None) -> Backbone:
    build = ARCHITECTURES[name]
    return build(name, bands, sensor, img_size=img_size) if build is ViT and img_size else build(name, bands, sensor)
