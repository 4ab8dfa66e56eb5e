import io
import sys

import pytest
from rich.console import Console

from eo_train.log import tensorboard_log, write_rows
from eo_train.run import read_metrics

ROW = {"step": 2, "epoch": 1.0, "loss": 1.5, "lr": 0.1, "embedding_std": 0.1, "samples_per_s": 50.0, "seconds": 1.0}


def test_silent_where_nobody_watches(tmp_path):
    out = io.StringIO()
    with write_rows(tmp_path, Console(file=out), first=0, last=4, tensorboard=False) as log:
        log(ROW)
    assert out.getvalue().strip() == ""
    assert read_metrics(tmp_path)[0]["loss"] == "1.5"


def test_a_person_sees_a_bar(tmp_path):
    out = io.StringIO()
    with write_rows(
        tmp_path, Console(file=out, force_terminal=True, width=120), first=0, last=4, tensorboard=False
    ) as log:
        log(ROW)
    assert "2/4" in out.getvalue()
    assert "loss 1.500" in out.getvalue()


def test_tensorboard_reads_back_what_was_logged(tmp_path):
    tensorboard_log(tmp_path)(ROW)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path))
    events.Reload()
    (scalar,) = events.Scalars("loss")
    assert (scalar.step, scalar.value) == (2, 1.5)


def test_the_missing_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ImportError, match=r"wants the package tensorboard; install eo-train\[tensorboard\]"):
        tensorboard_log(tmp_path)
