from collections import Counter

import pytest
import torch

from eo_data import DFC2020, MeterML
from eo_eval import TransferSetup, transfer, write_report
from eo_eval.cli import main
from eo_eval.pair_tasks import PAIR_TASKS
from eo_eval.rows import read_rows
from eo_eval.transfer_tasks import TRANSFERS
from eo_train import EngineConfig
from eo_train.plan import Plan
from eo_train.pretrain import learning_rate

WHOLE = {"size": None}  # these patches are smaller than the real ones


def quick(**changes):
    engine = EngineConfig(accelerator="cpu", precision="32-true", num_workers=0)
    return TransferSetup(**{"epochs": 1, "batch_size": 8, "bootstrap": 20, "engine": engine} | changes)


def test_tasks_are_among_all_and_have_both_protocols():
    for task in PAIR_TASKS:
        assert TRANSFERS[task.name] is task
        assert set(task.protocols) == {"published", "recommended"}
        assert task.num_outputs == len(task.classes)


def test_the_published_schedule_is_the_coded_one():
    optim = TRANSFERS["dfc2020"].recipe("published").optim
    plan = Plan(rows=32, epochs=201, batch_size=32)
    assert [learning_rate(epoch, config=optim, plan=plan) for epoch in (0, 99, 100, 200)] == pytest.approx(
        [3e-6, 3e-6, 3e-7, 3e-7]
    )
    constant = TRANSFERS["meterml"].recipe("published").optim
    assert learning_rate(120, config=constant, plan=plan) == pytest.approx(0.01)


def test_an_architecture_gets_the_bands_of_its_sensors():
    task = TRANSFERS["meterml"]
    assert task.input_of("dual_small_alexnet")[0]["s2"] == ("B04", "B03", "B02", "B08")
    assert task.input_of("resnet18") == (("B04", "B03", "B02", "B08"), "sentinel2-l1c")
    assert task.input_of("resnet18", "sentinel1-grd") == (("VV", "VH"), "sentinel1-grd")
    with pytest.raises(ValueError, match="meterml has no images of rgb; it has sentinel1-grd, sentinel2-l1c"):
        task.input_of("resnet18", "rgb")


@pytest.mark.parametrize(
    ("name", "sensor", "said"),
    [
        pytest.param("dual_resnet18", None, "s1: sentinel1-grd; s2: sentinel2-l1c", marks=pytest.mark.slow),
        ("resnet18", "sentinel1-grd", "sentinel1-grd"),
    ],
)
def test_labels_with_both_sensors_or_one(dfc2020, tmp_path, name, sensor, said):
    setup = quick(sensor=sensor, fraction=0.5)
    found = transfer(name, "dfc2020", dfc2020, output=tmp_path / "out", random=True, setup=setup, data=WHOLE)
    rows = {row["metric_name"]: row for row in found.rows}
    assert list(rows) == ["average_accuracy", "accuracy", "macro_F1"]
    row = rows["average_accuracy"]
    assert (row["sensor"], row["method"], row["n_train"], row["n_test"]) == (said, "finetune", 16, 16)
    assert row["train_split_id"] != DFC2020(dfc2020, "validation").split_id
    assert row["split_id"] == DFC2020(dfc2020, "test").split_id
    assert found.save_answers() is not None
    page = write_report(found.folder).read_text()
    assert page.count("Beside what others published") == 2
    assert "What each class is taken for" in page


@pytest.mark.parametrize("target", ["dfc2020", "dfc2020_segmentation"])
def test_a_share_of_the_labels_has_every_class(dfc2020, target):
    part = TRANSFERS[target].open(dfc2020, "train", ("VV", "VH"), fraction=0.5)
    assert Counter(part.dataset.strata()[row] for row in part.indices) == dict.fromkeys(range(8), 2)


def test_published_protocol_trains_on_the_balanced_list(dfc2020, tmp_path):
    setup = quick(protocol="published", trained="head")
    found = transfer("resnet18", "dfc2020", dfc2020, output=tmp_path / "out", random=True, setup=setup, data=WHOLE)
    row = found.rows[0]
    assert (row["protocol"], row["method"], row["seed"]) == ("published", "head", 42)
    assert row["n_train"] == len(DFC2020(dfc2020, "validation", balanced=True))
    assert row["normalization"].startswith("clip>affine>per_image_max")
    assert "batch norm moving" in row["training"]


@pytest.mark.slow
def test_several_labels_and_types_of_places(dfc2020, meterml, tmp_path):
    found = transfer("resnet18", "dfc2020_multilabel", dfc2020, output=tmp_path / "a", random=True, data=WHOLE,
                     setup=quick())  # fmt: skip
    assert list(found.metrics) == ["macro_F1", "micro_F1", "macro_mAP"]
    torch.testing.assert_close(found.scored.y[0], DFC2020(dfc2020, "test", target="multilabel")[0]["label"])
    found = transfer("resnet18", "meterml", meterml, output=tmp_path / "b", random=True, setup=quick())
    assert (found.rows[0]["split"], found.rows[0]["n_test"]) == ("val", len(MeterML(meterml, "val")))
    assert list(found.metrics) == ["average_accuracy", "accuracy", "macro_AUPRC"]


def test_maps_by_an_fpn_are_shown_in_the_report(dfc2020, tmp_path):
    found = transfer("resnet18", "dfc2020_segmentation", dfc2020, output=tmp_path / "out", random=True, data=WHOLE,
                     setup=quick())  # fmt: skip
    assert found.rows[0]["metric_name"] == "mIoU"
    assert found.scored.maps is not None
    assert int(found.scored.maps.counts.sum()) == 16 * 24 * 24
    found.save_answers()
    assert write_report(found.folder).read_text().count("data:image/png") == 4 * 8


@pytest.mark.slow
def test_maps_by_the_swin_unet_of_both_sensors(dfc2020_of_32, tmp_path):
    setup = quick(img_size=32, epochs=2)
    found = transfer("dual_swin_tiny", "dfc2020_segmentation", dfc2020_of_32, output=tmp_path / "out", random=True,
                     data=WHOLE, setup=setup)  # fmt: skip
    assert found.model.neck is not None
    assert type(found.model.neck).__name__ == "SwinUNet"
    assert found.metrics["mIoU"].value > 0.1


def test_images_without_a_class_teach_nothing_and_are_not_scored(dfc2020, tmp_path, monkeypatch):
    read = DFC2020.read
    none = {"label": torch.tensor(255), "labelled": torch.tensor(False)}
    monkeypatch.setattr(DFC2020, "read", lambda self, index: read(self, index) | (none if index % 2 else {}))
    found = transfer("resnet18", "dfc2020", dfc2020, output=tmp_path / "out", random=True, data=WHOLE, setup=quick())
    assert len(found.scored.ids) == 8
    monkeypatch.setattr(DFC2020, "read", lambda self, index: read(self, index) | none)
    with pytest.raises(ValueError, match="no image of dfc2020 test has a class"):
        transfer("resnet18", "dfc2020", dfc2020, output=tmp_path / "again", random=True, data=WHOLE, setup=quick())


def test_the_command(dfc2020, tmp_path, capsys):
    words = ["finetune", "resnet18", "--random", "--benchmark", "dfc2020_segmentation", "--root", str(dfc2020),
             "--output", str(tmp_path / "out"), "--epochs", "1", "--batch_size", "8", "--bootstrap", "10",
             "--data", "{size: null}", "--sensor", "sentinel1-grd", "--engine.num_workers", "0",
             "--engine.accelerator", "cpu"]  # fmt: skip
    assert main(words) == 0
    assert "mIoU" in capsys.readouterr().out
    folder = tmp_path / "out"
    assert read_rows(folder / "eval/dfc2020_segmentation-test-finetune.json")[0]["sensor"] == "sentinel1-grd"
    assert "<h2>Maps</h2>" in (folder / "report.html").read_text()
