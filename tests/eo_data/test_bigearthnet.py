import hashlib
import json
import pickle
import shutil
import sys
import tarfile

import pytest
import torch
from pyarrow import Table, parquet

from eo_data import SENSORS, BigEarthNet
from eo_data.corine import CLASSES19, CLASSES43
from eo_data.download import Archive
from eo_data.synthetic import write_bigearthnet

L2A = SENSORS["sentinel2-l2a"].band_names


@pytest.fixture(scope="module")
def made_once(tmp_path_factory):
    top = tmp_path_factory.mktemp("bigearthnet")
    return {
        version: write_bigearthnet(top / version, per_split=(6, 3, 2), version=version, size=12)
        for version in ("v1", "v2")
    }


@pytest.fixture
def v1(tmp_path, made_once):
    return shutil.copytree(made_once["v1"], tmp_path / "v1")


@pytest.fixture
def v2(tmp_path, made_once):
    return shutil.copytree(made_once["v2"], tmp_path / "v2")


def names(dataset, index):
    return {dataset.classes[k] for k in dataset[index]["label"].nonzero().flatten()}


def label_files(root, product="BigEarthNet-v1.0"):
    return sorted((root / product).glob("*/*_labels_metadata.json"))


def test_official_split_of_v1(v1):
    dataset = BigEarthNet(v1, "train")
    rows = [line.split(",") for line in (v1 / "train.csv").read_text().split()]
    assert dataset.ids == tuple(s2 for s2, _ in rows)
    assert (dataset.bands, dataset.sensor, dataset.units) == (L2A, "sentinel2-l2a", ("dn",) * 12)
    assert (dataset.classes, dataset.normalization[0]["op"]) == (CLASSES19, "standardize")
    sample = dataset[0]
    assert (sample["image"].shape, sample["image"].dtype) == ((12, 12, 12), torch.uint16)
    assert (sample["label"].shape, sample["label"].dtype, sample["id"]) == ((19,), torch.float32, rows[0][0])
    assert [len(BigEarthNet(v1, split)) for split in ("val", "test")] == [3, 2]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_sensors_are_paired_and_radar_comes_first(v1, v2, version):
    root = {"v1": v1, "v2": v2}[version]
    pair = BigEarthNet(root, "val", version=version, product=("s2", "s1"), bands={"s2": ["B8A", "B2"]})
    assert pair.bands == ("VV", "VH", "B8A", "B02")
    assert pair.sensor == "sentinel1-grd+sentinel2-l2a"
    alone = [BigEarthNet(root, "val", version=version, product=product) for product in ("s1", "s2")]
    for index in range(3):
        sample = pair[index]
        assert torch.equal(sample["s1"], alone[0][index]["image"])
        assert torch.equal(sample["s2"], alone[1][index]["image"][[8, 1]])
        assert torch.equal(sample["label"], alone[0][index]["label"])
        assert sample["id"] == alone[0][index]["id"] == alone[1][index]["id"]
    assert alone[0].units == ("db", "db")


def test_43_classes_are_the_names_in_the_json(v1):
    dataset = BigEarthNet(v1, "test", num_classes=43)
    assert dataset.classes == CLASSES43
    for index, name in enumerate(dataset.ids):
        path = v1 / "BigEarthNet-v1.0" / name / f"{name}_labels_metadata.json"
        assert names(dataset, index) == set(json.loads(path.read_text())["labels"])


def test_v2_has_the_labels_of_its_metadata(v2):
    rows = {row["patch_id"]: row for row in parquet.read_table(v2 / "metadata.parquet").to_pylist()}
    for split, official in (("train", "train"), ("val", "validation"), ("test", "test")):
        dataset = BigEarthNet(v2, split, version="v2")
        assert list(dataset.ids) == [name for name, row in rows.items() if row["split"] == official]
        for index, name in enumerate(dataset.ids):
            assert names(dataset, index) == {each.replace(", shrub", "/shrub") for each in rows[name]["labels"]}
    assert len(BigEarthNet(v2, "all", version="v2")) == 11


def test_native_resolutions(v1):
    sample = BigEarthNet(v1, "test", product=("s1", "s2"), resolution="native")[0]
    shapes = {key: tuple(value.shape) for key, value in sample.items() if key not in ("id", "label")}
    assert shapes == {"s1_10m": (2, 12, 12), "s2_10m": (4, 12, 12), "s2_20m": (6, 6, 6), "s2_60m": (2, 2, 2)}


def test_the_split_of_seco_leaves_out_snow_and_clouds(v1):
    both = {split: set(BigEarthNet(v1, split, splits="seco").ids) for split in ("train", "val")}
    kept = {split: set(BigEarthNet(v1, split, splits="seco", clean=False).ids) for split in ("train", "val")}
    bad = {(v1 / name).read_text().strip() for name in BigEarthNet.BAD_LISTS}
    assert not both["train"] & both["val"]
    assert (kept["train"] | kept["val"]) - (both["train"] | both["val"]) == bad
    assert set(BigEarthNet(v1, "all").ids) == both["train"] | both["val"]
    assert len(BigEarthNet(v1, "val", splits="seco", product=("s1", "s2"))) == len(both["val"])
    (v1 / BigEarthNet.BAD_LISTS[0]).unlink()
    with pytest.raises(FileNotFoundError, match="no list .*seasonal_snow.csv of patches to leave out; .*clean=False"):
        BigEarthNet(v1, "train", splits="seco")


def test_fractions_are_nested_and_equal_for_both_sensors(v1):
    half, whole = (BigEarthNet(v1, "train", fraction=share).ids for share in (0.5, 1.0))
    third = BigEarthNet(v1, "train", fraction=0.34, product="s1").ids
    assert (len(third), len(half), len(whole)) == (2, 3, 6)
    assert set(third) < set(half) < set(whole)
    drawn = BigEarthNet(v1, "train", fraction=1.0, replacement=True, seed=42).ids
    assert len(drawn) == 6 > len(set(drawn))


def test_workers_may_read_it(v1):
    dataset = BigEarthNet(v1, "test")
    assert torch.equal(pickle.loads(pickle.dumps(dataset))[1]["image"], dataset[1]["image"])


def test_a_label_file_that_cannot_be_parsed(v1):
    name = BigEarthNet(v1, "train").ids[2]
    path = v1 / "BigEarthNet-v1.0" / name / f"{name}_labels_metadata.json"
    for broken in ('{"labels": ["Pastures"', "[]", '{"coordinates": {}}'):
        path.write_text(broken)
        with pytest.raises(ValueError, match=r"_labels_metadata.json is not a label file .*incomplete='skip'"):
            BigEarthNet(v1, "train")[2]
    dataset = BigEarthNet(v1, "train", incomplete="skip")
    assert (len(dataset), dataset.skipped) == (5, (name,))


def test_labels_outside_the_nomenclature(v1):
    name = BigEarthNet(v1, "train").ids[0]
    path = v1 / "BigEarthNet-v1.0" / name / f"{name}_labels_metadata.json"
    path.write_text(json.dumps({"labels": ["Rice field"]}))
    with pytest.raises(
        ValueError, match=r"_labels_metadata.json: unknown land cover 'Rice field'; nearest known: Rice f"
    ):
        BigEarthNet(v1, "train")[0]


def test_patches_that_are_missing(v1):
    dataset = BigEarthNet(v1, "train")
    shutil.rmtree(v1 / "BigEarthNet-v1.0" / dataset.ids[1])
    with pytest.raises(
        FileNotFoundError, match=f"1 of the 6 patches of train are not .*1 lack s2, such as {dataset.ids[1]}"
    ):
        BigEarthNet(v1, "train")
    assert BigEarthNet(v1, "train", incomplete="skip").skipped == (dataset.ids[1],)
    (v1 / "BigEarthNet-v1.0" / dataset.ids[0] / f"{dataset.ids[0]}_B03.tif").unlink()
    with pytest.raises(FileNotFoundError, match="has no .*_B03.tif; fetch this patch again"):
        BigEarthNet(v1, "train", incomplete="skip", bands=["B02", "B03"])


def test_nothing_there(v1, tmp_path):
    with pytest.raises(FileNotFoundError, match="no list train.csv or bigearthnet-train.csv .*split='all'"):
        BigEarthNet(tmp_path / "none", "train")
    with pytest.raises(FileNotFoundError, match="no BigEarthNet v1 images of s2 .*BigEarthNet-S2-v1.0.tar.gz there"):
        BigEarthNet(tmp_path / "none", "all")
    with pytest.raises(FileNotFoundError, match=r"no .*metadata.parquet; put it there or pass download=True"):
        BigEarthNet(tmp_path / "none", "train", version="v2")
    (v1 / "test.csv").write_text("S2A_MSIL2A_0_0,S1A_0_0\n")
    with pytest.raises(FileNotFoundError, match="none of the 1 patches of test"):
        BigEarthNet(v1, "test", incomplete="skip")


def test_bad_arguments(v1):
    for wrong, message in (
        ({"product": "s3"}, "unknown product 's3'"),
        ({"version": "v3"}, "unknown version 'v3'"),
        ({"version": "v2", "num_classes": 43}, "v2 has 19 classes and its official splits, got num_classes=43"),
        ({"num_classes": 20}, "num_classes must be 19 or 43"),
        ({"bands": {"s1": ["VV"]}}, "'s1', which is not among the products"),
        ({"product": ("s1", "s2"), "bands": ["B02"]}, "for two products bands is a mapping"),
        ({"fraction": 0}, "fraction must be in"),
    ):
        with pytest.raises(ValueError, match=message):
            BigEarthNet(v1, "train", **wrong)


def test_parquet_is_an_extra(v2, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"metadata.parquet wants the package pyarrow; install eo-data\[parquet\]"):
        BigEarthNet(v2, "train", version="v2")


def test_a_broken_metadata_file(v2):
    parquet.write_table(Table.from_pylist([{"patch_id": "a", "split": "train"}]), v2 / "metadata.parquet")
    with pytest.raises(ValueError, match="has no column s1_name, labels"):
        BigEarthNet(v2, "train", version="v2")
    (v2 / "metadata.parquet").write_bytes(b"PAR1 but no more")
    with pytest.raises(ValueError, match="metadata.parquet is not a readable parquet file"):
        BigEarthNet(v2, "train", version="v2")


def test_download_joins_the_parts_of_an_archive(v2, tmp_path, monkeypatch):
    whole = tmp_path / "whole.tar.gz"
    with tarfile.open(whole, "w:gz") as file:
        file.add(v2 / "BigEarthNet-S1", "BigEarthNet-S1")
    content, parts = whole.read_bytes(), []
    for ending, piece in (("aa", content[:999]), ("ab", content[999:])):
        path = tmp_path / f"BigEarthNet-S1.tar.gz{ending}"
        path.write_bytes(piece)
        parts.append(Archive(path.as_uri(), md5=hashlib.md5(piece).hexdigest()))
    metadata = (v2 / "metadata.parquet").read_bytes()
    monkeypatch.setattr(BigEarthNet, "ARCHIVES", {("v2", "s1"): parts})
    monkeypatch.setattr(
        BigEarthNet, "METADATA", Archive((v2 / "metadata.parquet").as_uri(), md5=hashlib.md5(metadata).hexdigest())
    )
    fetched = BigEarthNet(tmp_path / "fetched", "val", version="v2", product="s1", download=True)
    there = BigEarthNet(v2, "val", version="v2", product="s1")
    assert fetched.ids == there.ids
    assert torch.equal(fetched[0]["image"], there[0]["image"])


def test_sources_have_an_address_and_a_hash():
    for parts in BigEarthNet.ARCHIVES.values():
        assert all(part.url.startswith("https://") and part.md5 for part in parts)
    assert BigEarthNet.LISTS["val"].filename == "val.csv"


@pytest.mark.parametrize("product", ["s1", "s2", ("s1", "s2")])
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_layouts_of_torchgeo(real_data, version, product):
    root = real_data / "synthetic_layouts_torchgeo" / "bigearthnet" / version
    for split, counts in (("train", {"v1": 2, "v2": 1}), ("val", {"v1": 1, "v2": 1}), ("test", {"v1": 1, "v2": 1})):
        dataset = BigEarthNet(root, split, version=version, product=product)
        assert len(dataset) >= counts[version]
        for index, name in enumerate(dataset.ids):
            if version == "v1":
                stored = json.loads(next((root / "BigEarthNet-v1.0" / name).glob("*.json")).read_text())["labels"]
            else:
                table = parquet.read_table(root / "metadata.parquet").to_pylist()
                stored = next(row["labels"] for row in table if row["patch_id"] == name)
            assert torch.equal(
                dataset[index]["label"], dataset.label_of(dataset._patches[index]._replace(labels=tuple(stored)))
            )


def test_real_patches_of_v1(real_data):
    root = real_data / "bigearthnet_v1"
    dataset = BigEarthNet(root, "all", num_classes=43, clean=False)
    assert len(dataset) == 12
    for index, name in enumerate(dataset.ids):
        stored = json.loads((root / "BigEarthNet-v1.0" / name / f"{name}_labels_metadata.json").read_text())["labels"]
        assert names(dataset, index) == set(stored)
        assert dataset[index]["image"].shape == (12, 120, 120)
    radar = BigEarthNet(root, "all", product="s1", clean=False)
    assert radar.ids[0] == "S2A_MSIL2A_20170613T101031_61_39"
    assert names(radar, 0) == {"Arable land", "Broad-leaved forest", "Inland waters"}
    assert -40 < radar[0]["image"].mean() < 0


def test_real_patches_of_v2_in_the_true_layout(real_data, tmp_path):
    """The sample has its metadata as JSON, and Sentinel-1 under the name of the Sentinel-2 patch."""
    source = real_data / "bigearthnet_v2"
    rows = json.loads((source / "metadata.json").read_text())
    (tmp_path / "BigEarthNet-S2").symlink_to(source / "BigEarthNet-S2")
    for row in rows:
        satellite, _, time, *_, tile, h, v = row["patch_id"].split("_")
        row["s1_name"] = f"S1{satellite[-1]}_IW_GRDH_1SDV_{time}_{tile[1:]}_{h}_{v}"
        folder = tmp_path / "BigEarthNet-S1" / row["s1_name"].rsplit("_", 3)[0] / row["s1_name"]
        folder.mkdir(parents=True)
        for path in (source / "S1_under_S2_name" / row["patch_id"]).glob("*.tif"):
            shutil.copy(path, folder / f"{row['s1_name']}_{path.stem[-2:]}.tif")
    parquet.write_table(Table.from_pylist(rows), tmp_path / "metadata.parquet")
    dataset = BigEarthNet(tmp_path, "all", version="v2", product=("s1", "s2"))
    assert len(dataset) == len(rows) == 11
    for index, row in enumerate(rows):
        sample = dataset[index]
        assert sample["id"] == row["patch_id"]
        assert names(dataset, index) == {name.replace(", shrub", "/shrub") for name in row["labels"]}
        assert (sample["s1"].shape, sample["s2"].shape) == ((2, 120, 120), (12, 120, 120))
    by_split = [len(BigEarthNet(tmp_path, split, version="v2")) for split in ("train", "val", "test")]
    assert sum(by_split) == 11
