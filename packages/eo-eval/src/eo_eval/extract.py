"""Embeddings of a whole archive as GeoParquet, in constant memory; stopped at any moment, it goes on where it was."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence, Sized
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import Tensor
from torch.utils.data import Dataset, Subset

from eo_data import Step, footprint_wkb
from eo_eval.features import facts_of, frozen
from eo_eval.feed import Batch, Feed, Seasons, open_feed
from eo_eval.tokens import feature_function
from eo_models import Backbone
from eo_train.engine import EngineConfig, precision_of

NOTED = ("bounds", "crs", "t")  # of each sample, for its footprint and date
GEO = {
    "version": "1.1.0",
    "primary_column": "geometry",
    "columns": {"geometry": {"encoding": "WKB", "geometry_types": ["Polygon"]}},  # longitude, latitude, as no crs says
}


def extract(
    model: Backbone,
    dataset: Dataset[dict[str, Any]],
    output: str | os.PathLike[str],
    *,
    feature: str = "default",
    recipe: str = "",
    batch_size: int = 256,
    num_workers: int = 0,
    image_size: int | None = None,
    bands: Sequence[str] | None = None,
    select_bands: bool = False,
    normalization: Sequence[Step] | None = None,
    seasons: Seasons = "rows",
    precision: Literal["auto", "32-true", "bf16-mixed"] = "auto",
    device: str | torch.device | None = None,
    part_rows: int = 4096,
) -> Path:
    """Writes the embedding of every image of a data set into one GeoParquet file.

    Columns: `id` (`<sample>#<season>` where a sample has seasons), `date` (from the sample's `t`), `geometry` (the
    footprint as WKB, from `bounds` and `crs`), `embedding` (list of float32, of fixed size), `model`, `recipe`. Dates
    and footprints that the samples do not tell are null. What is done lies in `<output>.parts` until all of it is: the
    same call goes on there.

    Args:
        model: Backbone, frozen.
        dataset: As for `extract_features`.
        output: The file, which must not exist.
        feature: As for `extract_features`.
        recipe: Name of what the model was trained by, for the column.
        batch_size: Images per forward pass.
        num_workers: Processes that read.
        image_size, bands, select_bands, normalization, seasons, device: As for `extract_features`.
        precision: Of the forward pass; `auto` is `bf16-mixed` where the hardware is fast at it.
        part_rows: Samples whose embeddings are held at once.

    Raises:
        FileExistsError: The file is there.
        ValueError: As `extract_features`; or the parts are of another extraction.
        ImportError: Without the extra `eo-eval[parquet]`.
    """
    import_pyarrow()
    path = Path(output)
    if path.exists():
        raise FileExistsError(f"{path} is there already; delete it or name another file")
    model.to(device)
    size, samples = len(cast(Sized, dataset)), dataset
    feeds = [
        open_feed(
            model,
            Subset(samples, range(first, min(first + part_rows, size))),
            batch_size=batch_size,
            num_workers=num_workers,
            image_size=image_size,
            bands=bands,
            select_bands=select_bands,
            normalization=normalization,
            seasons=seasons,
            noted=NOTED,
        )
        for first in range(0, size, part_rows)
    ]
    if not feeds:
        raise ValueError(f"{type(dataset).__name__} is empty: there is nothing to extract")
    engine = EngineConfig(accelerator=next(model.parameters()).device.type, precision=precision)
    plan = {
        "model": model.name,
        "weights_sha256": weights_hash(model),
        "recipe": recipe,
        "feature": feature,
        "precision": precision_of(engine),
        "samples": size,
        "split_id": getattr(dataset, "split_id", None),
        "part_rows": part_rows,
    } | facts_of(model, feeds[0], next(iter(feeds[0])).images)
    parts = claim_parts(path.with_name(path.name + ".parts"), plan)
    for number, feed in enumerate(feeds):
        part = parts / f"{number:06d}.parquet"
        if not part.exists():
            write_part(part, embed(model, feed, feature, plan["precision"] == "bf16-mixed"), plan)
    join(parts, path)
    shutil.rmtree(parts)
    return path


def embed(model: Backbone, feed: Feed, feature: str, bf16: bool) -> Iterator[tuple[Batch, Tensor]]:
    """Batches and their embeddings (N, D) float32 on the CPU; one that is not finite raises ValueError."""
    take = feature_function(model, feature)
    for batch in feed:
        with frozen(model), torch.autocast(feed.device.type, torch.bfloat16, enabled=bf16):
            x = take(batch.images).float().cpu()
        wrong = [name for name, finite in zip(batch.ids, x.isfinite().all(1).tolist(), strict=True) if not finite]
        if wrong:
            raise ValueError(
                f"the features of {', '.join(wrong[:3])} are not finite; look at the pixels and the normalization"
            )
        yield batch, x


def claim_parts(folder: Path, plan: Mapping[str, Any]) -> Path:
    """The folder of the parts, begun, or that of the same extraction; of another one it raises ValueError."""
    written = folder / "plan.json"
    if written.exists():
        found = json.loads(written.read_text())
        differing = [name for name in plan if found.get(name) != json.loads(json.dumps(plan[name]))]
        if differing:
            raise ValueError(
                f"{folder} holds parts of another extraction, which differs in {', '.join(differing)}; "
                "delete it, or name another output"
            )
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    part = written.with_suffix(".tmp")
    part.write_text(json.dumps(plan))
    part.replace(written)
    return folder


def write_part(path: Path, rows: Iterator[tuple[Batch, Tensor]], plan: Mapping[str, Any]) -> None:
    """One part, under its name only when it is whole."""
    pa, pq = import_pyarrow()
    temporary, writer = path.with_suffix(".tmp"), None
    try:
        for batch, x in rows:
            table = table_of(pa, batch, x, plan)
            writer = writer or pq.ParquetWriter(temporary, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()
    temporary.replace(path)


def table_of(pa: Any, batch: Batch, x: Tensor, plan: Mapping[str, Any]) -> Any:
    """The rows of a batch as an Arrow table."""
    count, width = x.shape
    dates = [date_of(noted, season) for noted, season in zip(batch.noted, batch.source[:, 1].tolist(), strict=True)]
    columns = {
        "id": pa.array(batch.ids, pa.string()),
        "date": pa.array(dates, pa.timestamp("s", "UTC")),
        "geometry": pa.array([geometry_of(noted) for noted in batch.noted], pa.binary()),
        "embedding": pa.FixedSizeListArray.from_arrays(pa.array(x.flatten().numpy()), width),
        "model": pa.array([plan["model"]] * count, pa.string()),
        "recipe": pa.array([plan["recipe"]] * count, pa.string()),
    }
    metadata = {"geo": json.dumps(GEO), "eo_eval": json.dumps(plan)}
    return pa.table(columns).replace_schema_metadata(metadata)


def date_of(noted: Mapping[str, Any], season: int) -> int | None:
    """Seconds since 1970, from a `t` of the sample or of its seasons."""
    if noted.get("t") is None:
        return None
    t = torch.as_tensor(noted["t"]).flatten()
    return int(t[season] if len(t) > 1 else t[0])


def geometry_of(noted: Mapping[str, Any]) -> bytes | None:
    """The footprint; None where a sample does not say in which coordinate system its bounds are."""
    if noted.get("bounds") is None or not noted.get("crs"):
        return None
    return footprint_wkb(torch.as_tensor(noted["bounds"]).tolist(), noted["crs"])


def join(parts: Path, output: Path) -> None:
    """All parts as one file, a row group at a time."""
    _, pq = import_pyarrow()
    files = sorted(parts.glob("*.parquet"))
    temporary = parts / "joined.tmp"
    with pq.ParquetWriter(temporary, pq.read_schema(files[0])) as writer:
        for file in files:
            for batch in pq.ParquetFile(file).iter_batches():
                writer.write_batch(batch)
    temporary.replace(output)


def weights_hash(model: Backbone) -> str:
    """SHA-256 of all parameters and buffers by name."""
    found = sha256()
    for name, value in model.state_dict().items():
        found.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        found.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return found.hexdigest()


def import_pyarrow() -> tuple[Any, Any]:
    """pyarrow and its Parquet part; without them the error names the extra."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        message = "GeoParquet wants pyarrow, the extra eo-eval[parquet]: pip install 'eo-eval[parquet]'"
        raise ImportError(message) from error
    return pyarrow, pyarrow.parquet
