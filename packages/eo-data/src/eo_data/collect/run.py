"""Collecting places by several threads into one folder, so that it can end at any moment and go on later.

A place is written in a hidden folder. Its line in the manifest settles it; only then is it moved to where it belongs.
A run that finds a settled place in the hidden folder moves it, and throws everything else in there away.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from operator import length_hint
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from eo_data.collect.config import CollectConfig
from eo_data.collect.layouts import write_image
from eo_data.collect.manifest import Manifest, replace_text
from eo_data.collect.place import Wish, collect_place
from eo_data.collect.places import Place
from eo_data.collect.source import Source, UnreachableError

_IDENTITY = "collection.json"
_UNFINISHED = ".unfinished"
_LAG = timedelta(days=28)  # between today and the latest season, as SeCo's downloader has it
_GIVE_UP = 8  # places in a row for which the source failed


@dataclass(frozen=True)
class Collected:
    """What became of the places asked for."""

    output: Path
    taken: int
    dropped: int
    """Why stands in `manifest.jsonl`."""


def collect(config: CollectConfig, *, source: Source | None = None) -> Collected:
    """Collect images of places in several seasons.

    Running it again goes on where it stopped; with a greater count it adds places.

    Args:
        config: What to collect.
        source: Where from, in place of the config's own source.

    Raises:
        ConnectionError: The source could not be reached for some places; the others are there.
        FileExistsError: The output holds another collection, or another process is at work on it.
        ImportError: The source needs an extra that is not installed.
        ValueError: The source does not have a product.
    """
    source = source or make_source(config)
    for product in {*config.wanted, *({"s2a"} if config.wanted != ("s1",) else ())}:
        if product not in source.products:
            raise ValueError(f"{source.name} has no {product} (only {', '.join(source.products)}); name another source")
    places = config.all_places()
    with _alone_in(config.output):
        wish = Wish(
            layout=config.form,
            products=config.wanted,
            until=settle_identity(config),
            max_cloud=config.cloud_limit,
            window_cloud=config.window_cloud,
        )
        run = Run(config=config, wish=wish, source=source, manifest=Manifest(config.output))
        run.finish_moves()
        asked = run.collect(places)
        run.manifest.sort()
        shutil.rmtree(config.output / _UNFINISHED, ignore_errors=True)
    statuses = [run.manifest.records[number]["status"] for number in asked]
    return Collected(config.output, statuses.count("taken"), statuses.count("dropped"))


def make_source(config: CollectConfig) -> Source:
    """The source that a config names."""
    if config.source == "earth-engine":
        from eo_data.collect.earth_engine import EarthEngineSource

        return EarthEngineSource(project=config.project)
    from eo_data.collect.http import Http, Patience
    from eo_data.collect.profiles import PROFILES
    from eo_data.collect.stac import StacSource

    profile = PROFILES[config.source]
    http = Http(Patience(attempts=config.attempts, timeout=config.timeout))
    return StacSource(replace(profile, url=config.url or profile.url), http)


def settle_identity(config: CollectConfig) -> date:
    """Write down what is collected in this folder, or check it; returns the end date.

    Raises:
        FileExistsError: The folder holds something else.
    """
    path = config.output / _IDENTITY
    known = json.loads(path.read_text()) if path.is_file() else {}
    until = config.until or (date.fromisoformat(known["until"]) if known else date.today() - _LAG)
    wanted = config.identity(until)
    if known and known != wanted:
        others = [
            f"{name} {known.get(name)!r}, not {value!r}" for name, value in wanted.items() if known.get(name) != value
        ]
        raise FileExistsError(f"{config.output} is a collection with {', '.join(others)}; choose another folder")
    replace_text(path, json.dumps(wanted, indent=1) + "\n")
    return until


@dataclass
class Run:
    """One run of a collection."""

    config: CollectConfig
    wish: Wish
    source: Source
    manifest: Manifest
    failures: list[str] = field(default_factory=list)
    """Of places that the source failed for."""

    def collect(self, places: Iterator[Place]) -> list[int]:
        """Collect the places that are not settled; returns the numbers of all."""
        numbers: list[int] = []
        in_a_row = 0
        with self._threads() as pool, _bar(self.config.count or length_hint(places)) as progress:
            for place, future in self._results(pool, places):
                numbers.append(place.number)
                progress.advance(progress.task_ids[0])
                try:
                    future.result()
                    in_a_row = 0
                except UnreachableError as error:
                    self.failures.append(f"place {place.number}: {error}")
                    in_a_row += 1
                if in_a_row == _GIVE_UP:
                    raise self._incomplete()
        if self.failures:
            raise self._incomplete()
        return numbers

    def collect_one(self, place: Place) -> None:
        """Collect a place, settle it and move it to where it belongs."""
        record, images = collect_place(place, self.source, self.wish)
        layout, hidden = self.wish.layout, self._hidden(place.number)
        for image in images:
            write_image(hidden / layout.folders(image.item.product, place.number) / image.item.folder, image, layout)
        self.manifest.append(record)
        self._move(place.number)

    def finish_moves(self) -> None:
        """Move what a killed run had settled, and throw away what it had not."""
        for number in self.manifest.records:
            self._move(number)
        shutil.rmtree(self.config.output / _UNFINISHED, ignore_errors=True)

    def _move(self, number: int) -> None:
        for product in self.wish.products:
            folder = self.wish.layout.folders(product, number)
            hidden, target = self._hidden(number) / folder, self.config.output / folder
            if hidden.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                hidden.rename(target)

    def _hidden(self, number: int) -> Path:
        return self.config.output / _UNFINISHED / str(number)

    def _results(self, pool: ThreadPoolExecutor, places: Iterator[Place]) -> Iterator[tuple[Place, Future[None]]]:
        """Each place as it is done; only a few more than there are workers wait in line."""
        waiting: dict[Future[None], Place] = {}
        for place in places:
            if place.number in self.manifest.records:
                self._check_same(place)
                done: Future[None] = Future()
                done.set_result(None)
                yield place, done
                continue
            waiting[pool.submit(self.collect_one, place)] = place
            if len(waiting) >= 2 * self.config.workers:
                yield from _done(waiting)
        while waiting:
            yield from _done(waiting)

    def _incomplete(self) -> ConnectionError:
        counted = f"{len(self.failures)} places could not be fetched, such as {self.failures[0]}"
        return ConnectionError(f"{counted}; run the same command again: it goes on where it stopped")

    def _check_same(self, place: Place) -> None:
        """Refuse to go on with a collection whose places are others by now."""
        record = self.manifest.records[place.number]
        where = (record.get("longitude"), record.get("latitude"))
        if record["status"] == "taken" and where not in {(point.longitude, point.latitude) for point in place.draws}:
            there = f"place {place.number} of {self.config.output} lies at {where}"
            raise FileExistsError(f"{there}, where {self.config.places} has none; choose another folder")

    @contextmanager
    def _threads(self) -> Iterator[ThreadPoolExecutor]:
        """The workers; whatever ends the run early ends their waiting, too."""
        pool = ThreadPoolExecutor(self.config.workers)
        try:
            yield pool
        except BaseException:
            self.source.stop()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def _done(waiting: dict[Future[None], Place]) -> list[tuple[Place, Future[None]]]:
    finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
    return [(waiting.pop(future), future) for future in finished]


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Hold the folder, made if missing, against other processes; a lock that ends with the process."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        with suppress(ImportError):  # there is none on Windows
            import fcntl

            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise FileExistsError(f"another process collects into {folder}; wait for it to end") from error
        yield


@contextmanager
def _bar(total: int) -> Iterator[Progress]:
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        bar.add_task("Collecting places", total=total)
        yield bar
