"""The model of a transfer task: a run, published weights or random ones under the task's head, and how it is fed."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from eo_data import normalization_for
from eo_eval.described import described
from eo_eval.inputs import part_of, sides
from eo_eval.transfer_setup import TransferSetup
from eo_eval.transfer_task import Recipe, Transfer
from eo_models import Model, build_model, create_model, get_weights, is_path, is_weights


def open_model(
    name: str | Path, task: Transfer, *, random: bool = False, seed: int = 0, setup: TransferSetup | None = None
) -> tuple[Model, dict[str, str | None]]:
    """A model with the task's head, and what its rows say of where the weights come from.

    Bands are the model's own; an architecture takes the task's.
    """
    torch.manual_seed(seed)
    notes: dict[str, str | None]
    architecture = create_model(name).name if is_path(name) else str(name).partition(".")[0]
    neck = task.necks.get(architecture, task.neck)
    head: dict[str, Any] = {"neck": neck, "head": task.head, "num_outputs": task.num_outputs}
    if is_path(name):
        trained = create_model(name)
        notes = {"name": Path(name).resolve().name, "weights": "random" if random else "run"}
        if not random:
            digest = sha256((Path(name) / "backbone.safetensors").read_bytes()).hexdigest()
            return build_model(name, **head), {**notes, "weights_sha256": digest}
        torch.manual_seed(seed)
        size = getattr(trained, "img_size", None)
        model = build_model(trained.name, bands=trained.bands, sensor=trained.sensor, img_size=size, **head)
        model.backbone.normalization, model.backbone.units = trained.normalization, trained.units
        return model, notes
    notes = {"name": str(name), "weights": "random" if random else "published"}
    if not is_weights(str(name)):
        if not random:
            raise ValueError(
                f"{name} is an architecture, which has no weights of its own; pass --random, or name a run"
            )
        asked = setup or TransferSetup()
        bands, sensor = task.input_of(architecture, asked.sensor)
        return build_model(name, bands=bands, sensor=sensor, img_size=asked.img_size, **head), notes
    return _published(str(name), task, head, random=random), notes


def _published(name: str, task: Transfer, head: dict[str, Any], *, random: bool) -> Model:
    if not task.equivalents:
        return build_model(name, pretrained=not random, **head)
    bands: Any = task.equivalents if set(task.equivalents.values()) <= set(get_weights(name).bands) else task.bands
    return build_model(name, pretrained=not random, bands=bands, sensor=task.sensor, **head)


def adopt_normalization(model: Model, dataset: object, recipe: Recipe) -> None:
    """Settles how the model is fed: as the recipe says, as the model itself says, or as the data set recommends.

    Raises:
        ValueError: The model's own steps are for pixels in another unit than the data's.
    """
    for key, side in sides(model.backbone).items():
        part = part_of(dataset, key)
        units = described(part, "units")
        if recipe.normalization is not None:
            side.normalization = normalization_for(recipe.normalization)
        elif side.normalization is None:
            side.normalization = described(part, "normalization")
        elif side.units and units and set(side.units) != set(units):
            raise ValueError(
                f"{side.name} is fed with pixels in {', '.join(sorted(set(side.units)))}, "
                f"{type(dataset).__name__} holds {', '.join(sorted(set(units)))}; pass normalization=, the name of "
                "steps from these pixels to its input (such as seco_dn for SeCo's weights on digital numbers)"
            )
        side.units = tuple(units or side.units)
