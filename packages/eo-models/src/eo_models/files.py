"""A backbone on disk: what is written is complete."""

import json
import os
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor

from eo_models.backbone import Backbone
from eo_models.card import model_card

WEIGHTS, FACTS = "backbone.safetensors", "backbone.json"
HUB_WEIGHTS, HUB_FACTS = "model.safetensors", "config.json"
OURS = "eo_models"
"""Under what `config.json` keeps our facts, beside those that timm reads."""


def save_backbone(model: Backbone, folder: str | Path, **notes: Any) -> None:
    """Writes `backbone.safetensors` (the library's own parameter names) and `backbone.json` (the facts and `notes`).

    Each file is written under a temporary name and then renamed, so a full disk leaves the earlier one whole.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / WEIGHTS, save(tensors_of(model)))
    _replace(folder / FACTS, json.dumps(model.facts() | notes, indent=2).encode())


def tensors_of(model: Backbone) -> dict[str, Tensor]:
    """The weights by the names of their library; those of a network for several sensors with `s1.` or `s2.` before."""
    found = {
        f"{part}.{key}" if model.parts else key: value.detach()
        for part, member in model.members.items()
        for key, value in member.body.state_dict().items()
    }
    once = {value.data_ptr(): key for key, value in reversed(found.items())}  # a trunk that two sensors share
    return {key: found[key].cpu().contiguous() for key in found if once[found[key].data_ptr()] == key}


def save_for_hub(model: Backbone, folder: str | Path) -> None:
    """Writes a folder as the Hugging Face Hub wants one: `model.safetensors`, `config.json`, and `README.md`, the card.

    `create_model(folder)` reads it back. timm reads that of a network of its own (`local-dir:`, `hf-hub:`) too, with
    its own idea of positions at other image sizes.
    """
    folder, facts = Path(folder), model.facts()
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / HUB_WEIGHTS, save(tensors_of(model), {"format": "pt"}))
    _replace(folder / HUB_FACTS, json.dumps(_for_timm(model) | {OURS: facts}, indent=2).encode())
    _replace(folder / "README.md", model_card(facts).encode())


def _for_timm(model: Backbone) -> dict[str, Any]:
    """What timm's `config.json` says; it names no first convolution, or timm would take that for an RGB one."""
    size = {"img_size": model.img_size} if hasattr(model, "img_size") else {}
    channels = [len(member.bands) for member in model.members.values()]
    return {
        "architecture": getattr(model, "timm_name", model.name),
        "num_classes": 0,
        "num_features": model.num_features,
        "model_args": {"in_chans": sum(channels), **size},
        "pretrained_cfg": {"input_size": [sum(channels), 224, 224], "num_classes": 0},
    }


def read_facts(folder: Path) -> dict[str, Any]:
    """The facts of the backbone in a run directory, or in a folder of the Hub."""
    if (folder / HUB_FACTS).is_file() and (folder / HUB_WEIGHTS).is_file():
        config: dict[str, Any] = json.loads((folder / HUB_FACTS).read_text())
        if OURS not in config:
            raise ValueError(
                f"{folder / HUB_FACTS} does not say which bands its weights want; name the architecture instead, with "
                f"bands=..., sensor=... and checkpoint={str(folder / HUB_WEIGHTS)!r}"
            )
        return {**config[OURS], "file": folder / HUB_WEIGHTS}
    for name in (FACTS, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"no {name} in {folder}; a run directory has one once its first checkpoint is written"
            )
    facts: dict[str, Any] = json.loads((folder / FACTS).read_text())
    return {**facts, "file": folder / WEIGHTS}


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
