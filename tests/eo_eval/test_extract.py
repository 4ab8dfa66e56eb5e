"""Embeddings as GeoParquet: what stands in the file, going on after an interruption, and what is refused."""

import builtins
import json
import struct

import pyarrow.parquet as pq
import pytest
import torch

from eo_data import SSL4EOS12, GeoTIFFFolder, PackedDataset, pack
from eo_data.synthetic import write_geotiff_folder, write_ssl4eo_s12
from eo_eval import extract, extract_features
from eo_eval.cli import main
from eo_models import create_model

PLAIN = {"num_workers": 0, "precision": "32-true"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Eleven places of two radar bands, whose files say where they lie."""
    root = tmp_path_factory.mktemp("own") / "earth"
    return write_geotiff_folder(root, sensor="sentinel1-grd", bands=["VV", "VH"], count=11, size=16)


@pytest.fixture
def own(folder):
    return GeoTIFFFolder(folder, sensor="sentinel1-grd", bands=["VV", "VH"])


@pytest.fixture
def model(tiny):
    torch.manual_seed(0)
    made = tiny(bands=("VV", "VH"), sensor="sentinel1-grd")
    made.normalization = [{"op": "affine", "scale": 0.1, "offset": 1.0}]
    return made


def test_the_file_holds_the_features_and_says_where_from(model, own, tmp_path):
    path = extract(model, own, tmp_path / "e.parquet", recipe="mine", part_rows=4, batch_size=3, **PLAIN)
    table = pq.read_table(path)
    assert table.column_names == ["id", "date", "geometry", "embedding", "model", "recipe"]
    expected = extract_features(model, own, batch_size=3)
    assert table["id"].to_pylist() == list(expected.ids)
    assert table.schema.field("embedding").type.list_size == expected.x.shape[1]
    assert str(table.schema.field("embedding").type.value_type) == "float"
    assert torch.equal(torch.tensor(table["embedding"].to_pylist()), expected.x)
    assert set(table["model"].to_pylist()) == {model.name}
    assert set(table["recipe"].to_pylist()) == {"mine"}
    assert table["date"].null_count == len(own)
    geo = json.loads(table.schema.metadata[b"geo"])
    assert geo["columns"][geo["primary_column"]]["encoding"] == "WKB"
    plan = json.loads(table.schema.metadata[b"eo_eval"])
    assert (plan["split_id"], plan["precision"], plan["normalization"]) == (
        own.split_id,
        "32-true",
        model.normalization,
    )
    assert [item.name for item in tmp_path.iterdir()] == ["e.parquet"]


def test_footprints_are_polygons_where_the_files_know(model, own, tmp_path):
    geometry = pq.read_table(extract(model, own, tmp_path / "e.parquet", **PLAIN))["geometry"]
    known = [row for row in range(len(own)) if "crs" in own[row]]
    assert len(geometry) - geometry.null_count == len(known)
    if known:
        assert struct.unpack_from("<BIII", geometry[known[0]].as_py()) == (1, 3, 1, 5)


def test_dates_and_seasons(tiny, samples, tmp_path):
    made = samples(
        [{"image": torch.rand(2, 3, 4, 4), "t": torch.tensor([0, 86_400 * (row + 1)]), "id": f"p{row}",
          "bounds": torch.tensor([9.0, 45.0, 10.0, 46.0]), "crs": "EPSG:4326"} for row in range(3)],
        bands=("R", "G", "B"), sensor="rgb", normalization=[],
    )  # fmt: skip
    table = pq.read_table(extract(tiny(), made, tmp_path / "e.parquet", **PLAIN))
    assert table["id"].to_pylist() == ["p0#0", "p0#1", "p1#0", "p1#1", "p2#0", "p2#1"]
    assert [str(date)[:10] for date in table["date"].to_pylist()][:2] == ["1970-01-01", "1970-01-02"]
    assert table["geometry"].null_count == 0


def test_stopped_it_goes_on_and_ends_with_the_same_file(model, own, tmp_path, monkeypatch):
    whole = extract(model, own, tmp_path / "whole.parquet", part_rows=3, **PLAIN)
    read, get = [], GeoTIFFFolder.read

    def stops(self, index):
        read.append(index)
        if index == 8 and len(read) < 15:
            raise KeyboardInterrupt
        return get(self, index)

    monkeypatch.setattr(GeoTIFFFolder, "read", stops)
    with pytest.raises(KeyboardInterrupt):
        extract(model, own, tmp_path / "parts.parquet", part_rows=3, batch_size=2, **PLAIN)
    assert not (tmp_path / "parts.parquet").exists()
    assert len(list((tmp_path / "parts.parquet.parts").glob("*.parquet"))) == 2
    with pytest.raises(ValueError, match="holds parts of another extraction, which differs in feature; delete it"):
        extract(model, own, tmp_path / "parts.parquet", feature="patch_mean", part_rows=3, batch_size=2, **PLAIN)
    read[:] = range(20)
    extract(model, own, tmp_path / "parts.parquet", part_rows=3, batch_size=2, **PLAIN)
    assert set(read[20:]) == {0, 1, 6, 7, 8, 9, 10}  # the first batch tells the shape; 2 to 5 are not read again
    assert pq.read_table(tmp_path / "parts.parquet").equals(pq.read_table(whole))


def test_packed_and_native_input(tmp_path):
    root = write_ssl4eo_s12(tmp_path / "earth", locations=3, size=24, seasons=1)
    source = SSL4EOS12(root, seasons=1, bands=["B02", "B05", "B01"], resolution="native")
    packed = PackedDataset(pack(source, tmp_path / "packed", processes=1))
    model = create_model("resnet18", bands=source.bands, sensor=source.sensor)
    path = extract(model, packed, tmp_path / "e.parquet", **PLAIN)
    fine = SSL4EOS12(root, seasons=1, bands=["B02", "B05", "B01"], resolution=10)
    expected = extract_features(model, fine)
    got = torch.tensor(pq.read_table(path)["embedding"].to_pylist())
    torch.testing.assert_close(got, expected.x, rtol=1e-2, atol=1e-2)  # but for the rounding of the finer grid


def test_bf16_is_close_and_said(model, own, tmp_path):
    path = extract(model, own, tmp_path / "e.parquet", precision="bf16-mixed", num_workers=0)
    table = pq.read_table(path)
    assert json.loads(table.schema.metadata[b"eo_eval"])["precision"] == "bf16-mixed"
    exact = extract_features(model, own).x
    got = torch.tensor(table["embedding"].to_pylist())
    torch.testing.assert_close(got, exact, rtol=3e-2, atol=3e-2)


def test_what_is_refused(model, own, samples, tmp_path, monkeypatch):
    (tmp_path / "there.parquet").write_text("x")
    with pytest.raises(FileExistsError, match="there.parquet is there already; delete it or name another file"):
        extract(model, own, tmp_path / "there.parquet")
    empty = samples([], bands=("VV", "VH"), sensor="sentinel1-grd")
    with pytest.raises(ValueError, match="Samples is empty: there is nothing to extract"):
        extract(model, empty, tmp_path / "e.parquet")
    torch.nn.init.constant_(next(model.parameters()), torch.inf)
    with pytest.raises(ValueError, match="the features of .* are not finite; look at the pixels"):
        extract(model, own, tmp_path / "e.parquet", **PLAIN)
    found = builtins.__import__

    def without(name, *arguments, **options):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return found(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match="GeoParquet wants pyarrow, the extra eo-eval.parquet.: pip install"):
        extract(model, own, tmp_path / "f.parquet")


def test_the_command(run, eurosat, tmp_path, capsys):
    output = tmp_path / "e.parquet"
    words = ["extract", str(run), "--data.name", "eurosat", "--data.root", str(eurosat), "--data.split", "val"]
    assert main([*words, "--output", str(output), "--num_workers", "0"]) == 0
    assert capsys.readouterr().out.strip() == str(output)
    assert set(pq.read_table(output)["recipe"].to_pylist()) == {"simclr_eurosat"}
    assert main([*words, "--output", str(output)]) == 2
    assert "is there already" in capsys.readouterr().err
    architecture = ["extract", "resnet18", *words[2:], "--output", str(tmp_path / "f.parquet"), "--num_workers", "0"]
    assert main(architecture) == 2
    assert "name a run, or pass --random" in capsys.readouterr().err
    assert main([*architecture, "--random"]) == 0
