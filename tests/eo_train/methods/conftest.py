import json
import math
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch


def normal(text, shape):
    # RandomState's stream is frozen by NumPy's compatibility policy, Generator's is not.
    return torch.from_numpy(np.random.RandomState(zlib.crc32(text.encode())).standard_normal(shape).astype(np.float32))


@pytest.fixture(scope="session")
def golden():
    """What SeCo's authors' code computed in one step, and how its inputs are made."""
    return json.loads((Path(__file__).parents[1] / "data/seco.json").read_text())["step"]


@pytest.fixture(scope="session")
def golden_input():
    """Input of a golden, from its name and shape alone."""
    return lambda name, shape: normal(f"input:{name}", tuple(shape))


@pytest.fixture(scope="session")
def golden_weight():
    """Stand-in value of a checkpoint's tensor, from its key and shape alone."""

    def fill(key, shape):
        n, leaf = normal(key, tuple(shape)), key.rsplit(".", 1)[-1]
        if leaf == "running_var":
            return 1 + 0.1 * n.abs()
        if leaf == "running_mean":
            return 0.1 * n
        if len(shape) >= 2:
            return n / math.sqrt(math.prod(shape[1:]))
        return 1 + 0.1 * n if leaf == "weight" else 0.1 * n

    return fill


@pytest.fixture(scope="session")
def agrees():
    """Asserts that a tensor has the norm and the values that a golden recorded of it."""

    def agrees(x, golden, rtol=2e-3, atol=2e-4):
        assert list(x.shape) == golden["shape"]
        x = x.detach().double().flatten()
        scale = max(1e-6, golden["norm"] / math.sqrt(len(x)))  # typical size of a value
        assert float(x.norm()) == pytest.approx(golden["norm"], rel=rtol, abs=atol * scale)
        torch.testing.assert_close(
            x[golden["index"]], torch.tensor(golden["values"], dtype=torch.float64), rtol=0, atol=rtol * scale + atol
        )

    return agrees
