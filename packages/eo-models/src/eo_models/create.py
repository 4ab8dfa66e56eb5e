"""A name or a run directory in, a backbone out."""

from fnmatch import fnmatchcase
from pathlib import Path

from eo_models.architectures import ARCHITECTURES as ARCHITECTURES
from eo_models.backbone import Backbone
from eo_models.bands import BandsOf, Extra, Missing
from eo_models.registry import WEIGHTS
from eo_models.request import Request, prepare
from eo_models.weights import PerSensor


def create_model(
    name_or_run: str | Path,
    *,
    pretrained: bool = False,
    checkpoint: str | Path | None = None,
    bands: BandsOf | None = None,
    missing: Missing | None = None,
    extra: Extra | None = None,
    sensor: PerSensor[str] | None = None,
    img_size: int | None = None,
    verify: bool = False,
) -> Backbone:
    """A backbone by name, or the one that a run has trained.

    Args:
        name_or_run: Published weights (`resnet50.softcon_s2`, or what their authors call them), a bare architecture
            (`resnet18`), or a folder that holds `backbone.safetensors` and `backbone.json`.
        pretrained: Download the published weights, verify them and keep them for the next time. Without it and
            without `checkpoint` the weights are random, drawn from torch's global generator.
        checkpoint: A local file instead, in the form in which its authors' code saved it (or safetensors).
        bands: What the **data** has, in channel order; the first layer is rebuilt by name. None: what the weights
            want. A mapping `{"R": "B04", ...}` also says which band of the weights each of the data's is. A bare
            architecture has no bands of its own and takes any. Two-sensor models take `{"s1": ..., "s2": ...}`.
        missing: For a band that the weights want and the data lacks: `zero` drops its filter, as a plane of zeros
            after normalization would; `nearest` adds it to the filter of the nearest wavelength. None refuses.
        extra: For a band that the weights do not know: a filter of `zero`, or the `mean` of theirs. None refuses.
        sensor: Of the data, such as `sentinel2-l2a`; None is the weights' own.
        img_size: Image size in pixels that a ViT's positions or a Swin-T's windows are made for; others have none.
        verify: Also check a local file against the published hash.

    Returns:
        The backbone; in evaluation mode if it has loaded weights.

    Raises:
        ValueError: Unknown name, bands that do not fit, a file that is broken or of another model.
        FileNotFoundError: No such file or run directory, or a file that only a person can fetch.
        ConnectionError: The weights cannot be downloaded.
    """
    request = Request(
        name=name_or_run,
        pretrained=pretrained,
        checkpoint=None if checkpoint is None else Path(checkpoint),
        bands=bands,
        missing=missing,
        extra=extra,
        sensor=sensor,
        img_size=img_size,
        verify=verify,
    )
    return prepare(request).load()


def list_models(pattern: str = "*") -> list[str]:
    """Names that `create_model` knows and that match a pattern such as `*softcon*`: architectures and weights."""
    return sorted(name for name in (*ARCHITECTURES, *WEIGHTS) if fnmatchcase(name, pattern))
