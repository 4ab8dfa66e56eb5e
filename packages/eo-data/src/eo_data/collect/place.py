"""One place: all its seasons, or the reasons why not."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from eo_data.collect.image import Image, cloud_share, newest_of_each, read_optical, read_radar, scene_classes
from eo_data.collect.layouts import Layout
from eo_data.collect.places import Place, Point
from eo_data.collect.seasons import Window
from eo_data.collect.source import Item, Source, UnsuitableError
from eo_data.collect.square import Square, square_round, utm_zone

Record: TypeAlias = dict[str, object]
"""A line of the manifest."""
_Classes: TypeAlias = npt.NDArray[np.uint8] | None


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is wanted of every place."""

    layout: Layout
    products: tuple[str, ...]
    until: date
    max_cloud: float
    """Percent of the scene."""
    window_cloud: float
    """Share of the square."""


@dataclass
class Season:
    """The images of one window, newest first, and those passed over."""

    window: Window
    items: list[Item]
    passed_over: list[Record] = field(default_factory=list)

    def note(self, item: Item, reason: str) -> None:
        """Record why an item is not used."""
        self.passed_over.append({"window": str(self.window), "item": item.id, "reason": reason})

    def give_up(self) -> UnsuitableError:
        """Why there is no image of this season."""
        reasons = "; ".join(dict.fromkeys(str(note["reason"]) for note in self.passed_over))
        return UnsuitableError(f"no usable image in {self.window}: {reasons or 'none was taken'}")


def collect_place(place: Place, source: Source, wish: Wish) -> tuple[Record, list[Image]]:
    """Try the draws of a place until one has all its seasons.

    Returns:
        The line for the manifest, and the images; none if the place is dropped.

    Raises:
        UnreachableError: The source failed; nothing can be said about the place.
    """
    rejected: list[Record] = []
    for draw, point in enumerate(place.draws):
        where = {"draw": draw, **point._asdict()}
        try:
            if place.overlaps is not None:
                raise UnsuitableError(f"overlaps place {place.overlaps}")
            images, notes = take(source, point, wish)
        except UnsuitableError as reason:
            rejected.append({**where, "reason": str(reason)})
        else:
            taken = [_describe(image, source) for image in images]
            found = {"status": "taken", **where, "images": taken, "passed_over": notes}
            return {"place": place.number, **found, "rejected": rejected}, images
    if not place.draws:
        rejected = [{"reason": f"no room beside place {place.overlaps}"}]
    return {"place": place.number, "status": "dropped", "rejected": rejected}, []


def take(source: Source, point: Point, wish: Wish) -> tuple[list[Image], list[Record]]:
    """All products of all seasons of a point on one grid, and a note for each image passed over.

    Raises:
        UnsuitableError: A season has no usable image.
    """
    guide = "s1" if wish.products == ("s1",) else "s2a"  # the scene classification comes with L2A
    windows = wish.layout.windows(wish.until, point.shift)
    seasons = [Season(window, list(newest_of_each(source.search(guide, point, window)))) for window in windows]
    square = square_round(point.longitude, point.latitude, _common_zone(seasons, point, guide))
    queues = [_clear(source, season, square, wish) for season in seasons]
    heads = [next(queue, None) for queue in queues]  # look at all seasons before the first band is read
    images: list[Image] = []
    for season, head, queue in zip(seasons, heads, queues, strict=True):
        if head is None:
            raise season.give_up()
        images += _read_season(source, season, chain([head], queue), point, square, wish)
    return images, [note for season in seasons for note in season.passed_over]


def _common_zone(seasons: list[Season], point: Point, guide: str) -> int:
    """The UTM zone in which all seasons have images; of several, the one whose middle is nearest."""
    for season in seasons:
        if not season.items:
            raise season.give_up()
    if guide == "s1":
        return utm_zone(point.longitude, point.latitude)  # it is warped anyway
    zones = set.intersection(*({item.epsg for item in season.items if item.epsg} for season in seasons))
    if not zones:
        raise UnsuitableError("no UTM zone has images of all seasons")
    return min(zones, key=lambda epsg: (abs((point.longitude - (epsg % 100 * 6 - 183) + 180) % 360 - 180), epsg))


def _clear(source: Source, season: Season, square: Square, wish: Wish) -> Iterator[tuple[Item, _Classes]]:
    """The items that show the square whole and clear, looked at one by one as they are asked for."""
    for item in season.items:
        try:
            yield item, _check_clouds(source, item, square, wish)
        except UnsuitableError as reason:
            season.note(item, str(reason))


def _check_clouds(source: Source, item: Item, square: Square, wish: Wish) -> _Classes:
    if item.product == "s1":
        return None
    if item.epsg != square.epsg:
        raise UnsuitableError(f"it is in EPSG:{item.epsg}, the other seasons in EPSG:{square.epsg}")
    if item.cloud is not None and item.cloud > wish.max_cloud:
        raise UnsuitableError(f"the scene has more than {wish.max_cloud:g} % cloud")
    classes = scene_classes(source, item, square)
    if cloud_share(classes) > wish.window_cloud:
        raise UnsuitableError(f"clouds cover more than {wish.window_cloud:g} of the square")
    return classes


def _read_season(
    source: Source,
    season: Season,
    queue: Iterator[tuple[Item, _Classes]],
    point: Point,
    square: Square,
    wish: Wish,
) -> list[Image]:
    """Every product of the first item for which all of them can be had."""
    for item, classes in queue:
        try:
            return [_read(source, product, item, classes, season.window, point, square) for product in wish.products]
        except UnsuitableError as reason:
            season.note(item, str(reason))
    raise season.give_up()


def _read(
    source: Source, product: str, guide: Item, classes: _Classes, window: Window, point: Point, square: Square
) -> Image:
    """The guide itself, or what goes with it: L1C of the same pass, the radar image nearest in time."""
    if product == "s1":
        others = source.search(product, point, window) if guide.product != product else [guide]
        return _first_radar(source, sorted(others, key=lambda item: (abs(item.time - guide.time), item.id)), square)
    assert classes is not None
    if product == guide.product:
        return read_optical(source, guide, square, classes)
    same = [item for item in newest_of_each(source.search(product, point, window)) if _same_pass(item, guide)]
    if not same:
        raise UnsuitableError(f"no {product} of the same pass")
    return read_optical(source, same[0], square, classes)


def _first_radar(source: Source, items: list[Item], square: Square) -> Image:
    reason = UnsuitableError("no s1 in the window")
    for item in items:
        try:
            return read_radar(source, item, square)
        except UnsuitableError as found:
            reason = UnsuitableError(f"s1: {found}")
    raise reason


def _same_pass(item: Item, guide: Item) -> bool:
    return item.tile == guide.tile and abs((item.time - guide.time).total_seconds()) < 60


def _describe(image: Image, source: Source) -> Record:
    item, verdict = image.item, image.verdict
    return {
        "product": item.product,
        "folder": item.folder,
        "source": source.name,
        "item": item.id,
        "time": item.time.isoformat(),
        "scene_cloud": item.cloud,
        "scene_missing": item.missing,
        "cloud": image.cloud,
        "baseline": item.baseline,
        "offset_removed": verdict and verdict.offset,
        "offset_known_by": verdict and verdict.by,
        "epsg": image.square.epsg,
        "bounds": image.square.bounds,
        "file": item.assets[next(iter(image.bands))],
    }
