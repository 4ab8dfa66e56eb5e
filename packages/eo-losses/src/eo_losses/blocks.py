"""How a matrix over all pairs is cut, so that only one tile of it exists at a time."""

import torch

CPU_SIDE = 512  # 1 MiB of float32: stays in the cache of a core
DEVICE_SIDE = 4096  # 64 MiB: enough work to fill an accelerator


def side(device: torch.device) -> int:
    """Rows and columns of a tile."""
    return CPU_SIDE if device.type == "cpu" else DEVICE_SIDE


def blocks(n: int, m: int, device: torch.device, *, upper: bool = False) -> list[tuple[slice, slice]]:
    """Rows and columns of every tile of an (n, m) matrix; `upper` leaves out those below the diagonal."""
    step = side(device)
    return [
        (slice(i, min(i + step, n)), slice(j, min(j + step, m)))
        for i in range(0, n, step)
        for j in range(i if upper else 0, m, step)
    ]
