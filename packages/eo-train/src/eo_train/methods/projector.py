"""Projection heads: where the loss is taken, thrown away after pretraining (SimCLR, arXiv 2002.05709, section 4.2)."""

from itertools import pairwise

from torch import nn


def projector(in_features: int, hidden: int, out_features: int, *, layers: int = 2) -> nn.Sequential:
    """An MLP of `layers` linear layers with batch norm and ReLU between them: (B, in_features) to (B, out_features)."""
    if layers < 1:
        raise ValueError(f"a projector has at least 1 layer, got {layers}")
    widths = [in_features] + [hidden] * (layers - 1)
    parts: list[nn.Module] = []
    for before, after in pairwise(widths):
        parts += [nn.Linear(before, after, bias=False), nn.BatchNorm1d(after), nn.ReLU()]
    return nn.Sequential(*parts, nn.Linear(widths[-1], out_features))
