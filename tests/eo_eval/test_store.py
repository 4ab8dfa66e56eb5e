import torch

from eo_eval import Setup, evaluate, evaluate_datasets, read_rows, save, save_rows
from eo_eval.store import read_gallery, read_predictions

QUICK = Setup(bootstrap=20, knn_k=5)


def test_what_is_saved_is_read_back(tiny, pictures, tmp_path):
    found = evaluate_datasets(
        tiny(), pictures(40), pictures(20, seed=1), dataset="mine", split="val", method=("linear", "knn"), setup=QUICK
    )
    names = [path.name for path in save(found, tmp_path)]
    assert names == [
        "mine-val-linear.json", "mine-val-knn5.json", "mine-val-linear.npz", "mine-val-knn5.npz", "mine-val-gallery.npz"
    ]  # fmt: skip
    held = read_predictions(tmp_path / "eval/mine-val-linear.npz")
    torch.testing.assert_close(held.scores, found.scores["linear"].scores, atol=1e-3, rtol=0)
    assert torch.equal(held.y, found.test.y)
    assert held.classes == ("a", "b", "c")
    assert held.ids == found.test.ids
    assert held.selection == found.scores["linear"].selection
    assert read_predictions(tmp_path / "eval/mine-val-knn5.npz").selection == ()
    assert read_rows(tmp_path / "eval/mine-val-knn5.json") == [found.rows[1]]
    assert len(read_gallery(tmp_path / "eval/mine-val-gallery.npz").ids) == 20


def test_seasons_with_many_labels(tiny, places, tmp_path):
    found = evaluate(tiny(("VV", "VH"), "sentinel1-grd"), "ssl4eo_s12_ml", places, method="knn", setup=QUICK)
    save(found, tmp_path)
    gallery = read_gallery(tmp_path / "eval/ssl4eo_s12_ml-val-gallery.npz")
    assert gallery.y.shape == (len(gallery.ids), 9)
    assert gallery.neighbour_y.shape == (len(gallery.query_ids), 6, 9)
    assert len(read_rows(tmp_path / "eval/ssl4eo_s12_ml-val-knn5.json")) == 2


def test_a_baseline_stands_beside_the_run_and_leaves_its_pictures(tiny, pictures, tmp_path):
    trained, random = (
        evaluate_datasets(tiny(), pictures(40), pictures(20), dataset="mine", split="val", setup=QUICK, notes=notes)
        for notes in ({"weights": "run"}, {"weights": "random"})
    )
    save(trained, tmp_path)
    save_rows(random, tmp_path)
    assert [row["weights"] for row in read_rows(tmp_path / "eval/mine-val-linear.json")] == ["run", "random"]
