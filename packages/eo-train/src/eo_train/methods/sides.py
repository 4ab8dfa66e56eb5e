"""The backbones of a method by the images that they see."""

from torch import nn

from eo_models import Backbone


def sides(backbone: Backbone) -> dict[str, Backbone]:
    """The backbone of each image of a sample, by the sample's keys: `image`, or `s1` and `s2`."""
    return dict(backbone.members) if backbone.parts else {"image": backbone}


def projections(backbone: Backbone, *, head: str, hidden: int | None, out: int) -> nn.ModuleDict:
    """For each side `mlp`: Linear, ReLU, Linear to `out`; or `none`: the feature itself."""
    if head not in ("mlp", "none"):
        raise ValueError(f"head must be mlp or none, got {head!r}")
    heads = nn.ModuleDict()
    for key, side in sides(backbone).items():
        width = side.num_features
        mlp = nn.Sequential(nn.Linear(width, hidden or width), nn.ReLU(), nn.Linear(hidden or width, out))
        heads[key] = mlp if head == "mlp" else nn.Identity()
    return heads


def projected_width(backbone: Backbone, *, head: str, out: int) -> int:
    """Length of all sides' projections together."""
    return sum(out if head == "mlp" else side.num_features for side in sides(backbone).values())
