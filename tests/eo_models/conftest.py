import json
import math
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

RGB = ("R", "G", "B")
DATA = Path(__file__).parent / "data"
SMALL_INIT = (
    "relative_position_bias_table",
    "pos_embed",
    "absolute_pos_embed",
    "cls_token",
    "mask_token",
    "register_tokens",
)


@pytest.fixture
def resnet():
    from eo_models import create_model

    return create_model("resnet18", bands=RGB, sensor="rgb")


@pytest.fixture(scope="session")
def golden(tmp_path_factory):
    return Golden(tmp_path_factory.mktemp("published"))


class Golden:
    """Stand-ins of published files, filled by their keys and shapes, and what the originals computed from them."""

    def __init__(self, folder):
        self.folder = folder

    def manifest(self, system, name):
        return json.loads((DATA / system / f"{name}.json").read_text())

    def tensors(self, system, name, scale=None, blank=()):
        """The state dict of a published file.

        `scale` multiplies the tensors of a leaf name; those whose key starts as one of `blank` are zeros, which costs
        nothing: for parts that a test does not load.
        """
        manifest = self.manifest(system, name)
        buffers = dict(np.load(DATA / system / manifest["buffers"])) if manifest.get("buffers") else {}
        found = {each["key"]: self._tensor(each, buffers, blank) for each in manifest["tensors"]}
        for leaf, factor in (scale or {}).items():
            found |= {key: value * factor for key, value in found.items() if key.rsplit(".", 1)[-1] == leaf}
        for alias, of in (manifest.get("aliases") or {}).items():
            found |= {alias + key.removeprefix(of): value for key, value in found.items() if key.startswith(of)}
        return found

    def file(self, system, name, wrap=lambda tensors: tensors, scale=None, blank=()):
        """Such a file, saved by torch as `wrap` nests it; made once a session."""
        said = "-".join(f"{leaf}{factor}" for leaf, factor in (scale or {}).items())
        path = self.folder / system / f"{name}{said}{'-without-'.join(('', *blank))}.pth"
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            torch.save(wrap(self.tensors(system, name, scale, blank)), path)
        return path

    def input(self, spec):
        """The input of a case: a tensor, those of two sensors, or those of two dates."""
        if isinstance(spec, list):
            return [self.input(each) for each in spec]
        if "shape" in spec:
            return torch.from_numpy(normal(f"input:{spec['name']}", spec["shape"]))
        return {sensor: self.input(each) for sensor, each in spec.items()}

    def fill(self, key, shape):
        """Values of one tensor that the original leaves random."""
        return torch.from_numpy(fill(key, tuple(shape)))

    def check(self, tensor, golden, rtol=2e-3, atol=2e-4):
        """The tolerance fits float32 on any machine; a wrong band order is 5 to 20 times as far off."""
        found = tensor.detach().double().flatten().numpy()
        assert list(tensor.shape) == golden["shape"]
        scale = max(1e-6, golden["norm"] / math.sqrt(max(1, found.size)))
        assert abs(np.linalg.norm(found) - golden["norm"]) <= rtol * golden["norm"] + atol * scale
        assert np.abs(found[golden["index"]] - golden["values"]).max() <= rtol * scale + atol

    def _tensor(self, spec, buffers, blank):
        if spec["key"].startswith(tuple(blank)):
            return torch.zeros(()).expand(spec["shape"])
        if spec["key"] in buffers:
            return torch.from_numpy(np.array(buffers[spec["key"]]))
        if not spec["dtype"].startswith("float"):
            return torch.zeros(spec["shape"], dtype=getattr(torch, spec["dtype"]))
        return torch.from_numpy(fill(spec["key"], tuple(spec["shape"])))


def normal(seed, shape):
    # RandomState's stream is frozen by NumPy's compatibility policy, Generator's is not
    return np.random.RandomState(zlib.crc32(seed.encode())).standard_normal(tuple(shape)).astype(np.float32)


def fill(key, shape):
    """Values of one tensor, from its key and shape alone."""
    leaf, n = key.rsplit(".", 1)[-1], normal(key, shape)
    if leaf == "running_var":
        return 1.0 + 0.1 * np.abs(n)
    if leaf == "running_mean":
        return 0.1 * n
    if leaf == "logit_scale":
        return math.log(10.0) + 0.1 * n
    if leaf in SMALL_INIT:
        return 0.02 * n
    if leaf == "gamma" or leaf.startswith("gamma_"):
        return 0.5 + 0.1 * n
    if len(shape) >= 2:
        return n / math.sqrt(max(1, int(np.prod(shape[1:]))))
    return 1.0 + 0.1 * n if leaf == "weight" else 0.1 * n
