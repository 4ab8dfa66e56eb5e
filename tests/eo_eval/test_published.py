import pytest

from eo_data import MeterML
from eo_data.land_cover import DFC_CLASSES
from eo_eval.benchmarks import BENCHMARKS
from eo_eval.published import TABLES, tables_for

CLASSES = {"dfc2020": DFC_CLASSES, "meterml": MeterML.CLASSES}


OF_PAIRS = [table for table in TABLES if table.benchmark in CLASSES]


@pytest.mark.parametrize("table", OF_PAIRS, ids=lambda table: table.title)
def test_tables_name_what_the_benchmarks_have(table):
    task = BENCHMARKS[table.benchmark]
    assert table.split in task.splits
    assert set(table.lines) - set(table.averages) <= set(CLASSES[table.benchmark])
    assert set(table.averages.values()) <= set(task.metrics)
    for column in table.columns:
        assert len(column.mean) == len(table.lines)
        assert len(column.std) in (0, len(table.lines))
        assert all(0 <= value <= 100 for value in column.mean)


def test_the_averages_are_the_means_of_their_lines():
    for table in OF_PAIRS:
        classes = len(table.lines) - len(table.averages)
        for column in table.columns:
            assert column.mean[classes] == pytest.approx(sum(column.mean[:classes]) / classes, abs=0.06)


def test_tables_are_found_by_benchmark_and_split():
    assert [table.title for table in tables_for("meterml", "val")] == ["Berg et al., IEEE GRSL 2024, Table III"]
    assert not tables_for("eurosat", "test")
