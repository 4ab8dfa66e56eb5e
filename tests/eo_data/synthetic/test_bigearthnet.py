import json

import numpy as np
import pytest
import rasterio
from pyarrow import parquet

from eo_data.corine import CORINE
from eo_data.synthetic import write_bigearthnet


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    top = tmp_path_factory.mktemp("ben")
    return {v: write_bigearthnet(top / v, per_split=(2, 1, 1), version=v, size=12, seed=3) for v in ("v1", "v2")}


def test_v1_has_its_jsons_and_lists(roots):
    root = roots["v1"]
    patches = sorted((root / "BigEarthNet-v1.0").iterdir())
    assert len(patches) == len(list((root / "BigEarthNet-S1-v1.0").iterdir())) == 6
    for patch in patches:
        facts = json.loads((patch / f"{patch.name}_labels_metadata.json").read_text())
        assert set(facts["labels"]) <= {name for _, name, _ in CORINE}
        assert facts["coordinates"]["lrx"] - facts["coordinates"]["ulx"] == 120
        assert len(list(patch.glob("*.tif"))) == 12
    s2, s1 = (root / "test.csv").read_text().strip().split(",")
    facts = json.loads(next((root / "BigEarthNet-S1-v1.0" / s1).glob("*.json")).read_text())
    assert facts["corresponding_s2_patch"] == s2
    named = {
        (root / name).read_text().strip()
        for name in ("patches_with_seasonal_snow.csv", "patches_with_cloud_and_shadow.csv")
    }
    assert len(named & {patch.name for patch in patches}) == 2


def test_v2_has_its_table_and_maps(roots):
    root = roots["v2"]
    rows = parquet.read_table(root / "metadata.parquet").to_pylist()
    assert [row["split"] for row in rows] == ["train", "train", "validation", "test"]
    for row in rows:
        tile = row["patch_id"].rsplit("_", 2)[0]
        assert (root / "BigEarthNet-S2" / tile / row["patch_id"] / f"{row['patch_id']}_B8A.tif").is_file()
        scene = row["s1_name"].rsplit("_", 3)[0]
        assert (root / "BigEarthNet-S1" / scene / row["s1_name"] / f"{row['s1_name']}_VH.tif").is_file()
        with rasterio.open(
            root / "Reference_Maps" / tile / row["patch_id"] / f"{row['patch_id']}_reference_map.tif"
        ) as file:
            assert set(np.unique(file.read())) <= {code for code, _, _ in CORINE}


def test_bad_arguments(tmp_path):
    with pytest.raises(ValueError, match=r"per_split must be three counts .* got \(0, 0, 0\)"):
        write_bigearthnet(tmp_path / "none", per_split=(0, 0, 0))
