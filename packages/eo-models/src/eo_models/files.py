"""A backbone on disk: what is written is complete."""

import json
import os
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor

from eo_models.backbone import Backbone

WEIGHTS, FACTS = "backbone.safetensors", "backbone.json"


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


def read_facts(folder: Path) -> dict[str, Any]:
    """The facts of the backbone in a run directory."""
    for name in (FACTS, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"no {name} in {folder}; a run directory has one once its first checkpoint is written"
            )
    facts: dict[str, Any] = json.loads((folder / FACTS).read_text())
    return facts


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
