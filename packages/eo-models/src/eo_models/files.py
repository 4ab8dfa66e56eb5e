"""Weights on disk: what is written is complete, what is read is data and fits."""

import json
import os
import pickle
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from eo_models.backbone import Backbone

WEIGHTS, FACTS = "backbone.safetensors", "backbone.json"


def save_backbone(model: Backbone, folder: str | Path, **notes: Any) -> None:
    """Writes `backbone.safetensors` (the library's own parameter names) and `backbone.json` (the facts and `notes`).

    Each file is written under a temporary name and then renamed, so a full disk leaves the earlier one whole.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {key: value.detach().cpu().contiguous() for key, value in model.body.state_dict().items()}
    _replace(folder / WEIGHTS, save(tensors))
    _replace(folder / FACTS, json.dumps(model.facts() | notes, indent=2).encode())


def read_facts(folder: Path) -> dict[str, Any]:
    """The facts of the backbone in a run directory."""
    for name in (FACTS, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"no {name} in {folder}; a run directory has one once its first checkpoint is written"
            )
    facts: dict[str, Any] = json.loads((folder / FACTS).read_text())
    return facts


def load_weights(model: Backbone, file: str | Path) -> None:
    """Loads a file of the model's own layout, strictly: every key and every shape."""
    tensors = read_tensors(Path(file))
    problems = differences(model.body.state_dict(), tensors)
    if problems:
        raise ValueError(f"{file} does not fit {model.name} on {len(model.bands)} bands: {'; '.join(problems)}")
    model.body.load_state_dict(tensors)


def read_tensors(file: Path) -> dict[str, Tensor]:
    """A flat dict of tensors from a safetensors file or a state dict that torch saved. Nothing else is unpickled."""
    if not file.is_file():
        raise FileNotFoundError(f"no weights file at {file}")
    try:
        tensors = torch.load(file, map_location="cpu", weights_only=True) if is_zipfile(file) else load_file(file)
    except (SafetensorError, RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise ValueError(f"{file} is neither a whole safetensors file nor a plain state dict: {error}") from error
    if not isinstance(tensors, dict) or not all(isinstance(value, Tensor) for value in tensors.values()):
        raise ValueError(f"{file} is not a flat state dict (names to tensors); take the model's own out of it first")
    return tensors


def differences(wanted: dict[str, Tensor], given: dict[str, Tensor]) -> list[str]:
    """In words, why one state dict cannot be loaded in place of the other."""
    missing, unexpected = sorted(wanted.keys() - given.keys()), sorted(given.keys() - wanted.keys())
    shapes = [
        f"{key} is {tuple(given[key].shape)}, wanted {tuple(value.shape)}"
        for key, value in wanted.items()
        if key in given and given[key].shape != value.shape
    ]
    said = [(missing, "missing"), (unexpected, "unexpected")]
    return [f"{len(keys)} {word}: {_some(keys)}" for keys, word in said if keys] + ([_some(shapes)] if shapes else [])


def _some(words: list[str], most: int = 4) -> str:
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
