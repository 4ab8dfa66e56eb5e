"""The model card: what a backbone is and how to feed it, written from its facts."""

import json
from collections.abc import Mapping
from typing import Any

from eo_models.registry import WEIGHTS
from eo_models.weights import Weights

_ON_THE_HUB = {"Apache-2.0": "apache-2.0", "CC-BY-4.0": "cc-by-4.0", "ODC-BY": "odc-by"}


def model_card(facts: Mapping[str, Any]) -> str:
    """README.md of a Hub folder, in Markdown with the header that the Hub reads.

    Args:
        facts: What `Backbone.facts` gives; those of the published weights it is from are added.
    """
    weights = WEIGHTS.get(facts["weights"])
    blocks = [_header(weights), f"# {facts['weights'] or facts['architecture']}", _about(facts, weights)]
    blocks += ["## Input", _input(facts), "Steps from stored pixels to the input, in this order:", _steps(facts)]
    if facts["adaptation"]:
        done = "\n".join(f"- {what}: {said}" for what, said in facts["adaptation"].items())
        blocks += ["## What was done to the published weights", done]
    if weights and weights.notes:
        blocks += ["## Known traps", "\n".join(f"- {note}" for note in weights.notes)]
    return "\n\n".join([*blocks, "## Use", _USE]) + "\n"


_USE = """```python
from huggingface_hub import snapshot_download
from eo_models import create_model

model = create_model(snapshot_download("OWNER/NAME"))  # or the path of this folder
model.bands, model.units, model.normalization  # what it wants
```"""


def _header(weights: Weights | None) -> str:
    licence = _ON_THE_HUB.get(weights.licence, "other") if weights else "other"
    lines = ["library_name: eo-models", f"license: {licence}", "pipeline_tag: image-feature-extraction"]
    return "\n".join(["---", *lines, "tags:", "- earth-observation", "---"])


def _about(facts: Mapping[str, Any], weights: Weights | None) -> str:
    feature = f": {weights.feature}" if weights else ""
    said = f"A `{facts['architecture']}` backbone that gives {facts['num_features']} features{feature}."
    return f"{said} Paper: {weights.paper}. Licence of the weights: {weights.licence}." if weights else said


def _input(facts: Mapping[str, Any]) -> str:
    rows = ["| channel | sensor | band | unit of the stored pixels |", "|---|---|---|---|"]
    for sensor, bands, units in _sensors(facts):
        units = units or ["not known"] * len(bands)
        rows += [f"| {i} | {sensor} | {band} | {units[i]} |" for i, band in enumerate(bands)]
    return "\n".join(rows)


def _sensors(facts: Mapping[str, Any]) -> list[tuple[str, list[str], list[str]]]:
    """Sensor, bands and units, of each sensor of a two-sensor model."""
    if isinstance(facts["bands"], Mapping):
        return [(facts["sensor"][part], facts["bands"][part], facts["units"][part]) for part in facts["bands"]]
    return [(facts["sensor"], facts["bands"], facts["units"])]


def _steps(facts: Mapping[str, Any]) -> str:
    if facts["normalization"] is None:
        return "Not known: whoever trained it did not say."
    return f"```json\n{json.dumps(facts['normalization'], indent=1)}\n```"
