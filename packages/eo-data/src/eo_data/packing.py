"""Packing: any data set of dicts, read once by several processes and written as shards."""

import errno
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from eo_data.compute import Samples
from eo_data.dataset import Part
from eo_data.progress import track
from eo_data.shards import (
    INDEX,
    Index,
    OpenShard,
    Shard,
    check_file,
    check_size,
    read_index,
    split_sample,
    write_shard,
    write_whole,
)

JOURNAL = "packing.jsonl"  # what is done so far; becomes the index
T = TypeVar("T")


def pack(
    dataset: Samples,
    path: str | os.PathLike[str],
    *,
    bands: Sequence[str] | None = None,
    sensor: str | None = None,
    units: Sequence[str] = (),
    processes: int | None = None,
    shard_bytes: int = 64 << 20,
) -> Path:
    """Write a data set as memory-mapped shards, which `PackedDataset` reads.

    Every sample is stored as `dataset[i]` gives it, bit by bit. Called again after an interruption, it goes on where it
    stopped; on a folder that is complete, it writes only shards that are missing or have the wrong size.

    Args:
        dataset: Gives dicts of tensors, texts and numbers, of this package, of TorchGeo or of one's own. What it says
            of itself (`parts`, `classes`, `split`, `ids`, `places`) is kept.
        path: A new or empty folder, or one that an earlier call has begun.
        bands: For a data set that does not name its bands: the channels of `image`, in order.
        sensor: Likewise, a key of `SENSORS`.
        units: Likewise, one per band.
        processes: How many read and write; None: one per core. 1 works in the calling process.
        shard_bytes: Shards are about this large.

    Returns:
        The folder.

    Raises:
        ValueError: An empty data set; a sample that a shard cannot hold; a folder that holds something else.
        OSError: The disk is full; what is written stays.
        RuntimeError: A packing process died; what is written stays.
    """
    folder = Path(path)
    source = _describe(dataset, bands, sensor, units)
    rows_per_shard = max(1, round(shard_bytes / _bytes_of(dataset, 0)))
    plan = source | {"rows": len(dataset), "rows_per_shard": rows_per_shard}
    done = _begin(folder, plan)
    starts = range(0, len(dataset), rows_per_shard)
    todo = [number for number in range(len(starts)) if number not in done]
    work = partial(_pack_rows, folder, starts)
    with (folder / JOURNAL).open("a") as journal, _explained(folder, done, len(starts)):
        for number, shard in _map(work, dataset, todo, processes, f"Packing {len(dataset)} samples"):
            done[number] = shard
            journal.write(json.dumps([number, asdict(shard)]) + "\n")
            journal.flush()
    Index(source=plan, shards=[done[number] for number in sorted(done)]).write(folder)
    (folder / JOURNAL).unlink()
    return folder


def verify_packed(
    path: str | os.PathLike[str], dataset: Samples | None = None, *, processes: int | None = None
) -> None:
    """Read every byte of a packed folder, and compare every row with the source if one is given.

    Args:
        path: The folder.
        dataset: What was packed.
        processes: How many read; None: one per core.

    Raises:
        FileNotFoundError: No index, or a shard is missing.
        ValueError: Something differs; the message names the shard, or the sample and the key.
    """
    folder = Path(path)
    index = _index_in(folder)
    if index is None:
        raise FileNotFoundError(f"no {INDEX} in {folder}; packing was not finished: run it again")
    rows = sum(len(shard) for shard in index.shards)
    if dataset is not None and len(dataset) != rows:
        raise ValueError(f"the source has {len(dataset)} samples, {folder} holds {rows}: it changed; pack it again")
    work = partial(_verify_shard, folder, index.shards)
    numbers = list(range(len(index.shards)))
    for _ in _map(work, dataset, numbers, processes, f"Verifying {rows} samples"):
        pass


def _describe(
    dataset: Samples, bands: Sequence[str] | None, sensor: str | None, units: Sequence[str]
) -> dict[str, object]:
    """What a data set says of itself, as JSON holds it."""
    if not len(dataset):
        raise ValueError(f"{type(dataset).__name__} is empty: there is nothing to pack")
    parts: dict[str, Part] = dict(getattr(dataset, "parts", {}))
    bands, sensor = bands or getattr(dataset, "bands", None), sensor or getattr(dataset, "sensor", None)
    if not parts and bands and sensor:
        units = tuple(units) or tuple(getattr(dataset, "units", ()))
        steps = getattr(dataset, "normalization", None)
        parts = {"image": Part(sensor, tuple(bands), units, None if steps is None else [*map(dict, steps)])}
    classes = getattr(dataset, "classes", None)
    described = {
        "dataset": type(dataset).__name__,
        "split": getattr(dataset, "split", "all"),
        "classes": None if classes is None else list(classes),
        "parts": {key: asdict(part) for key, part in parts.items()},
        "split_id": getattr(dataset, "split_id", None),
    }
    plain: dict[str, object] = json.loads(json.dumps(described))  # lists for tuples, as the index will give them back
    return plain


def _bytes_of(dataset: Samples, row: int) -> int:
    return sum(tensor.nbytes for tensor in split_sample(dataset[row])[0].values()) or 1


def _begin(folder: Path, plan: dict[str, object]) -> dict[int, Shard]:
    """The shards that an earlier call has written; the journal begun, or gone on with."""
    folder.mkdir(parents=True, exist_ok=True)
    index, journal = _index_in(folder), folder / JOURNAL
    if index is None and not journal.exists():
        if any(folder.iterdir()):
            raise ValueError(f"{folder} holds files that are not a packed data set; name a new or an empty folder")
        found, done = plan, dict[int, Shard]()
    elif journal.exists():
        found, done = _read_journal(journal, plan)
    else:
        assert index is not None
        found, done = index.source, dict(enumerate(index.shards))
    differing = [name for name in plan if found.get(name) != plan[name]]
    if differing:
        told = ", ".join(f"{name} {_short(found.get(name))} and not {_short(plan[name])}" for name in differing)
        raise ValueError(f"{folder} holds another packed data set, whose {told}; delete it or name another folder")
    done = {number: shard for number, shard in done.items() if _is_whole(folder / shard.file, shard)}
    lines = [plan, *([number, asdict(shard)] for number, shard in done.items())]
    write_whole(journal, "".join(json.dumps(line) + "\n" for line in lines).encode())
    return done


def _read_journal(journal: Path, plan: dict[str, object]) -> tuple[dict[str, object], dict[int, Shard]]:
    lines = []
    for line in journal.read_text().splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:  # the line that was being written when the process was killed
            break
    return (lines[0] if lines else plan), {number: Shard(**shard) for number, shard in lines[1:]}


def _index_in(folder: Path) -> Index | None:
    path = folder / INDEX
    return read_index(path.read_text(), str(path)) if path.is_file() else None


def _is_whole(path: Path, shard: Shard) -> bool:
    try:
        check_size(path, shard)
    except (FileNotFoundError, ValueError):
        return False
    return True


def _short(value: object) -> str:
    return text if len(text := str(value)) < 60 else f"{text[:57]}..."


@contextmanager
def _explained(folder: Path, done: dict[int, Shard], total: int) -> Iterator[None]:
    """What stops the packing, with how far it came and that it can go on."""
    try:
        yield
    except BrokenProcessPool as error:
        raise RuntimeError(
            f"a packing process died, perhaps for lack of memory, with {len(done)} of {total} shards in {folder}; "
            "run it again to go on, with fewer processes"
        ) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        message = f"the disk of {folder} is full with {len(done)} of {total} shards written; make room and run it again"
        raise OSError(error.errno, message) from error


def _pack_rows(folder: Path, starts: range, dataset: Samples, number: int) -> Shard:
    rows = range(starts[number], min(starts[number] + starts.step, len(dataset)))
    samples = [dataset[row] for row in rows]
    places = [_place_of(dataset, row, sample) for row, sample in zip(rows, samples, strict=True)]
    return write_shard(folder, number, samples, places)


def _place_of(dataset: Samples, row: int, sample: object) -> str:
    """What the data set says, else the footprint, else the sample's name."""
    told = getattr(dataset, "places", None)
    if told is not None:
        return str(told[row])
    assert isinstance(sample, dict)
    bounds = sample.get("bounds")
    if isinstance(bounds, Tensor):
        return f"{sample.get('crs', '')} {bounds.tolist()}"
    return str(sample.get("id", row))


def _verify_shard(folder: Path, shards: Sequence[Shard], dataset: Samples | None, number: int) -> None:
    shard = shards[number]
    check_file(folder / shard.file, shard)
    if dataset is None:
        return
    opened, first = OpenShard(folder / shard.file, shard), sum(len(each) for each in shards[:number])
    for row, values in enumerate(shard.values):
        tensors, plain = split_sample(dataset[first + row])
        packed = opened.tensors(row)
        wrong = [key for key in tensors.keys() | packed.keys() if not _same(tensors.get(key), packed.get(key))]
        wrong += [key for key in plain.keys() | values.keys() if plain.get(key) != values.get(key)]
        if wrong:
            name = plain.get("id", f"row {first + row}")
            raise ValueError(
                f"{name} differs from its source in {', '.join(sorted(wrong))}: the source changed after {folder} was "
                "packed, or does not give the same twice; pack it again into another folder"
            )


def _same(a: Tensor | None, b: Tensor | None) -> bool:
    """Bit by bit, NaN too."""
    if a is None or b is None or a.dtype != b.dtype or a.shape != b.shape:
        return False
    return torch.equal(a.flatten().view(torch.uint8), b.flatten().view(torch.uint8))


_dataset: Samples | None = None  # of a worker process


def _remember(dataset: Samples | None) -> None:
    global _dataset
    _dataset = dataset


def _call(work: Callable[[Samples | None, int], T], number: int) -> T:
    return work(_dataset, number)


def _map(
    work: Callable[..., T], dataset: Samples | None, numbers: Sequence[int], processes: int | None, text: str
) -> Iterator[tuple[int, T]]:
    """`work(dataset, number)` for each number, in several processes, as they come."""
    count = min(processes or os.cpu_count() or 1, len(numbers))
    if count <= 1:
        for number in track(numbers, text):
            yield number, work(dataset, number)
        return
    with ProcessPoolExecutor(count, initializer=_remember, initargs=(dataset,)) as pool:
        futures: dict[Future[T], int] = {pool.submit(_call, work, number): number for number in numbers}
        try:
            for future in track(as_completed(futures), text, total=len(futures)):
                yield futures[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)
