"""Weights files as data: nothing in them is ever run."""

import pickle
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from zipfile import is_zipfile

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

WRAPPERS = ("state_dict", "model_weights")
"""Under what the authors' scripts put the tensors, beside an optimizer, an epoch and the like."""


class _Inert:
    """Stands in for a class that an old file names: takes whatever it is given and does nothing."""

    def __new__(cls, *_: object) -> "_Inert":
        return super().__new__(cls)

    def __setstate__(self, _: object) -> None:
        pass


# Lightning 1.1 keys its callbacks by their class; scripts that log with NumPy save its scalars beside the weights.
_STAND_INS: list[Callable[..., object] | tuple[Callable[..., object], str]] = [
    (_Inert, name)
    for name in (
        "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
        "numpy.core.multiarray.scalar",
        "numpy._core.multiarray.scalar",
        "numpy.dtype",
    )
]


def read_tensors(file: Path) -> dict[str, Tensor]:
    """The tensors of a weights file by their names, whatever its authors' script put around them.

    Args:
        file: safetensors; or what `torch.save` wrote: a state dict, or a dict that holds one under `state_dict`
            (Lightning) or `model_weights`. A `module.` before every name, as DataParallel leaves it, is dropped.

    Raises:
        FileNotFoundError: No such file.
        ValueError: The file is cut off, names code that would run, or holds something other than weights.
    """
    if not file.is_file():
        raise FileNotFoundError(f"no weights file at {file}")
    tensors = _unwrap(_load(file), file)
    if tensors and all(key.startswith("module.") for key in tensors):
        tensors = {key.removeprefix("module."): value for key, value in tensors.items()}
    return tensors


def _load(file: Path) -> object:
    with file.open("rb") as opened:
        start = opened.read(2)
    try:
        if start == b"PK" and not is_zipfile(file):
            raise EOFError("the end of its zip archive is missing")
        if start == b"PK" or start[:1] == b"\x80":  # a zip of torch 1.6 or later, a bare pickle of an earlier one
            with torch.serialization.safe_globals(_STAND_INS):
                return torch.load(file, map_location="cpu", weights_only=True, mmap=start == b"PK" or None)
        return load_file(file)
    except pickle.UnpicklingError as error:
        raise ValueError(f"{file} is refused: {_named(error)}; only tensors and plain values are read") from error
    except (SafetensorError, RuntimeError, EOFError) as error:
        raise ValueError(
            f"{file} is no whole weights file (safetensors, or saved by torch): {error}; fetch it again"
        ) from error


def _named(error: pickle.UnpicklingError) -> str:
    named = re.search(r"GLOBAL (\S+)", str(error))
    return f"unpickling it would call {named[1]}" if named else "unpickling it would run code"


def _unwrap(found: object, file: Path) -> dict[str, Tensor]:
    for candidate in (found, *(found.get(key) for key in WRAPPERS)) if isinstance(found, Mapping) else ():
        if isinstance(candidate, Mapping) and candidate and all(isinstance(v, Tensor) for v in candidate.values()):
            return dict(candidate)
    held = f"a dict of {', '.join(map(str, list(found)[:6]))}" if isinstance(found, Mapping) else type(found).__name__
    raise ValueError(
        f"{file} holds {held}; wanted names to tensors, bare or under {' or '.join(WRAPPERS)}: save those on their own"
    )
