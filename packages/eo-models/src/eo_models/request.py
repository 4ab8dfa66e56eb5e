"""What is asked for, resolved: a network for the data's bands, the file of its weights, and how the two meet."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from torch import nn

from eo_models.architectures import ARCHITECTURES, build_backbone, network
from eo_models.backbone import Backbone, Step
from eo_models.bands import BandsOf, Extra, Missing, Mixing, Side, match_bands
from eo_models.download import download_weights, verify_file
from eo_models.files import read_facts
from eo_models.loading import NO_MODULES, Checkpoint, load_checkpoint, open_checkpoint
from eo_models.names import nearest
from eo_models.registry import WEIGHTS, get_weights, is_weights
from eo_models.weights import PerSensor, Weights


@dataclass(frozen=True, kw_only=True)
class Request:
    """The arguments of `create_model`, which documents them."""

    name: str | Path
    pretrained: bool = False
    checkpoint: Path | None = None
    bands: BandsOf | None = None
    missing: Missing | None = None
    extra: Extra | None = None
    sensor: PerSensor[str] | None = None
    img_size: int | None = None
    verify: bool = False


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A backbone for the data's bands, still at random weights, and what is to be loaded into it."""

    model: Backbone
    checkpoint: Checkpoint | None = None
    mixings: Mapping[str, Mixing] = field(default_factory=dict)

    def load(self, others: Mapping[str, nn.Module] = NO_MODULES) -> Backbone:
        """Loads the file, if there is one, also into the modules of `others`; the backbone, then in evaluation mode."""
        if self.checkpoint is None:
            return self.model
        load_checkpoint(self.model, self.checkpoint, mixings=self.mixings, others=others)
        return self.model.eval()


@dataclass(frozen=True, kw_only=True)
class Origin:
    """A network, the bands that its weights were made for, and how these are fed."""

    name: str
    architecture: str
    sensor: PerSensor[str]
    bands: PerSensor[tuple[str, ...]]
    units: PerSensor[tuple[str, ...]]
    normalization: PerSensor[tuple[Step, ...] | None]
    img_size: int | None = None


def is_path(name: str | Path) -> bool:
    """Whether this means a folder rather than a name."""
    if isinstance(name, Path) or "/" in name:
        return True
    return name not in ARCHITECTURES and not is_weights(name) and Path(name).exists()


def prepare(request: Request) -> Prepared:
    """Resolves a request; nothing is downloaded before everything else is known to fit."""
    if request.pretrained and request.checkpoint is not None:
        raise ValueError("pass pretrained=True (download) or checkpoint=... (a local file), not both")
    if is_path(request.name):
        return _of_run(Path(request.name), request)
    name = str(request.name)
    if is_weights(name):
        return _of_weights(get_weights(name), request)
    if name in ARCHITECTURES:
        return _of_architecture(name, request)
    known = nearest(name, [*ARCHITECTURES, *WEIGHTS])
    raise ValueError(f"unknown model {name!r}; {known}; a run is named by its folder")


def _of_run(folder: Path, request: Request) -> Prepared:
    facts = read_facts(folder)
    for asked, given in (("pretrained", request.pretrained), ("checkpoint", request.checkpoint)):
        if given:
            raise ValueError(f"{folder} holds the weights of a run: leave {asked} out")
    origin = Origin(
        name=f"the backbone in {folder}",
        architecture=facts["architecture"],
        sensor=facts["sensor"],
        bands=_frozen(facts["bands"]),
        units=_frozen(facts["units"]),
        normalization=_frozen(facts["normalization"]),
        img_size=facts.get("img_size"),
    )
    model, mixings = _for_data(origin, request)
    model.weights, model.adaptation = facts.get("weights", ""), dict(facts["adaptation"])
    return Prepared(model=model, checkpoint=open_checkpoint(model, facts["file"]), mixings=mixings)


def _of_weights(weights: Weights, request: Request) -> Prepared:
    origin = Origin(
        name=weights.name,
        architecture=weights.architecture,
        sensor=weights.sensor,
        bands=weights.bands,
        units=weights.units,
        normalization=weights.normalization,
    )
    model, mixings = _for_data(origin, request)
    file = download_weights(weights) if request.pretrained else request.checkpoint
    if request.verify and request.checkpoint is not None:
        verify_file(request.checkpoint, weights)
    if file is None:
        model.adaptation = {"weights": "random"}
    else:
        model.weights = weights.name
    return Prepared(model=model, checkpoint=open_checkpoint(model, file) if file else None, mixings=mixings)


def _of_architecture(name: str, request: Request) -> Prepared:
    if request.pretrained:
        of_this = [each.name for each in WEIGHTS.values() if each.architecture == name]
        raise ValueError(f"{name} is an architecture, without weights of its own; with weights: {', '.join(of_this)}")
    if request.verify:
        raise ValueError(f"{name} has no published file to verify against; name the weights")
    request, assumed = _with_published_bands(name, request)
    parts = network(name, request.bands).parts
    of_parts, sensors = _by_part(request.bands, parts), _by_part(request.sensor, parts)
    if not all(of_parts.values()) or not all(sensors.values()):
        of_two = ", each a mapping from s1 and s2" if parts else ""
        raise ValueError(
            f"{name} has no bands of its own: pass bands=[...] in the data's channel order, and sensor=...{of_two}"
        )
    for part, bands in of_parts.items():
        if len(set(bands)) < len(bands):
            raise ValueError(f"bands must be distinct, got {' '.join(bands)}")
        if isinstance(bands, Mapping):
            raise ValueError(f"{name} has no bands that they could be equal to; pass bands=[...] for {part}")
    model = build_backbone(name, cast(Any, request.bands), cast(Any, request.sensor), request.img_size)
    model.weights = request.checkpoint.name if request.checkpoint else ""
    model.adaptation |= assumed
    file = request.checkpoint
    return Prepared(model=model, checkpoint=open_checkpoint(model, file) if file else None)


def _with_published_bands(name: str, request: Request) -> tuple[Request, dict[str, str]]:
    """What is left unsaid of a two-sensor model, as in all files of it that are published, and that this was done."""
    if not ARCHITECTURES[name].parts or (request.bands and request.sensor):
        return request, {}
    if not request.bands and not request.checkpoint:
        return request, {}
    like = next(each for each in WEIGHTS.values() if each.architecture == name)
    said = {"sensor" if request.bands else "bands": f"taken to be those of {like.name}"}
    return replace(request, bands=request.bands or like.bands, sensor=request.sensor or like.sensor), said


def _for_data(origin: Origin, request: Request) -> tuple[Backbone, dict[str, Mixing]]:
    """The network for the data's bands, told how to feed it, and how the weights' first layer becomes its own."""
    parts = network(origin.architecture, origin.bands).parts
    asked, whose = _by_part(request.bands, parts), _by_part(request.sensor, parts)
    made, sensors = _by_part(origin.bands, parts), _by_part(origin.sensor, parts)
    mixings = {
        part: match_bands(
            Side(name=origin.name, bands=made[part], sensor=sensors[part]),
            asked[part],
            whose[part],
            missing=request.missing,
            extra=request.extra,
        )
        for part in made
    }
    bands = {part: mixing.bands for part, mixing in mixings.items()}
    sensor = {part: mixing.sensor for part, mixing in mixings.items()}
    one = not parts
    model = build_backbone(
        origin.architecture,
        bands["backbone"] if one else bands,
        sensor["backbone"] if one else sensor,
        origin.img_size if request.img_size is None else request.img_size,
    )
    units, steps = _by_part(origin.units, parts), _by_part(origin.normalization, parts)
    for part, member in model.members.items():
        member.units = mixings[part].units(made[part], units[part])
        member.normalization = mixings[part].steps(steps[part])
    return model, mixings


def _by_part(value: Any, parts: tuple[str, ...]) -> dict[str, Any]:
    """A value of one sensor under `backbone`; one of several sensors under their names, each of which it must have."""
    if not parts:
        return {"backbone": value}
    if value is None:
        return dict.fromkeys(parts)
    if not isinstance(value, Mapping) or set(value) - set(parts):
        raise ValueError(
            f"a model of the sensors {' and '.join(parts)} takes {{'{parts[0]}': ..., ...}}, got {value!r}"
        )
    return {part: value.get(part) for part in parts}


def _frozen(value: Any) -> Any:
    """Lists of a JSON file as tuples, also those under a sensor's name."""
    if isinstance(value, Mapping):
        return {part: _frozen(each) for part, each in value.items()}
    return tuple(value) if isinstance(value, list) else value
