import pytest
import torch
from torch.utils.data import Subset

from eo_data import GeoTIFFFolder, synthetic
from eo_eval import Setup, evaluate, evaluate_datasets

QUICK = Setup(bootstrap=20, knn_k=5)


def test_eurosat_on_test_chooses_on_val(tiny, eurosat):
    found = evaluate(tiny(), "eurosat", eurosat, method=("linear", "knn"), setup=QUICK)
    linear, knn = found.rows
    assert (linear["split"], linear["n_train"], linear["n_val"], linear["n_test"]) == ("test", 40, 20, 20)
    assert linear["c_chosen_on"] == "val"
    assert (knn["method"], knn["n_val"]) == ("knn5", 0)
    assert found.train.ids != found.test.ids


def test_eurosat_on_val_chooses_by_cross_validation(tiny, eurosat):
    (row,) = evaluate(tiny(), "eurosat", eurosat, split="val", setup=QUICK, notes={"name": "me"}).rows
    assert (row["split"], row["n_train"], row["n_val"], row["n_test"]) == ("val", 40, 0, 20)
    assert row["c_chosen_on"] == "5-fold cross-validation"
    assert (row["name"], row["protocol"], row["label_fraction"], row["bands"]) == ("me", "recommended", 1.0, "R,G,B")


def test_seasons_and_labels_of_places(tiny, places):
    model = tiny(("B04", "B08"), "sentinel2-l1c")
    found = evaluate(model, "ssl4eo_s12_ml", places, method="linear", setup=QUICK)
    assert [row["metric_name"] for row in found.rows] == ["micro_mAP", "macro_mAP"]
    assert found.rows[0]["split"] == "val"
    assert found.test.ids[0].endswith("#0")
    assert len(found.test.classes) == 9
    assert found.test.labelled.all()


def test_data_sets_of_one_s_own(tiny, pictures):
    found = evaluate_datasets(tiny(), pictures(60), pictures(30, seed=1), pictures(30, seed=2), setup=QUICK)
    assert found.rows[0]["dataset"] == "Samples"
    assert found.rows[0]["metric_value"] > 0.9
    assert found.rows[0]["n_val"] == 30


def test_a_folder_of_geotiffs_with_a_class_in_each_folder(tiny, tmp_path):
    bands = ("B02", "B03", "B04", "B08")
    root = synthetic.write_geotiff_folder(
        tmp_path / "tifs", sensor="sentinel2-l2a", bands=bands, count=24, size=16, classes=2
    )
    dataset = GeoTIFFFolder(root, sensor="sentinel2-l2a", bands=bands, labels="folder")
    order = torch.randperm(24, generator=torch.Generator().manual_seed(0)).tolist()
    found = evaluate_datasets(
        tiny(bands, "sentinel2-l2a"), Subset(dataset, order[:16]), Subset(dataset, order[16:]), setup=QUICK
    )
    assert found.rows[0]["dataset"] == "GeoTIFFFolder"
    assert found.test.classes == dataset.classes


def test_a_foreign_data_set_of_floats(tiny, samples):
    """As TorchGeo gives them: float32 pixels, `image` and `label`, bands that only the user can name in our words."""
    generator = torch.Generator().manual_seed(0)
    made = [
        {"image": 255 * torch.rand(3, 8, 8, generator=generator) * (i % 2 + 1) / 2, "label": torch.tensor(i % 2)}
        for i in range(60)
    ]
    train, test = samples(made[:40]), samples(made[40:])
    setup = Setup(bootstrap=20, bands=("Blue", "Green", "Red"), select_bands=True)
    found = evaluate_datasets(tiny(), train, test, dataset="foreign", split="held out", setup=setup)
    assert found.rows[0]["metric_value"] > 0.9
    assert found.test.facts["data_bands"] == ["B", "G", "R"]


def test_the_published_protocol(tiny, pictures):
    model = tiny()
    train, test = pictures(200), pictures(150, seed=1)
    setup = Setup(protocol="published", fraction=0.2, seed=42, bootstrap=20)
    (row,) = evaluate_datasets(model, train, test, setup=setup).rows
    assert (row["protocol"], row["n_train"], row["label_fraction"]) == ("published", 40, 0.2)
    assert row["adaptation"] == "batch_norm: running statistics follow the train images"
    assert model.body.running_mean.eq(0).all()
    assert model.adaptation == {}


def test_a_vit_gets_the_size_that_its_positions_were_made_for(tiny, pictures):
    model = tiny()
    model.img_size = 12
    assert evaluate_datasets(model, pictures(30), pictures(9), setup=QUICK).rows[0]["image_size"] == 12
    setup = Setup(bootstrap=20, image_size=6)
    assert evaluate_datasets(model, pictures(30), pictures(9), setup=setup).rows[0]["image_size"] == 6


def test_normalization_by_name(tiny, pictures):
    named = Setup(bootstrap=20, normalization="rgb01")
    spelt = Setup(bootstrap=20, normalization=[{"op": "affine", "scale": 1 / 255, "offset": 0}])
    one, other = (evaluate_datasets(tiny(), pictures(30), pictures(9), setup=setup) for setup in (named, spelt))
    assert one.rows[0]["normalization"] == other.rows[0]["normalization"]


def test_unknown_names_are_refused_before_anything_is_read(tiny):
    with pytest.raises(ValueError, match="unknown method 'liner'; nearest known: linear"):
        evaluate(tiny(), "eurosat", "nowhere", method="liner")
    with pytest.raises(ValueError, match="unknown method 'liner'"):
        evaluate_datasets(tiny(), None, None, method=["knn", "liner"])
