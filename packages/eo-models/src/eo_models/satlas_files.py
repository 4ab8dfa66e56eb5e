"""How Satlas' files name their tensors: backbone, neck and heads side by side, for one image or for several."""

from eo_models.layouts import Layout, Rule


def _layout(name: str, prefix: str) -> Layout:
    network = rf"{prefix}(?:backbone|resnet)\."  # Swin, ResNet
    return Layout(
        name=name,
        rules=(
            Rule(rf"{network}((?:features|conv1|bn1|layer[1-4])\..+)", "backbone", r"\1"),
            Rule(rf"{network}(?:norm|head|fc)\.(?:weight|bias)", "ImageNet's classifier"),
            Rule(r"intermediates\.0\.(.+)", "fpn", r"\1"),
            Rule(r"intermediates\.1\.(.+)", "upsample", r"\1"),
            Rule(r"(heads\.\d+)\.(.+)", r"\1", r"\2"),
        ),
        marks=(rf"{network}(?:features|conv1)\.",),
    )


# One more `backbone.` tells them apart, and only that: every shape is the same.
SINGLE_IMAGE = _layout("Satlas' single-image files", r"backbone\.")
MULTI_IMAGE = _layout("Satlas' multi-image files", r"backbone\.backbone\.")
