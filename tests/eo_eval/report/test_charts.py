import re
from xml.etree import ElementTree

import pytest

from eo_eval.report.charts import MOST_POINTS, Line, line_chart, moving_mean, short, ticks


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (0, 1, [0, 0.25, 0.5, 0.75, 1]),
        (3, 97, [0, 25, 50, 75, 100]),
        (2.5, 4.4, [2.5, 3, 3.5, 4, 4.5]),
        (5, 5, [4, 6, 8, 10]),
        (0, 0, [0, 0.25, 0.5, 0.75, 1]),
    ],
)
def test_ticks_are_round_and_enclose(low, high, wanted):
    found = ticks(low, high, 4)
    assert found[0] <= low
    assert found[-1] >= high
    assert found == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1200, "1.2k"), (1250, "1250"), (20000, "20k"), (3e6, "3M"), (0.0015, "0.0015"), (2e-5, "2e-5")],
)
def test_short_numbers(value, text):
    assert short(value) == text


def test_the_running_mean_does_not_lag():
    line = [float(i) for i in range(200)]
    assert moving_mean(line) == pytest.approx(line)
    assert moving_mean([0, 3, 0])[1] == 1


def test_a_chart_is_an_svg_of_its_lines():
    x = list(range(3000))
    chart = line_chart([Line("one <&>", "red", x, [i % 7 for i in x]), Line("two", "blue", [0, 10], [1, 2])])
    root = ElementTree.fromstring(chart)
    assert [path.get("class") for path in root.iter("path")] == ["raw", "curve", "curve"]
    values = [group for group in root.iter("g") if group.get("class") == "values"]
    assert [group.get("data-name") for group in values] == ["one <&>", "two"]
    assert len(values[0].get("data-points").split(";")) <= MOST_POINTS
    numbers = [float(number) for number in re.findall(r"[ML]([\d.]+) ", chart)]
    assert 0 <= min(numbers) <= max(numbers) <= 440


def test_a_single_point_is_drawn():
    ElementTree.fromstring(line_chart([Line("one", "red", [5.0], [0.0])]))
