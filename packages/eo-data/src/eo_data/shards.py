"""The packed format: safetensors files that hold samples as stored, and an index that says what and whose they are.

A folder holds `index.json` and `00000.safetensors`, `00001.safetensors`, ... A shard keeps every tensor of a sample
under `<row in the shard>.<key>`, in its own dtype and shape, so that any part of it can be read without the rest. What
is not a tensor (ids, coordinate systems) stands in the index, with checksums of every file and of every row.
"""

import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

INDEX = "index.json"
FORMAT = "eo-data packed 1"
Plain: TypeAlias = str | int | float | bool | None
"""What the index can hold of a sample."""


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One file of a packed data set, and what the index knows of its rows."""

    file: str
    size: int
    """Bytes."""
    sha256: str
    checks: list[int]
    """CRC-32 of each row's tensors."""
    places: list[str]
    """Where on Earth each row lies: rows of one place are never in one batch, unless asked."""
    values: list[dict[str, Plain]]
    """What each row holds besides tensors, such as its id."""

    def __len__(self) -> int:
        return len(self.checks)


@dataclass(frozen=True, kw_only=True)
class Index:
    """`index.json`: what the source said of itself, and the shards."""

    source: dict[str, object]
    shards: list[Shard]

    def write(self, folder: Path) -> None:
        """Appears under its name only when it is whole."""
        content = {"format": FORMAT, "source": self.source, "shards": [asdict(shard) for shard in self.shards]}
        write_whole(folder / INDEX, json.dumps(content).encode())


def read_index(text: str, where: str) -> Index:
    """The index from its JSON; anything else raises ValueError."""
    try:
        content = json.loads(text)
        if content["format"] != FORMAT:
            raise ValueError(f"its format is {content['format']!r}, expected {FORMAT!r}")
        return Index(source=content["source"], shards=[Shard(**shard) for shard in content["shards"]])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where} is not the index of a packed data set ({error}); pack again") from error


def write_shard(folder: Path, number: int, samples: Iterable[Mapping[str, object]], places: list[str]) -> Shard:
    """Write samples as one shard, under a temporary name until every byte is on the disk."""
    tensors: dict[str, Tensor] = {}
    checks, values = [], []
    for row, sample in enumerate(samples):
        held, plain = split_sample(sample)
        tensors |= {f"{row}.{key}": tensor for key, tensor in held.items()}
        checks.append(check_of(held))
        values.append(plain)
    content = save(tensors)
    file = f"{number:05d}.safetensors"
    write_whole(folder / file, content)
    digest = hashlib.sha256(content).hexdigest()
    return Shard(file=file, size=len(content), sha256=digest, checks=checks, places=places, values=values)


def split_sample(sample: Mapping[str, object]) -> tuple[dict[str, Tensor], dict[str, Plain]]:
    """The tensors of a sample, in memory of their own, and its plain values; anything else raises ValueError."""
    tensors: dict[str, Tensor] = {}
    plain: dict[str, Plain] = {}
    for key, value in sample.items():
        if isinstance(value, Tensor | np.ndarray):
            tensors[key] = torch.as_tensor(value).detach().cpu().clone(memory_format=torch.contiguous_format)
        elif value is None or isinstance(value, str | int | float | bool):
            plain[key] = value
        else:
            raise ValueError(
                f"sample {sample.get('id', '')!r} holds {key!r} of type {type(value).__name__}, and a shard can hold "
                "tensors, texts and numbers; take it out, or convert it, in the data set's transform"
            )
    return tensors, plain


def check_of(tensors: Mapping[str, Tensor]) -> int:
    """CRC-32 of names, dtypes, shapes and bytes: finds what disks and networks do to a row."""
    check = 0
    for key in sorted(tensors):
        tensor = tensors[key]
        check = zlib.crc32(f"{key} {tensor.dtype} {tuple(tensor.shape)}".encode(), check)
        check = zlib.crc32(tensor.flatten().view(torch.uint8).numpy().data, check)
    return check


class OpenShard:
    """A shard mapped into memory: nothing is read before it is looked at.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It does not have the size that the index says, or is no safetensors file.
    """

    def __init__(self, path: Path, shard: Shard) -> None:
        check_size(path, shard)
        try:
            self._file = cast(Any, safe_open(path, "pt"))  # its stubs lack types
        except SafetensorError as error:
            raise _altered(path, str(error)) from error
        self._path, self._shard = path, shard
        self._keys: list[list[str]] = [[] for _ in shard.checks]
        for name in self._file.keys():  # noqa: SIM118 (it is no mapping)
            row, _, key = name.partition(".")
            self._keys[int(row)].append(key)

    def tensors(self, row: int) -> dict[str, Tensor]:
        """The tensors of a row, still on the disk; never change them in place."""
        return {key: self._file.get_tensor(f"{row}.{key}") for key in self._keys[row]}

    def check(self, row: int) -> None:
        """Read all of a row; raises ValueError if its bytes are not those that were packed."""
        if check_of(self.tensors(row)) != self._shard.checks[row]:
            raise _altered(self._path, f"the checksum of row {row} ({self._shard.values[row].get('id', '')}) is wrong")


def check_size(path: Path, shard: Shard) -> None:
    """Raises for a shard that is missing, or shorter or longer than the index says."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing, which the index lists; {_WAY_OUT}")
    size = path.stat().st_size
    if size != shard.size:
        raise _altered(path, f"it has {size} bytes, the index says {shard.size}")


def check_file(path: Path, shard: Shard) -> None:
    """Raises for a shard of which any byte differs from what was packed."""
    check_size(path, shard)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != shard.sha256:
        raise _altered(path, f"its sha256 is {found}, the index says {shard.sha256}")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is either there with all its bytes or not there."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


_WAY_OUT = "delete that file, if it is there, and run the same `eo-data pack` again: it writes what is missing"


def _altered(path: Path, what: str) -> ValueError:
    return ValueError(f"{path} is truncated or altered: {what}; {_WAY_OUT}")
