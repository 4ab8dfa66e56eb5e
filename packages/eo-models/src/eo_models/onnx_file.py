"""A backbone as an ONNX file, with its facts inside (the extra `onnx`)."""

import json
import os
from importlib.util import find_spec
from pathlib import Path

import torch

from eo_models.backbone import Backbone


def save_onnx(model: Backbone, file: str | Path, *, size: int = 224) -> None:
    """Writes `model(x)` for any batch of square images of one size.

    The input is called `image`, (B, C, size, size) normalized floats; the output `feature`, (B, D). Bands, units and
    normalization stand in the file's metadata under `eo_models`, as JSON.

    Args:
        model: In evaluation mode, of one sensor.
        file: Written under a temporary name and then renamed.
        size: Height and width in pixels.

    Raises:
        ImportError: The extra is not installed.
        ValueError: The model is in training mode, or takes two sensors.
    """
    if not (find_spec("onnx") and find_spec("onnxscript")):
        raise ImportError("ONNX files need the extra: pip install 'eo-models[onnx]'")
    if model.training or model.parts:
        raise ValueError("an ONNX file holds one sensor's backbone in evaluation mode: call .eval(), or pass model.s1")
    x = torch.zeros(2, len(model.bands), size, size)
    program = torch.onnx.export(
        model,
        (x,),
        dynamo=True,
        input_names=["image"],
        output_names=["feature"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        verbose=False,
    )
    assert program is not None
    program.model.metadata_props["eo_models"] = json.dumps(model.facts())
    temporary = Path(file).with_name(f".{Path(file).name}.{os.getpid()}.tmp")
    try:
        program.save(temporary)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
