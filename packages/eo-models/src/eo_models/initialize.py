"""Start pretraining from other weights: everything but the first layer may be kept (SoftCon, arXiv 2405.20462)."""

from pathlib import Path
from typing import Literal

import torch
from timm.layers.pos_embed import resample_abs_pos_embed
from torch import Tensor

from eo_models.backbone import Backbone
from eo_models.files import differences, read_tensors

FirstLayer = Literal["fresh", "file"]


def initialize(model: Backbone, file: str | Path, *, first_layer: FirstLayer = "fresh") -> None:
    """Copies a file's weights into a model, in place, and writes into `model.adaptation` what was done.

    The file is a state dict of the same architecture on any bands, such as timm's DINOv2 or ImageNet weights. Its
    classifier (`fc.*`, `head.*`) and `mask_token` have no place here and are left out; positions learned on another
    grid are resampled (bicubic, antialiased, as timm does).

    Args:
        model: Backbone at random weights.
        file: safetensors, or a plain state dict saved by torch.
        first_layer: `fresh` leaves the convolution that reads the bands random, as SoftCon does, which found that
            better than inflating RGB filters; `file` copies it, so the file must be of the same number of bands.
    """
    tensors = read_tensors(Path(file))
    wanted = model.body.state_dict()
    left_out = sorted(key for key in tensors if key.startswith(("fc.", "head.")) or key == "mask_token")
    tensors = {key: value for key, value in tensors.items() if key not in left_out}
    model.adaptation = {"weights": Path(file).name} | ({"left_out": " ".join(left_out)} if left_out else {})
    if first_layer == "fresh":
        fresh = [key for key, value in wanted.items() if _is_of(value, model.first_layer)]
        tensors |= {key: wanted[key] for key in fresh}
        model.adaptation["first_layer"] = f"random: {' '.join(fresh)}"
    if "pos_embed" in wanted and "pos_embed" in tensors and tensors["pos_embed"].shape != wanted["pos_embed"].shape:
        tensors["pos_embed"] = _positions(tensors["pos_embed"], wanted["pos_embed"])
        model.adaptation["positions"] = f"resampled to {wanted['pos_embed'].shape[1] - 1} patches"
    problems = differences(wanted, tensors)
    if problems:
        raise ValueError(f"{file} does not fit {model.name} on {len(model.bands)} bands: {'; '.join(problems)}")
    model.body.load_state_dict(tensors)


def _is_of(value: Tensor, layer: torch.nn.Conv2d) -> bool:
    return any(value.data_ptr() == parameter.data_ptr() for parameter in layer.parameters())


def _positions(given: Tensor, wanted: Tensor) -> Tensor:
    side = round((wanted.shape[1] - 1) ** 0.5)
    resampled: Tensor = resample_abs_pos_embed(given, new_size=[side, side], num_prefix_tokens=1)
    return resampled
