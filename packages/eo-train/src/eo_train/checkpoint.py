"""Checkpoints that are either whole or not there."""

import shutil
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric

KEPT = 2


def save_checkpoint(fabric: Fabric, folder: Path, state: dict[str, Any]) -> Path:
    """Writes `step-N.ckpt` under a temporary name, renames it, and then lets go of all but the last two.

    Raises:
        OSError: It could not be written; the earlier checkpoints are as they were.
    """
    path = folder / f"step-{state['step']:08d}.ckpt"
    temporary = folder / f".{path.name}.tmp"
    try:
        fabric.save(temporary, state)
    except (OSError, RuntimeError) as error:
        if fabric.is_global_zero:
            _remove(temporary)
        raise OSError(f"could not write {path}: {error}; {_before(folder)}") from error
    fabric.barrier()
    if fabric.is_global_zero:
        temporary.rename(path)
        for old in checkpoints(folder)[:-KEPT]:
            _remove(old)
    fabric.barrier()
    return path


def checkpoints(folder: Path) -> list[Path]:
    """Whole checkpoints, oldest first."""
    return sorted(folder.glob("step-*.ckpt"))


def load_checkpoint(fabric: Fabric, path: Path, state: dict[str, Any]) -> int:
    """Restores module and optimizer in place and gives the step to go on from."""
    try:
        fabric.load(path, state)
    except (RuntimeError, EOFError, KeyError, IndexError) as error:
        raise ValueError(
            f"{path} cannot be loaded: {error}; remove it and --resume goes on from the one before"
        ) from error
    step: int = state["step"]
    return step


def load_last(fabric: Fabric, folder: Path, state: dict[str, Any]) -> int:
    """Restores the last checkpoint, if there is one, and gives the step to begin with."""
    found = checkpoints(folder)
    return load_checkpoint(fabric, found[-1], state) if found else 0


def _before(folder: Path) -> str:
    found = checkpoints(folder)
    kept = f"{found[-1].name} is whole" if found else "there is no earlier one"
    return f"{kept}; free some space, then go on with --resume"


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
