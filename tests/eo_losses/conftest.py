"""Fixtures of the eo-losses tests: reproducible rows, tiles cut small, and the originals' numbers."""

import math
import zlib
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor


@pytest.fixture
def randn() -> Callable[..., Tensor]:
    """Standard-normal float64 of a shape, the same for the same seed."""

    def randn(*shape: int, seed: int = 0) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))

    return randn


@pytest.fixture
def multi_hot() -> Callable[..., Tensor]:
    """Multi-hot labels (B, K), every fourth row without any."""

    def multi_hot(b: int, k: int, seed: int = 0) -> Tensor:
        y = torch.rand(b, k, generator=torch.Generator().manual_seed(seed)) < 0.4
        y[:, 0] |= ~y.any(1)
        y[3::4] = False
        return y.long()

    return multi_hot


@pytest.fixture(params=["whole", "cut"])
def tiles(request, monkeypatch) -> str:
    """Runs a test twice: all pairs in one tile, and in tiles of 5 by 5 (9 by 9 for goldens) with ragged rests."""
    if request.param == "cut":
        monkeypatch.setattr("eo_losses.blocks.CPU_SIDE", 9 if "goldens" in request.module.__name__ else 5)
    return request.param


@pytest.fixture
def value_and_grads() -> Callable[..., tuple[Tensor, list[Tensor]]]:
    """Loss of some tensors and its gradient by each of them."""

    def value_and_grads(loss: Callable[..., Tensor], *inputs: Tensor) -> tuple[Tensor, list[Tensor]]:
        inputs = tuple(x.detach().clone().requires_grad_() for x in inputs)
        value = loss(*inputs)
        return value.detach(), list(torch.autograd.grad(value, inputs))

    return value_and_grads


def _normal(text: str, shape: tuple[int, ...]) -> np.ndarray:
    # RandomState's stream is frozen by NumPy's compatibility policy, Generator's is not.
    return np.random.RandomState(zlib.crc32(text.encode())).standard_normal(shape).astype(np.float32)


@pytest.fixture(scope="session")
def golden_input() -> Callable[..., Tensor]:
    """Input of a golden, from its name and shape alone."""
    return lambda name, shape: torch.from_numpy(_normal(f"input:{name}", tuple(shape)))


@pytest.fixture(scope="session")
def golden_weight() -> Callable[..., Tensor]:
    """Stand-in value of a checkpoint's tensor, from its key and shape alone."""

    def fill(key: str, shape: tuple[int, ...]) -> Tensor:
        n = torch.from_numpy(_normal(key, tuple(shape)))
        if len(shape) >= 2:
            return n / math.sqrt(math.prod(shape[1:]))
        return 1 + 0.1 * n if key.endswith(".weight") else 0.1 * n

    return fill


@pytest.fixture(scope="session")
def agrees() -> Callable[..., None]:
    """Asserts that a tensor has the norm and the values that a golden recorded of it."""

    def agrees(x: Tensor, golden: dict, rtol: float = 2e-3, atol: float = 2e-4) -> None:
        assert list(x.shape) == golden["shape"]
        x = x.detach().double().flatten()
        scale = max(1e-6, golden["norm"] / math.sqrt(len(x)))  # typical size of a value
        assert float(x.norm()) == pytest.approx(golden["norm"], rel=rtol, abs=atol * x.numel() ** 0.5)
        expected = torch.tensor(golden["values"], dtype=torch.float64)
        torch.testing.assert_close(x[golden["index"]], expected, rtol=0, atol=rtol * scale + atol)

    return agrees
