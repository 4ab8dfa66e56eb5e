"""What a pretraining run is: one typed record, written beside what it makes."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from difflib import get_close_matches
from typing import Any, Literal

from torch.utils.data import Dataset

import eo_data
from eo_train.engine import EngineConfig
from eo_train.methods import METHODS
from eo_train.optim import OptimConfig
from eo_train.views import ViewConfig

DATASETS: dict[str, Callable[..., Dataset[Any]]] = {
    "eurosat": eo_data.EuroSAT,
    "geotiff_folder": eo_data.GeoTIFFFolder,
    "dfc2020": eo_data.DFC2020,
    "meterml": eo_data.MeterML,
    "packed": eo_data.PackedDataset,
    "sen12ms": eo_data.SEN12MS,
    "ssl4eo_s12": eo_data.SSL4EOS12,
    "ssl4eo_s12_ml": eo_data.SSL4EOS12ML,
    "seco": eo_data.SeCo,
    "bigearthnet": eo_data.BigEarthNet,
    "oscd": eo_data.OSCD,
}
GIVEN_BY_CODE = {"data": {"transform"}, "method": {"backbone"}}  # no recipe can write these
Steps = list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """One pretraining run.

    Every field can stand in a recipe, and be overridden on the command line by its dotted name.
    """

    data: dict[str, Any] = field(default_factory=dict)
    """`name` of a data set and the arguments of its class; empty when a data set object is handed to `pretrain`."""
    method: dict[str, Any]
    """`name` of a method and the arguments of its class."""
    output: str
    """Folder of the run; it is made, and must not hold anything else."""
    recipe: str = ""
    """Name of the recipe that this started from."""
    model: str = "resnet18"
    """Architecture of the backbone."""
    init_from: str | None = None
    """Weights file to start from, of the same architecture on any bands (for two sensors: on these, in any layout that
    `create_model` reads); None starts at random."""
    first_layer: Literal["fresh", "file"] = "fresh"
    """With `init_from`: whether the layer that reads the bands stays random or comes from the file too."""
    normalization: str | Steps | dict[str, str | Steps] = "auto"
    """Steps, or the name of some; `data` takes mean and standard deviation of the data itself; `auto` takes what the
    data set recommends, else `data`. For two sensors a mapping by `s1` and `s2`, or one word for both."""
    bad_pixels: Literal["refuse", "skip"] = "refuse"
    """What to do about a batch with NaN or infinite pixels: stop, or leave it out and count it in `metrics.csv`."""
    in_memory: bool = False
    """Read every sample once, before the first step, and keep it; for data that fit into memory."""
    views: ViewConfig = field(default_factory=ViewConfig)
    """How a view is drawn from an image."""
    view_size: int = 64
    """Side of a view, in pixels."""
    seasons: int | None = None
    """How many of a place's seasons its views come from; None takes what the method asks for."""
    epochs: int = 100
    """Passes over the data."""
    batch_size: int = 256
    """Images of an optimizer step, over all processes and micro-batches."""
    micro_batches: int = 1
    """Batches whose gradients make one step; contrast stays within each of them, unless gradients are cached."""
    cache_gradients: bool = False
    """Contrast all images of a step, over its micro-batches, in the memory of one of these and for one more forward
    pass. The gradient is that of the whole batch, but for batch norm, which sees one micro-batch at a time."""
    batch_norm: Literal["batch", "frozen"] = "batch"
    """`batch` goes by the statistics of a micro-batch on one process, `frozen` by those that came with `init_from`."""
    optim: OptimConfig = field(default_factory=OptimConfig)
    """Optimizer and schedule."""
    engine: EngineConfig = field(default_factory=EngineConfig)
    """Devices, precision, loading."""
    seed: int = 0
    """Of the weights, the order of the data and every view."""
    log_every: int = 10
    """Steps between two rows of `metrics.csv`."""
    checkpoint_every: int = 200
    """Steps between two checkpoints."""
    tensorboard: bool = False
    """Write TensorBoard event files beside `metrics.csv`; wants the extra `eo-train[tensorboard]`."""

    def __post_init__(self) -> None:
        for name in ("view_size", "epochs", "batch_size", "micro_batches", "log_every", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.seasons is not None and self.seasons < 1:
            raise ValueError(f"seasons must be at least 1, or null for what the method asks for, got {self.seasons}")
        if self.batch_size < 2:
            raise ValueError(f"batch_size must be at least 2, got {self.batch_size}: contrast needs another image")
        if self.cache_gradients and self.micro_batches == 1:
            raise ValueError(
                "cache_gradients spares memory where a step has several micro-batches; got micro_batches=1, set it to "
                f"batch_size / images that fit, such as {max(2, self.batch_size // 256)}"
            )
        if self.engine.strategy == "fsdp" and self.optim.name == "sgd" and not self.optim.momentum:
            raise ValueError(
                "engine.strategy=fsdp cannot resume SGD without momentum, which has no state to shard; set "
                "optim.momentum, or take engine.strategy=ddp"
            )
        check_component("method", METHODS, self.method)
        if self.data:
            check_component("data", DATASETS, self.data)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "PretrainConfig":
        """The record that a recipe's mapping describes; a name it does not know is an error."""
        nested = {"views": ViewConfig, "optim": OptimConfig, "engine": EngineConfig}
        check_names("a run", content, [each.name for each in fields(cls)])
        built = dict(content)
        for name, kind in nested.items():
            if isinstance(built.get(name), Mapping):
                check_names(name, built[name], [each.name for each in fields(kind)])
                built[name] = kind(**{key: _tupled(value) for key, value in built[name].items()})
        return cls(**built)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as YAML holds them."""
        plain: dict[str, Any] = listed(asdict(self))
        return plain


def check_component(part: str, known: Mapping[str, Callable[..., Any]], given: Mapping[str, Any]) -> None:
    """Whether a mapping names a known class and only arguments that it has."""
    if given.get("name") not in known:
        raise ValueError(f"{part}.name must be one of {', '.join(known)}, got {given.get('name')!r}")
    options = [name for name in inspect.signature(known[given["name"]]).parameters if name not in GIVEN_BY_CODE[part]]
    check_names(f"{part} {given['name']}", given, ["name", *options])


def check_names(where: str, given: Mapping[str, Any], known: list[str]) -> None:
    """Raises for the first name that is not known, and offers the nearest."""
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=2, cutoff=0.5)
            offer = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(known)}"
            raise ValueError(f"{where} has no field {name!r}; {offer}")


def build(part: Mapping[str, Any], known: Mapping[str, Callable[..., Any]], *given: object) -> Any:
    """The object that a `name` and arguments describe."""
    return known[part["name"]](*given, **{key: value for key, value in part.items() if key != "name"})


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def listed(value: Any) -> Any:
    """A value as YAML holds it: tuples become lists, at any depth."""
    if isinstance(value, Mapping):
        return {key: listed(each) for key, each in value.items()}
    return [listed(each) for each in value] if isinstance(value, list | tuple) else value
