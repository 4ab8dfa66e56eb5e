import json
import shutil

import numpy as np
import pytest
import torch

from eo_data import MeterML, Normalize, normalization_for
from eo_data.synthetic import write_meterml


@pytest.fixture(scope="module")
def made_once(tmp_path_factory):
    return write_meterml(tmp_path_factory.mktemp("meterml") / "world", places=(10, 7, 1), size=12, seed=2)


@pytest.fixture
def root(made_once, tmp_path):
    return shutil.copytree(made_once, tmp_path / "meterml")


def change(root, split, edit):
    """Edits the properties of the first place of a list."""
    path = root / f"{split}_dataset.geojson"
    content = json.loads(path.read_text())
    edit(content["features"][0]["properties"])
    path.write_text(json.dumps(content))


def test_two_sensors_with_the_first_name_as_label(made_once):
    dataset = MeterML(made_once, "train")
    assert (len(dataset), len(MeterML(made_once, "val")), len(MeterML(made_once, "test"))) == (10, 7, 1)
    assert dataset.parts["s1"].units == ("dn", "dn")
    sample = dataset[7]  # CAFOs-WWTreatment
    assert sample["id"].startswith("train_images/")
    assert (sample["s1"].shape, sample["s2"].shape) == ((2, 12, 12), (13, 12, 12))
    assert sample["s1"].dtype == sample["s2"].dtype == torch.uint16
    assert dataset.classes[int(sample["label"])] == "CAFOs"
    assert [int(MeterML(made_once, "val")[index]["label"]) for index in range(7)] == list(range(7))


def test_all_names_as_multi_hot_and_negative_is_a_class(made_once):
    dataset = MeterML(made_once, "train", target="multilabel")
    assert [dataset.classes[k] for k in dataset[8]["label"].nonzero().flatten()] == [
        "Landfills", "RefineriesAndTerminals", "WWTreatment",
    ]  # fmt: skip
    assert dataset[3]["label"].tolist() == [0, 0, 0, 1, 0, 0, 0]


def test_negative_places_may_be_unlabelled(made_once):
    known = [MeterML(made_once, "val", target=target)[3]["label"] for target in ("label", "multilabel")]
    assert (int(known[0]), known[1].tolist()) == (3, [0, 0, 0, 1, 0, 0, 0])
    label, many = (
        [sample["label"] for sample in MeterML(made_once, "val", target=target, negative="unlabelled")]
        for target in ("label", "multilabel")
    )
    assert [int(each) for each in label] == [0, 1, 2, 255, 4, 5, 6]
    assert [each.sum() for each in many] == [1, 1, 1, 0, 1, 1, 1]


def test_a_share_is_drawn_over_the_types(made_once):
    strata = MeterML(made_once, "train").strata()
    assert (len(strata), strata[7]) == (10, ("CAFOs", "WWTreatment"))


def test_bands_keep_their_names_whatever_the_order(root):
    place = root / MeterML(root, "train").ids[0]
    np.save(place / "sentinel-2-10m.npy", np.broadcast_to(np.array([4, 3, 2, 8], np.uint16), (12, 12, 4)))
    image = MeterML(root, "train", product="s2", bands=["blue", "B8", "green", "B04"])[0]["image"]
    assert image[:, 0, 0].tolist() == [2, 8, 3, 4]


def test_resolutions(made_once):
    def shapes(**arguments):
        sample = MeterML(made_once, "train", **arguments)[0]
        return {key: tuple(value.shape) for key, value in sample.items() if key not in ("id", "label")}

    assert shapes(product="s2", resolution=20) == {"image": (13, 6, 6)}
    assert shapes(product="s2", resolution=60) == {"image": (13, 2, 2)}
    assert shapes(product="s2", bands=["B05", "B01"]) == {"image": (2, 6, 6)}  # the finest asked for has 20 m
    assert shapes(resolution="native") == {
        "s1": (2, 12, 12), "s2_10m": (4, 12, 12), "s2_20m": (6, 6, 6), "s2_60m": (3, 2, 2),
    }  # fmt: skip
    assert shapes(product=("naip", "s1")) == {"naip": (4, 120, 120), "s1": (2, 12, 12)}
    assert shapes(product="naip", bands=["nir"]) == {"image": (1, 120, 120)}


def test_resampling_is_bilinear_on_shared_corners(root):
    place = root / MeterML(root, "train").ids[0]
    coarse = np.arange(36, dtype=np.uint16).reshape(6, 6) * 100
    np.save(place / "sentinel-2-20m.npy", np.repeat(coarse[:, :, None], 6, axis=2))
    fine = MeterML(root, "train", product="s2", bands=["B02", "B05"])[0]["image"][1].float()
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(coarse.astype(np.float32))[None, None], (12, 12), mode="bilinear"
    )
    assert (fine - expected[0, 0]).abs().max() <= 0.5
    blocks = MeterML(root, "train", product="s2", bands=["B02", "B05"], resampling="nearest")[0]["image"][1]
    assert torch.equal(
        blocks.int(), torch.from_numpy(coarse.astype(np.int32)).repeat_interleave(2, 0).repeat_interleave(2, 1)
    )


@pytest.mark.parametrize("inside", [True, False])
def test_parts_of_the_archive_are_found_where_they_unpack(made_once, tmp_path, inside):
    parts = write_meterml(tmp_path / "parts", places=(10, 7, 1), size=12, seed=2, parts=True)
    assert sorted(path.name for path in (parts / "train_images").iterdir()) == [f"train_images_{n}" for n in (1, 2, 3)]
    if not inside:
        for part in (parts / "train_images").iterdir():
            part.rename(parts / part.name)
    ours, theirs = MeterML(made_once, "train"), MeterML(parts, "train")
    assert ours.ids == theirs.ids
    assert torch.equal(ours[4]["s1"].int(), theirs[4]["s1"].int())


def test_lists_may_end_in_json(root):
    (root / "val_dataset.geojson").rename(root / "val_dataset.json")
    assert len(MeterML(root, "val")) == 7
    (root / "val_dataset.json").write_text("{}")
    with pytest.raises(ValueError, match=r"val_dataset.json is no list of METER-ML .*KeyError\('features'\)"):
        MeterML(root, "val")
    (root / "val_dataset.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"no METER-ML list at .*val_dataset.geojson or .*val_dataset.json"):
        MeterML(root, "val")


def test_incomplete_places_are_counted_or_skipped(root):
    names = MeterML(root, "train").ids
    (root / names[2] / "sentinel-1.npy").unlink()
    shutil.rmtree(root / names[5])
    message = r"2 of 10 places .* are incomplete: 2 lack sentinel-1.npy, such as .*; 1 lack sentinel-2-10m.*skip'"
    with pytest.raises(FileNotFoundError, match=message):
        MeterML(root, "train")
    dataset = MeterML(root, "train", incomplete="skip")
    assert dataset.skipped == (names[2], names[5])
    assert len(dataset) == 8
    assert len(MeterML(root, "train", product="naip", incomplete="skip")) == 9


def test_the_broken_place_of_the_archive_is_left_out_and_listed(root):
    folder = root / MeterML(root, "train").ids[0]
    folder.rename(root / MeterML.BROKEN)
    change(root, "train", lambda place: place.update(Image_Folder=MeterML.BROKEN))
    (root / MeterML.BROKEN / "sentinel-1.npy").unlink()
    dataset = MeterML(root, "train")
    assert (len(dataset), dataset.skipped) == (9, (MeterML.BROKEN,))
    assert len(MeterML(root, "train", product="naip")) == 10


def test_unknown_types_are_refused_or_negative(root):
    change(root, "val", lambda place: place.update(Type="Roundabout"))
    with pytest.raises(
        ValueError, match=r"1 places of unknown type: 'Roundabout' \(1\); the names are CAFOs, .*unknown='Negative'"
    ):
        MeterML(root, "val")
    assert int(MeterML(root, "val", unknown="Negative")[0]["label"]) == 3


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("sentinel-1.npy", b"\x93NUMPY", "sentinel-1.npy cannot be read, it is truncated or corrupt"),
        ("naip.png", b"\x89PNG\r\n", "naip.png cannot be read, it is truncated or corrupt"),
        ("sentinel-1.npy", np.zeros((12, 12, 3), np.uint16), r"sentinel-1.npy: expected \(H, W, 2\) for VV, VH, found"),
        (
            "sentinel-1.npy",
            np.full((12, 12, 2), np.nan, np.float32),
            r"sentinel-1.npy: NaN or infinite pixels \(VV: 144",
        ),
    ],
)
def test_broken_files_are_named(root, file, content, message):
    dataset = MeterML(root, "test", product=("naip", "s1"))
    path = root / dataset.ids[0] / file
    path.write_bytes(content) if isinstance(content, bytes) else np.save(path, content)
    with pytest.raises(ValueError, match=message):
        dataset[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"resolution": 30}, "resolution must be 10, 20, 60"), ({"target": "name"}, "unknown target 'name'"),
     ({"product": "s2", "bands": ["B13"]}, "unknown band 'B13'"), ({"unknown": "skip"}, "unknown unknown 'skip'")],
)  # fmt: skip
def test_bad_arguments(made_once, arguments, message):
    with pytest.raises(ValueError, match=message):
        MeterML(made_once, "val", **arguments)


def test_both_tables_of_statistics_fit(made_once):
    dataset = MeterML(made_once, "train", bands={"s2": ["B04", "B03", "B02", "B08"]})
    for key, part in dataset.parts.items():
        for name in ("meterml", "meterml-supcon"):
            assert Normalize(normalization_for(name), part.bands)(dataset[0][key]).abs().mean() < 3
