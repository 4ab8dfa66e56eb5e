# /// script
# requires-python = ">=3.11"
# dependencies = ["eo-data", "requests", "torchgeo==0.8.1"]
#
# [tool.uv]
# exclude-newer = "2026-11-15T00:00:00Z"
#
# [tool.uv.sources]
# eo-data = { path = "../packages/eo-data", editable = true }
# ///
"""Reading one sample: TorchGeo's data sets, ours from the same files, and ours packed, in one process.

    uv run benchmarks/reading.py --ssl4eo $EO_DATA_DIR/ssl4eo_s12_like --eurosat $EO_DATA_DIR/eurosat_ms

Contenders take turns of ten readings; the least CPU time of each counts, with the files in the kernel's cache and torch
on one thread. Packed rows are read as after their first time in a process, which checks their checksum (last line).
TorchGeo 0.8.1 imports requests without declaring it; later releases want Python 3.12.
"""

import argparse
import platform
import tempfile
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor
from torchgeo import datasets as torchgeo

from eo_data import SSL4EOS12, EuroSAT, PackedDataset, native_images, on_one_grid, pack

ROUNDS, READS = 20, 10  # turns of each contender, readings a turn


def least_cpu(contenders: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Least CPU milliseconds of each; they take turns."""
    for contender in contenders.values():
        contender()
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(ROUNDS):
        for name, contender in contenders.items():
            begin = time.process_time()
            for _ in range(READS):
                contender()
            best[name] = min(best[name], 1e3 * (time.process_time() - begin) / READS)
    return best


def show(title: str, best: dict[str, float]) -> None:
    """A row each, with the ratio to the first, which is the peer."""
    print(f"\n{title}")
    peer = next(iter(best.values()))
    for name, milliseconds in best.items():
        print(f"  {name:58} {milliseconds:8.3f} ms  {peer / milliseconds:6.1f}x", flush=True)


def compare_ssl4eo(root: Path, scratch: Path) -> None:
    """One place, one season, 13 files."""
    (scratch / "ssl4eo/s2c").mkdir(parents=True)
    for number, place in enumerate(sorted((root / "s2c").iterdir())):
        (scratch / f"ssl4eo/s2c/{number:07d}").symlink_to(place.absolute())  # TorchGeo counts, and wants seven digits
    theirs = torchgeo.SSL4EOS12(str(scratch / "ssl4eo"), split="s2c", seasons=1)
    ours = SSL4EOS12(scratch / "ssl4eo", seasons=1)
    native = SSL4EOS12(scratch / "ssl4eo", seasons=1, resolution="native")
    on_10m = PackedDataset(pack(ours, scratch / "on_10m", processes=1))
    as_stored = PackedDataset(pack(native, scratch / "native", processes=1))
    groups = native_images("image", ours.sensor, ours.bands)
    assert torch.equal(ours[0]["image"], on_10m[0]["image"]), "packing changed a pixel"

    def from_native() -> Tensor:
        return on_one_grid(as_stored[0], groups, ours.bands)

    crop_10m, crop_native = PackedDataset(scratch / "on_10m", crop=224), PackedDataset(scratch / "native", crop=228)
    whole = {
        "torchgeo.datasets.SSL4EOS12 (nearest)": lambda: theirs[0],
        "SSL4EOS12, from the files (bilinear), float32": lambda: ours[0]["image"].float(),
        "packed on the 10 m grid, float32": lambda: on_10m[0]["image"].float(),
        "packed native, to one grid as on the device, float32": from_native,
    }
    show("SSL4EO-S12 s2c, 13 bands, 264 x 264 float32", least_cpu(whole))
    crops = {
        "torchgeo.datasets.SSL4EOS12, whole": lambda: theirs[0],
        "packed on the 10 m grid, random 224 crop, uint16": lambda: crop_10m[0],
        "packed native, random 228 crop (whole 60 m pixels), uint16": lambda: crop_native[0],
    }
    show("SSL4EO-S12 s2c, 13 bands, a crop, kept integer", least_cpu(crops))


def compare_eurosat(root: Path, scratch: Path) -> None:
    """One GeoTIFF of 13 bands."""
    theirs, ours = torchgeo.EuroSAT(str(root), split="train"), EuroSAT(root, "train", images="ms")
    packed = PackedDataset(pack(ours, scratch / "eurosat", processes=1))
    contenders = {
        "torchgeo.datasets.EuroSAT": lambda: theirs[3],
        "EuroSAT, from the file, float32": lambda: ours[3]["image"].float(),
        "packed, float32": lambda: packed[3]["image"].float(),
        "packed, uint16": lambda: packed[3],
    }
    show("EuroSAT, 13 bands, 64 x 64", least_cpu(contenders))


def first_readings(scratch: Path) -> None:
    """What the checksum costs, once."""
    dataset = PackedDataset(scratch / "eurosat")
    dataset[0]
    begin = time.process_time()
    for row in range(1, len(dataset)):
        dataset[row]
    spent = 1e3 * (time.process_time() - begin) / (len(dataset) - 1)
    print(f"\nfirst reading of a packed EuroSAT row, with its checksum: {spent:.3f} ms")


def main() -> None:
    """Reads the command line, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ssl4eo", type=Path, required=True, help="folder with s2c/<place>/<season>/<band>.tif")
    parser.add_argument("--eurosat", type=Path, required=True, help="folder of EuroSAT's GeoTIFFs")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    packages = ", ".join(f"{name} {version(name)}" for name in ("eo-data", "torchgeo", "rasterio", "torch"))
    print(f"{packages}, Python {platform.python_version()}, one thread, CPU time")
    with tempfile.TemporaryDirectory() as folder:
        compare_ssl4eo(asked.ssl4eo, Path(folder))
        compare_eurosat(asked.eurosat, Path(folder))
        first_readings(Path(folder))


if __name__ == "__main__":
    main()
