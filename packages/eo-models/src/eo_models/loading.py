"""A file into a network: sorted by its layout, its first layer rebuilt by band, every key accounted for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from eo_models.architectures import ARCHITECTURES, build_backbone
from eo_models.backbone import Backbone
from eo_models.bands import RADAR, Mixing
from eo_models.layouts import OWN, Layout, Parts, sort_tensors
from eo_models.reading import read_tensors

NO_MIXINGS: Mapping[str, Mixing] = {}
NO_MODULES: Mapping[str, nn.Module] = {}


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A file that a model can take, read and sorted."""

    file: Path
    tensors: Mapping[str, Tensor]
    parts: Parts


def open_checkpoint(model: Backbone, file: Path) -> Checkpoint:
    """Reads a file in any of `model.layouts`; the model builds what the file has and other files have not."""
    tensors = read_tensors(file)
    parts = sort_tensors(tensors, model.layouts)
    if parts is None:
        raise ValueError(_refused(file, model, tensors, [_strays(tensors, model.layouts)]))
    if not model.parts:
        parts = of_one_sensor(parts, "s1" if model.sensor == RADAR else "s2")
    for part, member in model.members.items():
        member.grow(_of_member(part, parts))
    return Checkpoint(file=file, tensors=tensors, parts=parts)


def _strays(tensors: Mapping[str, Tensor], layouts: Sequence[Layout]) -> str:
    """Which keys keep a file out of the layout that it is nearest to."""
    strays = {layout.name: layout.strays(tensors) for layout in layouts if layout.is_marked(tensors)}
    name, keys = min(strays.items(), key=lambda each: len(each[1]), default=("", []))
    return f"{len(keys)} without a place in {name}: {_some(keys)}" if keys else "its keys are of another model"


def of_one_sensor(parts: Parts, sensor: str) -> Parts:
    """Half of a two-sensor file as a file of one sensor: its `s1` is the `backbone`, its `s1.head` the `head`."""
    half: Parts = {}
    for part, tensors in parts.items():
        name = "backbone" if part == sensor else part.removeprefix(f"{sensor}.")
        half[name] = half.get(name, {}) | tensors
    return half


def load_checkpoint(
    model: Backbone,
    checkpoint: Checkpoint,
    *,
    mixings: Mapping[str, Mixing] = NO_MIXINGS,
    others: Mapping[str, nn.Module] = NO_MODULES,
    fresh_first_layer: bool = False,
) -> None:
    """Loads a file strictly: every key has a place or is reported, every tensor of the model is given.

    Args:
        model: What the file is for; left alone unless everything fits.
        checkpoint: The file, opened for this model.
        mixings: By member of the model, what each band of its data gets of the file's first layer.
        others: Modules beside the backbone (necks, heads) by the part of the file that is theirs. One whose part the
            file lacks altogether stays random, and `model.adaptation` says so.
        fresh_first_layer: Leave the convolution that reads the bands as it is.
    """
    parts, problems = checkpoint.parts, list[str]()
    loads: list[tuple[nn.Module, dict[str, Tensor]]] = []
    for part, member in model.members.items():
        given = _of_member(part, parts)
        if fresh_first_layer:
            given |= _fresh(member)
        given, wrong = _given(member, given, mixings.get(part))
        problems += wrong or differences(member.body.state_dict(), given)
        loads.append((member.body, given))
    random = [part for part in others if part not in parts]
    for part in others.keys() - random:
        given = parts[part]
        problems += differences(others[part].state_dict(), given)
        loads.append((others[part], given))
    if problems:
        raise ValueError(_refused(checkpoint.file, model, checkpoint.tensors, problems))
    for module, given in loads:
        module.load_state_dict(given)
    taken = {"backbone", *model.members, *others}
    left_out = ", ".join(f"{part} ({len(of_part)} tensors)" for part, of_part in parts.items() if part not in taken)
    model.adaptation |= {name: said for name, said in (("left_out", left_out), ("random", ", ".join(random))) if said}


def _of_member(part: str, parts: Parts) -> dict[str, Tensor]:
    """What a file holds for one member of a model: its own, and what it has in common with others (`backbone`)."""
    return parts.get("backbone", {}) | parts.get(part, {})


def _given(member: Backbone, tensors: dict[str, Tensor], mixing: Mixing | None) -> tuple[dict[str, Tensor], list[str]]:
    """What of a file goes into one backbone, and what is wrong with its first layer."""
    first = first_layer_name(member)
    if mixing is not None and first in tensors:
        wanted = mixing.matrix.shape[1]
        if tensors[first].ndim != 4 or tensors[first].shape[1] != wanted:
            return tensors, [f"{first} is {tuple(tensors[first].shape)}, wanted {wanted} channels"]
        tensors = tensors | {first: mixing.apply(tensors[first])}
        member.adaptation |= mixing.done
    tensors = member.fit(tensors)
    own = member.body.state_dict()
    return tensors | {name: own[name] for name in member.optional if name in own and name not in tensors}, []


def _fresh(member: Backbone) -> dict[str, Tensor]:
    """The first layer as it is, under its names in `body`."""
    before = first_layer_name(member).removesuffix("weight")
    fresh = {key: value for key, value in member.body.state_dict().items() if key.startswith(before)}
    member.adaptation["first_layer"] = f"random: {' '.join(fresh)}"
    return fresh


def first_layer_name(model: Backbone) -> str:
    """The name in `body` of the weight whose second dimension counts the bands."""
    return next(f"{name}.weight" for name, module in model.body.named_modules() if module is model.first_layer)


def differences(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> list[str]:
    """In words, why one state dict cannot be loaded in place of the other."""
    missing, unexpected = sorted(wanted.keys() - given.keys()), sorted(given.keys() - wanted.keys())
    shapes = [
        f"{key} is {tuple(given[key].shape)}, wanted {tuple(value.shape)}"
        for key, value in wanted.items()
        if key in given and given[key].shape != value.shape
    ]
    said = [(missing, "missing"), (unexpected, "unexpected")]
    return [f"{len(keys)} {word}: {_some(keys)}" for keys, word in said if keys] + ([_some(shapes)] if shapes else [])


def identify(tensors: Mapping[str, Tensor]) -> str | None:
    """In words, what these tensors are the weights of, found by their names and shapes; None for a stranger."""
    for name, build in ARCHITECTURES.items():
        for layout in build.layouts:
            parts = layout.sort(tensors)
            if parts is None:
                continue
            with torch.device("meta"):
                model = _stand_in(name, build)
                for part, member in model.members.items():
                    member.grow(_of_member(part, parts))
            if all(_alike(member, _of_member(part, parts)) for part, member in model.members.items()):
                said = f" as in {layout.name}" if layout is not OWN else ""
                return f"{name}{said}"
    return None


def _stand_in(name: str, build: type[Backbone]) -> Backbone:
    """The network on one band, for the first layer does not matter."""
    if build.parts:
        return build_backbone(name, dict.fromkeys(build.parts, ("any",)), dict.fromkeys(build.parts, "any"))
    return build_backbone(name, ("any",), "any")


def _alike(member: Backbone, tensors: Mapping[str, Tensor]) -> bool:
    free = {first_layer_name(member), *member.optional}
    shapes = {name: value.shape for name, value in member.body.state_dict().items() if name not in free}
    return shapes == {name: value.shape for name, value in tensors.items() if name not in free}


def _refused(file: Path, model: Backbone, tensors: Mapping[str, Tensor], problems: list[str]) -> str:
    known = identify(tensors)
    looks = f"; by its names and shapes it holds {known}" if known else ""
    return f"{file} does not fit {model.name} on {_count(model)}: {'; '.join(problems)}{looks}"


def _count(model: Backbone) -> str:
    return " and ".join(f"{len(member.bands)} bands" for member in model.members.values())


def _some(words: list[str], most: int = 4) -> str:
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")
