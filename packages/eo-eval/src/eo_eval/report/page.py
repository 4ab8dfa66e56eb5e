"""From what was gathered to the one page: everything that the template only has to place."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from eo_eval.report.charts import Line, line_chart
from eo_eval.report.classes import class_view
from eo_eval.report.collect import RunView
from eo_eval.report.maps import maps_view
from eo_eval.report.pictures import gallery_view
from eo_eval.report.published import published_tables
from eo_eval.report.scores import RUN_COLOURS, comparisons, headline, protocol_table
from eo_eval.store import Predictions

CLASS_COLOURS = 10  # the page has as many, --k0 to --k9
CURVES = (
    ("loss", "Loss", "", True),
    ("lr", "Learning rate", "", False),
    ("embedding_std", "Spread of the embeddings", "standard deviation, mean over dimensions; near 0 is collapse", True),
    ("samples_per_s", "Throughput", "images per second", True),
)  # fmt: skip


def render(views: Sequence[RunView]) -> str:
    """The page's HTML."""
    environment = Environment(
        loader=PackageLoader("eo_eval.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = percent
    return environment.get_template("report.html.j2").render(
        title=" and ".join(view.name for view in views[:2]) + (f" and {len(views) - 2} more" if len(views) > 2 else ""),
        runs=[_run(view, index) for index, view in enumerate(views)],
        headline=headline(views),
        comparisons=comparisons(views),
        curves=_curves(views),
        published=published_tables(views),
        protocol=protocol_table(views),
        colours=CLASS_COLOURS,
        version=version("eo-eval"),
        made=datetime.now(UTC).strftime("%-d %B %Y, %H:%M UTC"),
    )


def percent(value: float) -> str:
    """0.8467 as 84.7."""
    return f"{100 * value:.1f}"


def _curves(views: Sequence[RunView]) -> list[dict[str, Any]]:
    shown = []
    for column, title, note, smooth in CURVES:
        lines = []
        for index, view in enumerate(views):
            points = [(float(row["step"]), float(row[column])) for row in view.metrics if row.get(column)]
            if points:
                x, y = zip(*points, strict=True)
                lines.append(Line(view.name, f"var(--r{index % RUN_COLOURS})", x, y))
        if lines:
            chart = line_chart(lines, smooth=smooth, zero=column != "loss")
            shown.append({"title": title, "note": note, "chart": Markup(chart)})
    return shown


def _run(view: RunView, index: int) -> dict[str, Any]:
    return {
        "name": view.name,
        "index": index,
        "colour": f"var(--r{index % RUN_COLOURS})",
        "about": _about(view),
        "results": [class_view(held) for held in _best_predictions(view)],
        "maps": [maps_view(held) for held in view.maps],
        "galleries": [gallery_view(gallery, _classes(view, key), key) for key, gallery in view.galleries.items()],
        "environment": _flat(view.environment),
        "config": yaml.safe_dump(dict(view.config), sort_keys=False) if view.config else "",
    }


def _about(view: RunView) -> str:
    facts = view.backbone
    if not facts:
        return ""
    bands = facts.get("bands", [])
    recipe = view.config.get("recipe")
    shown = " ".join(bands) if len(bands) <= 4 else f"{len(bands)} bands"
    return " · ".join(str(part) for part in (facts.get("architecture"), recipe, facts.get("sensor"), shown) if part)


def _best_predictions(view: RunView) -> list[Predictions]:
    """One per task: the linear probe's where there is one."""
    chosen: dict[tuple[str, str], Predictions] = {}
    for held in sorted(view.predictions, key=lambda held: held.method != "linear"):
        chosen.setdefault((held.dataset, held.split), held)
    return list(chosen.values())


def _classes(view: RunView, key: tuple[str, str]) -> tuple[str, ...]:
    return next((held.classes for held in view.predictions if (held.dataset, held.split) == key), ())


def _flat(content: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    """Nested facts as (name, text) pairs."""
    pairs: list[tuple[str, str]] = []
    for name, value in content.items():
        if isinstance(value, Mapping):
            pairs += _flat(value, f"{before}{name} ")
        elif value not in (None, [], ""):
            shown = " ".join(map(str, value)) if isinstance(value, list) else str(value)
            pairs.append((f"{before}{name}".replace("_", " "), shown))
    return pairs


def write(views: Sequence[RunView], output: Path) -> Path:
    """Writes the page, whole or not at all."""
    output.parent.mkdir(parents=True, exist_ok=True)
    temporary = output.with_name(f".{output.name}.tmp")
    temporary.write_text(render(views), encoding="utf-8")
    temporary.replace(output)
    return output
