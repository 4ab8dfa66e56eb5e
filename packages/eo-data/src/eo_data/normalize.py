"""From stored pixels to what a network wants: a list of named, JSON-able steps, and the module that runs it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol, TypeAlias

import torch
from torch import Tensor, nn

from eo_data.names import nearest
from eo_data.statistics import RANGES, STATISTICS, Statistics, statistics_for

Step: TypeAlias = dict[str, object]
"""One record, such as `{"op": "clip", "min": 0, "max": {"B02": 88, "B03": 103}}`: an operation and its parameters."""


def _affine(x: Tensor, scale: Tensor, offset: Tensor) -> Tensor:
    return x * scale + offset


def _clip(x: Tensor, min: Tensor, max: Tensor) -> Tensor:
    return torch.clamp(x, min, max)


def _floor(x: Tensor) -> Tensor:
    return torch.floor(x)


def _standardize(x: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    return (x - mean) / std


def _per_image_max(x: Tensor) -> Tensor:
    return x / (x.amax(dim=(-2, -1), keepdim=True) + 1e-5)  # epsilon as in SSLTransformerRS, whose step this is


def _quantile_clip(x: Tensor, low: Tensor, high: Tensor) -> Tensor:
    ranked = x.flatten(-2).sort(dim=-1).values
    return torch.clamp(x, _quantile(ranked, low), _quantile(ranked, high))


def _quantile(ranked: Tensor, q: Tensor) -> Tensor:
    """(..., C, N) -> (..., C, 1, 1), interpolated linearly; `torch.quantile` would refuse 16 million values."""
    position = q.flatten(-2) * (ranked.shape[-1] - 1)
    below, above = position.floor().long(), position.ceil().long()
    shape = (*ranked.shape[:-1], 1)
    lower, upper = ranked.gather(-1, below.expand(shape)), ranked.gather(-1, above.expand(shape))
    return torch.lerp(lower, upper, (position - below).expand(shape)).unsqueeze(-1)


def _remove_offset(x: Tensor, value: Tensor) -> Tensor:
    return (x - value).clamp(min=0)


@dataclass(frozen=True)
class _Operation:
    run: Callable[..., Tensor]
    parameters: tuple[str, ...] = ()


_OPERATIONS: Mapping[str, _Operation] = MappingProxyType(
    {
        "affine": _Operation(_affine, ("scale", "offset")),
        "clip": _Operation(_clip, ("min", "max")),
        "floor": _Operation(_floor),
        "standardize": _Operation(_standardize, ("mean", "std")),
        "per_image_max": _Operation(_per_image_max),
        "quantile_clip": _Operation(_quantile_clip, ("low", "high")),
        "remove_offset": _Operation(_remove_offset, ("value",)),
    }
)


class Normalize(nn.Module):
    """Runs steps on stored pixels, after the one cast to float32.

    | step | what it does |
    |---|---|
    | `{"op": "affine", "scale": s, "offset": o}` | `x * s + o` |
    | `{"op": "clip", "min": a, "max": b}` | holds x between a and b |
    | `{"op": "floor"}` | drops the fraction, as a cast to 8 bit does |
    | `{"op": "standardize", "mean": m, "std": s}` | `(x - m) / s` |
    | `{"op": "per_image_max"}` | divides each band of each image by its greatest value there |
    | `{"op": "quantile_clip", "low": p, "high": q}` | holds each band of each image between its own quantiles |
    | `{"op": "remove_offset", "value": 1000}` | undoes processing baseline 04.00; stops at 0, as older products do |

    Every parameter is a number or a `{band: number}` mapping; a mapping may know more bands than asked for.

    Args:
        steps: Records, run in this order. None at all leaves the cast alone.
        bands: Canonical band names in channel order.

    Raises:
        ValueError: Unknown step or parameter (nearest names offered), a band that a mapping lacks, a bad number.
    """

    def __init__(self, steps: Sequence[Mapping[str, object]], bands: Sequence[str]) -> None:
        super().__init__()
        self.bands = tuple(bands)
        self.steps: list[Step] = [dict(step) for step in steps]
        for index, step in enumerate(self.steps):
            for name, values in _parameters(step, self.bands).items():
                self.register_buffer(_buffer(index, name), torch.tensor(values).view(-1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize pixels.

        Args:
            x: (..., C, H, W) of any integer or floating dtype, as stored. Never changed in place.

        Returns:
            float32 of the same shape.
        """
        if x.ndim < 3 or x.shape[-3] != len(self.bands):
            expected = f"{len(self.bands)} channels ({', '.join(self.bands)}) in (..., C, H, W)"
            raise ValueError(f"expected {expected}, got shape {tuple(x.shape)}")
        x = x.to(torch.float32)
        for index, step in enumerate(self.steps):
            operation = _OPERATIONS[str(step["op"])]
            x = operation.run(x, *(getattr(self, _buffer(index, name)) for name in operation.parameters))
        return x

    def extra_repr(self) -> str:
        """The steps by name, for `print(model)`."""
        return f"{' -> '.join(str(step['op']) for step in self.steps) or 'cast'}, bands={','.join(self.bands)}"


def _buffer(index: int, parameter: str) -> str:
    return f"step{index}_{parameter}"


def _parameters(step: Mapping[str, object], bands: tuple[str, ...]) -> dict[str, list[float]]:
    """Each parameter of a step as a list, of one number for all bands or one per band; ValueError if wrong."""
    op = step.get("op")
    if op not in _OPERATIONS:
        raise ValueError(f"unknown normalization step {op!r} in {dict(step)}; {nearest(str(op), _OPERATIONS)}")
    wanted = _OPERATIONS[str(op)].parameters
    for name in step.keys() - {"op", *wanted}:
        raise ValueError(f"step {op!r} has no parameter {name!r}; it takes {', '.join(wanted) or 'none'}")
    for name in wanted:
        if name not in step:
            raise ValueError(f"step {op!r} needs {name!r}: a number, or a mapping from band to number")
    values = {name: _numbers(step[name], bands, f"{op}.{name}") for name in wanted}
    _check_sense(str(op), values)
    return values


def _numbers(value: object, bands: tuple[str, ...], where: str) -> list[float]:
    if isinstance(value, Mapping):
        for band in bands:
            if band not in value:
                raise ValueError(f"{where} has no value for band {band!r}; it has {', '.join(map(str, value))}")
        return [_number(value[band], f"{where}[{band!r}]") for band in bands]
    return [_number(value, where)]


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{where} must be a finite number or a mapping from band to number, got {value!r}")
    return float(value)


def _check_sense(op: str, values: Mapping[str, list[float]]) -> None:
    if op == "standardize" and min(values["std"]) <= 0:
        raise ValueError(f"standardize.std must be greater than 0 (a band that never varies?), got {values['std']}")
    if op == "quantile_clip" and not all(0 <= q <= 1 for q in values["low"] + values["high"]):
        raise ValueError(f"quantile_clip wants quantiles between 0 and 1, got {values['low']} and {values['high']}")


class Normalized(Protocol):
    """Anything that carries its own steps, such as an entry of a weights registry."""

    @property
    def normalization(self) -> Sequence[Mapping[str, object]] | None:
        """The steps."""


def standardize_by(statistics: Statistics) -> list[Step]:
    """Steps of a plain z-score: subtract the mean, divide by the standard deviation."""
    return [{"op": "standardize", "mean": dict(statistics["mean"]), "std": dict(statistics["std"])}]


def softcon_steps(statistics: Statistics) -> list[Step]:
    """Steps of SoftCon's input: mean ± 2 std to 0..255, clipped, truncated to whole numbers, then to 0..1.

    As in zhu-xlab/softcon:README.md and the ToTensor of the authors' transfer code. A z-score is a different input:
    four times as wide, centred on zero and unbounded. The authors' later S1 code puts
    `{"op": "quantile_clip", "low": 0.01, "high": 0.99}` in front.
    """
    low = {band: mean - 2 * statistics["std"][band] for band, mean in statistics["mean"].items()}
    scale = {band: 255 / (4 * std) for band, std in statistics["std"].items()}
    return [
        {"op": "affine", "scale": scale, "offset": {band: -low[band] * scale[band] for band in low}},
        {"op": "clip", "min": 0, "max": 255},
        {"op": "floor"},
        {"op": "affine", "scale": 1 / 255, "offset": 0},
    ]


def ssltransformerrs_steps() -> list[Step]:
    """Steps of SSLTransformerRS' and SupCon_SSL's input: both sensors clipped, then each band's own maximum made 1.

    Sentinel-1 is held between -25 and 0 dB and raised by 25, Sentinel-2 between 0 and 10,000. The maximum is that of
    the crop: an image tells nothing of how bright it was, and the same ground differs from crop to crop.
    """
    radar, optical = ("VV", "VH"), statistics_for("ssl4eo-s12-l1c")["mean"]
    return [
        {"op": "clip", "min": dict.fromkeys(radar, -25) | dict.fromkeys(optical, 0),
         "max": dict.fromkeys(radar, 0) | dict.fromkeys(optical, 10000)},
        {"op": "affine", "scale": 1, "offset": dict.fromkeys(radar, 25) | dict.fromkeys(optical, 0)},
        {"op": "per_image_max"},
    ]  # fmt: skip


def stretch_steps(black: float | dict[str, float], span: float | dict[str, float]) -> list[Step]:
    """Steps from black..black + span to 0..255, clipped and truncated to whole numbers.

    Divides before it multiplies: in float32 that alone gives the whole numbers that float64 gives.
    """
    return [
        {"op": "standardize", "mean": black, "std": span},
        {"op": "affine", "scale": 255, "offset": 0},
        {"op": "clip", "min": 0, "max": 255},
        {"op": "floor"},
    ]


def _range_steps(name: str) -> list[Step]:
    ends = RANGES[name]
    return stretch_steps(
        {band: black for band, (black, _) in ends.items()},
        {band: white - black for band, (black, white) in ends.items()},
    )


def _imagenet_steps() -> list[Step]:
    """ImageNet's z-score on 8-bit red, green, blue that go by their Sentinel-2 names."""
    colours = {"B04": "R", "B03": "G", "B02": "B"}
    table = STATISTICS["imagenet-rgb"]
    mean, std = ({band: table[kind][colour] for band, colour in colours.items()} for kind in ("mean", "std"))
    return [{"op": "standardize", "mean": mean, "std": std}]


_SCHEMES: Mapping[str, Callable[[Statistics], list[Step]]] = {"zscore": standardize_by, "softcon": softcon_steps}
_ALIASES: Mapping[str, str] = {
    "softcon_s2": "softcon:ssl4eo-s12-l1c",
    "softcon_s2_l2a": "softcon:ssl4eo-s12-l2a",
    "softcon_s1": "softcon:ssl4eo-s12-s1",
    "seco_bigearthnet": "softcon:bigearthnet-s2",  # the same formula; SeCo puts no ImageNet statistics after it
    **{table: f"zscore:{table}" for table in STATISTICS},
}
_BYTE: Step = {"op": "affine", "scale": 1 / 255, "offset": 0}
_FIXED: Mapping[str, list[Step]] = {
    "reflectance": [{"op": "affine", "scale": 1 / 10000, "offset": 0}],  # Sentinel-2 digital numbers
    "rgb01": [_BYTE],  # 8-bit pictures
    "seco": [*_range_steps("seco"), *_imagenet_steps()],
    "seco_dn": [*stretch_steps(0, 10000), *_range_steps("seco"), *_imagenet_steps()],
    "seco_oscd": [*_range_steps("oscd"), _BYTE],
    "ssltransformerrs": ssltransformerrs_steps(),
}
NORMALIZATIONS: tuple[str, ...] = (
    *_ALIASES,
    *_FIXED,
    *(f"{scheme}:{table}" for scheme in _SCHEMES for table in STATISTICS),
)
"""Every name that `normalization_for` knows."""


def normalization_for(weights_or_name: str | Normalized) -> list[Step]:
    """The steps of a named normalization, or those that weights carry.

    Args:
        weights_or_name: `softcon_s2`, `softcon_s2_l2a`, `softcon_s1` (what SoftCon's authors do, with SSL4EO-S12
            statistics); `seco` (what SeCo's weights are fed with, from SeCo's stored 8 bits; red, green, blue alone),
            `seco_dn` (the same from L2A digital numbers), `seco_bigearthnet` and `seco_oscd` (what its authors fed
            these data with, which is not what they pretrained on); `zscore:TABLE` or `softcon:TABLE` with a table of
            `STATISTICS`; a bare `TABLE` is its z-score; `reflectance` (digital numbers / 10000); `rgb01` (8-bit / 255);
            `ssltransformerrs` (what SSLTransformerRS' and SupCon_SSL's authors do to SEN12MS and DFC2020). Or an object
            with steps in `.normalization`.

    Raises:
        ValueError: Unknown name (nearest ones offered), or weights that carry no normalization.
    """
    if not isinstance(weights_or_name, str):
        return _carried(weights_or_name)
    name = _ALIASES.get(weights_or_name, weights_or_name)
    if name in _FIXED:
        return [dict(step) for step in _FIXED[name]]
    scheme, _, table = name.partition(":")
    if scheme not in _SCHEMES or table not in STATISTICS:
        raise ValueError(f"unknown normalization {weights_or_name!r}; {nearest(weights_or_name, NORMALIZATIONS)}")
    return _SCHEMES[scheme](statistics_for(table))


def _carried(weights: Normalized) -> list[Step]:
    if weights.normalization is None:
        raise ValueError(f"{weights!r} carries no normalization; name one of {', '.join(NORMALIZATIONS[:5])}, ...")
    return [dict(step) for step in weights.normalization]
