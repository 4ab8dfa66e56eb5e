import hashlib
import pickle
import shutil
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from threading import Thread
from types import MappingProxyType

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from eo_data import SENSORS, EuroSAT
from eo_data.download import Archive

L1C = SENSORS["sentinel2-l1c"].band_names


def test_pictures(eurosat_rgb, eurosat_names):
    dataset = EuroSAT(eurosat_rgb, "train")
    assert len(dataset) == 20
    assert dataset.ids == tuple(eurosat_names["train"])
    assert (dataset.bands, dataset.sensor, dataset.units) == (("R", "G", "B"), "rgb", ("uint8",) * 3)
    assert dataset.classes == EuroSAT.CLASSES
    assert dataset.normalization[0]["op"] == "standardize"
    for index, name in enumerate(dataset.ids):
        sample = dataset[index]
        kind, number = name.split("_")
        assert sample["id"] == name
        assert sample["label"].dtype == torch.int64
        assert dataset.classes[sample["label"]] == kind
        assert (sample["image"].shape, sample["image"].dtype) == ((3, 64, 64), torch.uint8)
        colour = sample["image"].float().mean(dim=(1, 2))
        assert torch.allclose(colour, torch.tensor([sample["label"] * 25.0, int(number) * 50.0, 0.0]), atol=3)


def test_b8a_comes_to_its_place_by_name(eurosat_ms):
    dataset = EuroSAT(eurosat_ms, "val", images="ms")
    assert dataset.bands == L1C
    assert (dataset.sensor, set(dataset.units)) == ("sentinel2-l1c", {"dn"})
    image = dataset[0]["image"]
    assert (image.shape, image.dtype) == ((13, 64, 64), torch.uint16)
    found = dict(zip(dataset.bands, image.int()[:, 0, 0].tolist(), strict=True))
    assert found == {band: 100 * place for place, band in enumerate(EuroSAT.MS_FILE_BANDS, 1)}
    assert list(found)[8] == "B8A"
    assert found["B8A"] == 1300  # the last of the file


def test_bands_in_any_order_and_spelling(eurosat_ms, eurosat_rgb):
    dataset = EuroSAT(eurosat_ms, "val", images="ms", bands=["B8a", "b4", "10 - SWIR - Cirrus"])
    assert dataset.bands == ("B8A", "B04", "B10")
    assert dataset[3]["image"].int()[:, 5, 5].tolist() == [1300, 400, 1000]
    assert EuroSAT(eurosat_rgb, "val", bands=["green"])[0]["image"].shape == (1, 64, 64)


def test_indexing_is_that_of_a_sequence(eurosat_rgb):
    dataset = EuroSAT(eurosat_rgb, "val")
    assert dataset[-1]["id"] == dataset.ids[-1]
    assert dataset[np.int64(2)]["id"] == dataset[torch.tensor(2)]["id"] == dataset.ids[2]
    with pytest.raises(IndexError):
        dataset[10]
    assert [sample["id"] for sample in dataset] == list(dataset.ids)


def test_transform_sees_each_sample(eurosat_rgb):
    dataset = EuroSAT(eurosat_rgb, "val", transform=lambda sample: {**sample, "image": sample["image"][:, :8, :8]})
    assert dataset[0]["image"].shape == (3, 8, 8)


@pytest.mark.parametrize("folder", ["2750", "EuroSAT_RGB", "."])
def test_folders_that_hold_the_classes(tmp_path, eurosat_rgb, folder):
    shutil.copytree(eurosat_rgb / "2750", tmp_path / "other" / folder)
    shutil.copy(eurosat_rgb / "eurosat-val.txt", tmp_path / "other")
    assert EuroSAT(tmp_path / "other", "val")[0]["id"] == "AnnualCrop_3"


def test_a_list_beside_the_images_wins(eurosat_rgb):
    official = EuroSAT(eurosat_rgb, "val")
    assert official.split_list == eurosat_rgb / "eurosat-val.txt"
    (eurosat_rgb / "eurosat-spatial-val.txt").write_text("River_1.jpg\n\nForest_2.tif\n")
    spatial = EuroSAT(eurosat_rgb, "val", splits="spatial")
    assert spatial.ids == ("River_1", "Forest_2")
    assert spatial.split_id != official.split_id


def test_split_id_depends_on_the_images_and_not_on_their_order(eurosat_rgb):
    before = EuroSAT(eurosat_rgb, "val").split_id
    path = eurosat_rgb / "eurosat-val.txt"
    path.write_text("\n".join(reversed(path.read_text().split())))
    assert EuroSAT(eurosat_rgb, "val").split_id == before
    assert len(before) == 12
    path.write_text("River_1.jpg")
    assert EuroSAT(eurosat_rgb, "val").split_id != before


def test_shipped_lists_are_the_official_ones():
    sizes = {"official": (16200, 5400, 5400), "spatial": (16200, 5400, 5400), "100": (60, 20, 20)}
    folder = resources.files("eo_data") / "eurosat_splits"
    for splits, expected in sizes.items():
        lists = [
            (folder / f"{EuroSAT.LISTS[splits]}{split}.txt").read_text().split() for split in ("train", "val", "test")
        ]
        assert tuple(map(len, lists)) == expected
        assert len(set().union(*lists)) == sum(expected)
    digest = hashlib.sha256((folder / "eurosat-train.txt").read_bytes()).hexdigest()
    assert digest == "1c1d2e855f95deee605a3d992f914d113fddbecf422ec61648057d029a37d695"  # TorchGeo's


def test_half_a_split_is_counted(eurosat_rgb):
    (eurosat_rgb / "2750" / "River" / "River_1.jpg").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"half a split: 1 of the 20 images .* such as River_1; .*download=True"
    ):
        EuroSAT(eurosat_rgb, "train")
    assert len(EuroSAT(eurosat_rgb, "val")) == 10


def test_without_a_list_beside_them_the_shipped_one_finds_half_a_split(eurosat_rgb):
    (eurosat_rgb / "eurosat-test.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"half a split: 53\d\d of the 5400 .*eurosat_splits.eurosat-test.txt"):
        EuroSAT(eurosat_rgb, "test")


def test_a_missing_root_and_an_empty_one(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"under root='.*nowhere', for .*nowhere does not exist; looked for .*2750"
    ):
        EuroSAT(tmp_path / "nowhere", "train")
    with pytest.raises(FileNotFoundError, match=r"looked for .*unpack EuroSATallBands.zip there or pass download=True"):
        EuroSAT(tmp_path, "train", images="ms")


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"split": "validation"}, "unknown split 'validation'; known: train, val, test"),
        ({"images": "msi"}, "unknown images 'msi'; nearest known: ms"),
        ({"splits": "spacial"}, "unknown splits 'spacial'; nearest known: spatial"),
        ({"bands": ["B04"]}, "unknown band 'B04' of rgb"),
    ],
)
def test_arguments_out_of_the_vocabulary(eurosat_rgb, argument, message):
    with pytest.raises(ValueError, match=message):
        EuroSAT(eurosat_rgb, **{"split": "train", **argument})


def test_a_list_that_names_other_things(eurosat_rgb):
    (eurosat_rgb / "eurosat-val.txt").write_text("Desert_1.jpg\n")
    with pytest.raises(ValueError, match=r"eurosat-val.txt lists 'Desert_1', whose class is none of AnnualCrop"):
        EuroSAT(eurosat_rgb, "val")
    (eurosat_rgb / "eurosat-val.txt").write_text("\n")
    with pytest.raises(ValueError, match=r"eurosat-val.txt lists no images"):
        EuroSAT(eurosat_rgb, "val")


def test_broken_files_are_named(eurosat_rgb, eurosat_ms, write_geotiff):
    path = eurosat_rgb / "2750" / "AnnualCrop" / "AnnualCrop_3.jpg"
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(ValueError, match=r"2750/AnnualCrop/AnnualCrop_3.jpg cannot be read"):
        EuroSAT(eurosat_rgb, "val")[0]
    path = next(eurosat_ms.rglob("AnnualCrop_3.tif"))
    write_geotiff(path, np.zeros((12, 64, 64), np.uint16))
    with pytest.raises(ValueError, match=r"AnnualCrop_3.tif: expected 13 bands \(B01, .*B12, B8A\), found 12"):
        EuroSAT(eurosat_ms, "val", images="ms")[0]


@pytest.mark.parametrize("context", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_loader_workers(eurosat_ms, context):
    dataset = EuroSAT(eurosat_ms, "val", images="ms")
    loader = DataLoader(dataset, batch_size=5, num_workers=1, multiprocessing_context=context)
    batches = list(loader)
    assert [batch["image"].shape for batch in batches] == [(5, 13, 64, 64)] * 2
    assert batches[0]["image"].dtype == torch.uint16
    assert [name for batch in batches for name in batch["id"]] == list(dataset.ids)


def test_it_pickles(eurosat_rgb):
    dataset = EuroSAT(eurosat_rgb, "val")
    copy = pickle.loads(pickle.dumps(dataset))
    assert torch.equal(copy[4]["image"], dataset[4]["image"])


def test_archives_have_pinned_revisions_and_hashes():
    for archive in EuroSAT.ARCHIVES.values():
        revision = archive.url.split("/")[-2]
        assert len(revision) == 40
        assert archive.url.startswith("https://")


class DropsOnce(SimpleHTTPRequestHandler):
    """Breaks the first connection off after 1000 bytes, then honours the range asked for."""

    dropped = False

    def do_GET(self):
        content = Path(self.translate_path(self.path)).read_bytes()
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start:] if DropsOnce.dropped else content[:1000])
        DropsOnce.dropped = True

    def log_message(self, *arguments):
        pass


@pytest.fixture
def archive_on_a_bad_line(eurosat_rgb, tmp_path, monkeypatch):
    web = tmp_path / "web"
    web.mkdir()
    with zipfile.ZipFile(web / "EuroSAT.zip", "w") as archive:
        for path in sorted((eurosat_rgb / "2750").rglob("*.jpg")):
            archive.write(path, path.relative_to(eurosat_rgb))
    DropsOnce.dropped = False
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(DropsOnce, directory=web)) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        md5 = hashlib.md5((web / "EuroSAT.zip").read_bytes()).hexdigest()
        archive = Archive(f"http://127.0.0.1:{server.server_port}/EuroSAT.zip", md5=md5)
        monkeypatch.setattr(EuroSAT, "ARCHIVES", MappingProxyType({"rgb": archive}))
        yield
        server.shutdown()


@pytest.mark.parametrize("half", [False, True])
def test_download_fills_what_is_missing(archive_on_a_bad_line, eurosat_rgb, tmp_path, half):
    root = tmp_path / "downloaded"
    root.mkdir()
    shutil.copy(eurosat_rgb / "eurosat-train.txt", root)
    if half:
        shutil.copytree(eurosat_rgb / "2750" / "River", root / "2750" / "River")
    dataset = EuroSAT(root, "train", download=True)
    assert DropsOnce.dropped
    assert len([dataset[index] for index in range(len(dataset))]) == 20


def test_nothing_is_downloaded_that_is_there(archive_on_a_bad_line, eurosat_rgb):
    EuroSAT(eurosat_rgb, "train", download=True)
    assert not DropsOnce.dropped


def test_real_images(real_data):
    for images, size in (("rgb", 9000), ("ms", 165)):
        dataset = EuroSAT(real_data / f"eurosat_{images}", "train", images=images)
        assert len(dataset) == size
        assert dataset[7]["image"].shape == (len(dataset.bands), 64, 64)
    image = dict(zip(dataset.bands, dataset[0]["image"].float().mean(dim=(1, 2)), strict=True))
    assert image["B8A"] > image["B09"] > image["B10"]


def test_a_layout_that_torchgeo_made(real_data):
    root = real_data / "synthetic_layouts_torchgeo" / "eurosat"
    dataset = EuroSAT(root, "train", images="ms")
    assert dataset[0]["image"].shape == (13, 64, 64)
