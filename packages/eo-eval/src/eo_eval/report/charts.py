"""Line charts as SVG, drawn by hand: a few hundred bytes each, sharp at every size, in the colours of the page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 440, 210
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 10, 26
MOST_POINTS = 400


@dataclass(frozen=True)
class Line:
    """One run's curve."""

    name: str
    colour: str
    x: Sequence[float]
    y: Sequence[float]


def line_chart(lines: Sequence[Line], *, smooth: bool = True, zero: bool = False, axis: str = "step") -> str:
    """Curves over one pair of axes.

    Args:
        lines: At least one, each with at least one point.
        smooth: Draw the running mean over the raw values, which then stand behind it, faint.
        zero: Let the vertical axis begin at zero.
        axis: What runs across; the page's script names it beside the value under the pointer.
    """
    thinned = [Line(line.name, line.colour, *_thin(line.x, line.y)) for line in lines]
    xs = [value for line in thinned for value in line.x]
    ys = [value for line in thinned for value in line.y]
    x_ticks = ticks(min(xs), max(xs), 5)
    y_ticks = ticks(0 if zero else min(ys), max(ys), 4)
    x_span, y_span = (min(xs), max(xs)), (min(y_ticks[0], min(ys)), max(y_ticks[-1], max(ys)))
    parts = [_grid(x_ticks, y_ticks, x_span, y_span)]
    for line in thinned:
        raw = [(_across(x, x_span), _up(y, y_span)) for x, y in zip(line.x, line.y, strict=True)]
        mean = [(_across(x, x_span), _up(y, y_span)) for x, y in zip(line.x, moving_mean(line.y), strict=True)]
        if smooth and len(raw) > 12:
            parts.append(f'<path class="raw" d="{_path(raw)}" stroke="{line.colour}"/>')
        drawn = mean if smooth and len(raw) > 12 else raw
        parts.append(f'<path class="curve" d="{_path(drawn)}" stroke="{line.colour}"/>')
        last = drawn[-1]
        parts.append(f'<circle cx="{last[0]:.1f}" cy="{last[1]:.1f}" r="3" fill="{line.colour}"/>')
        parts.append(_hover(line, raw))
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}"'
    return f'<svg class="chart" {box} role="img" data-axis="{escape(axis)}">{"".join(parts)}</svg>'


def ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` round numbers that reach from at or below `low` to at or above `high`."""
    high = high if high > low else low + (abs(low) or 1.0)
    raw = (high - low) / count
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * magnitude for factor in (1, 2, 2.5, 5, 10) if factor * magnitude >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def moving_mean(values: Sequence[float]) -> list[float]:
    """Mean of each value with its neighbours, a twentieth of all of them; fewer towards the ends, so nothing lags."""
    reach = max(1, len(values) // 40)
    windows = []
    for i in range(len(values)):
        near = min(reach, i, len(values) - 1 - i)
        windows.append(values[i - near : i + near + 1])
    return [sum(window) / len(window) for window in windows]


def short(value: float) -> str:
    """A number for an axis: 1200 as 1.2k, 0.00125 as 0.00125, 2e-05 as 2e-5."""
    if value and abs(value) < 1e-4:
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{float(mantissa):g}e{int(exponent)}"
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= 10 * size or (abs(value) >= size and value % (size / 10) == 0):
            return f"{value / size:g}{letter}"
    return f"{value:.4g}"


def _thin(x: Sequence[float], y: Sequence[float]) -> tuple[list[float], list[float]]:
    """Means of neighbouring points, so that no curve has more than a few hundred."""
    size = -(-len(x) // MOST_POINTS)
    blocks = range(0, len(x), size)
    return [x[min(i + size, len(x)) - 1] for i in blocks], [sum(y[i : i + size]) / len(y[i : i + size]) for i in blocks]


def _across(x: float, span: tuple[float, float]) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (x - span[0]) / ((span[1] - span[0]) or 1)


def _up(y: float, span: tuple[float, float]) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (y - span[0]) / ((span[1] - span[0]) or 1)


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _grid(
    x_ticks: Sequence[float], y_ticks: Sequence[float], x_span: tuple[float, float], y_span: tuple[float, float]
) -> str:
    parts = []
    for value in y_ticks:
        y = _up(value, y_span)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 7}" y="{y + 3.5:.1f}" text-anchor="end">{short(value)}</text>')
    for value in x_ticks:
        if x_span[0] <= value <= x_span[1]:
            x = _across(value, x_span)
            parts.append(f'<text class="tick" x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{short(value)}</text>')
    return "".join(parts)


def _hover(line: Line, points: Sequence[tuple[float, float]]) -> str:
    """Invisible, but the page's script reads it to tell values under the pointer."""
    triples = ";".join(
        f"{x:.1f},{y:.1f},{short(at)},{value:.5g}" for (x, y), at, value in zip(points, line.x, line.y, strict=True)
    )
    return f'<g class="values" data-name="{escape(line.name)}" data-points="{triples}"></g>'
