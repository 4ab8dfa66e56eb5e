"""A small Earth behind a real STAC API and a file server on loopback, with faults on demand."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from types import MappingProxyType

import numpy as np
import pytest
from rasterio import Affine
from rasterio.io import MemoryFile
from rasterio.warp import transform

from eo_data.collect import EARTH_SEARCH, PLANETARY_COMPUTER, CollectConfig, Collected, collect
from eo_data.collect.http import Http, Patience
from eo_data.collect.stac import StacSource
from eo_data.sensors import SENSORS

LEFT, TOP, SIDE = 600_000, 5_000_040, 7_680  # the tile in metres, on the 60 m grid
RESOLUTIONS = {band.name: band.resolution for band in SENSORS["sentinel2-l2a"].bands} | {"SCL": 20, "VV": 10, "VH": 10}
CORNERS = ((2_000, 2_000), (6_000, 2_000), (2_000, 6_000), (6_000, 6_000))  # of places, from the tile's corner
UNTIL = date(2021, 9, 22)
DATES = [datetime(2019, 10, 1, 10, tzinfo=UTC) + timedelta(days=4 * number) for number in range(183)]
ENCODING = Lock()
WORLDS = ("sentinel-2-l2a", "offset", "flagged", "cloudy", "holes", "edge", "lacking", "bright", "water", "broken")


def pixels_of(world: str, number: int, band: str) -> np.ndarray:
    """What the file of a band shows: dark ground whose values tell the band, and which of two patterns of ground."""
    resolution = RESOLUTIONS[band]
    size = SIDE // resolution
    y, x = np.mgrid[:size, :size] * (resolution / 10)
    if band in ("VV", "VH"):
        return (10 ** (-1 - (x + y) / 2000 - (band == "VH") * 0.5)).astype(np.float32)
    if band == "SCL":
        return scene_classes(world, number, size)
    index = SENSORS["sentinel2-l2a"].band_names.index(band)
    ground = 150 + 10 * index + 60 * (number % 2) + np.floor(x / 40) + np.floor(y / 60) + (x * 7 + y * 13) % 5
    values = ground + {"offset": 1000, "bright": 4000}.get(world, 0)
    if world in ("holes", "water") and band == "B04" and number % 2:
        values[:, : size // 2] = 0
    return values.astype(np.uint16)


def scene_classes(world: str, number: int, size: int) -> np.ndarray:
    classes = np.full((size, size), 4, np.uint8)
    if world == "cloudy" or (world == "sentinel-2-l2a" and number % 5 == 0):
        classes[: size // 2, : size // 2] = 9
    if world == "water":
        classes[:] = 6
    return classes


def content_of(world: str, number: int, band: str) -> bytes:
    """The band as a Cloud-Optimized GeoTIFF; only what differs is made anew."""
    like_others = ("flagged", "cloudy", "lacking", "broken", "holes", "water")
    plain = world in like_others and band != "SCL" and (world not in ("holes", "water") or band != "B04")
    with ENCODING:
        return encode("sentinel-2-l2a" if plain else world, number % (5 if band == "SCL" else 2), band)


@cache
def encode(world: str, number: int, band: str) -> bytes:
    pixels = pixels_of(world, number, band)
    height, width = pixels.shape
    left = LEFT - 6_960 if world == "edge" else LEFT
    grid = {"crs": "EPSG:32632", "transform": Affine(RESOLUTIONS[band], 0, left, 0, -RESOLUTIONS[band], TOP)}
    shape = {"count": 1, "height": height, "width": width, "dtype": pixels.dtype.name}
    with MemoryFile() as memory:
        with memory.open(driver="COG", **shape, **grid, blocksize=256, compress="LZW", nodata=0) as file:
            file.write(pixels, 1)
        return memory.read()


@cache
def longitude_latitude(dx: float, dy: float) -> tuple[float, float]:
    (longitude,), (latitude,) = transform("EPSG:32632", "EPSG:4326", [LEFT + dx], [TOP - dy])
    return round(longitude, 6), round(latitude, 6)


def stac_item(address: str, world: str, number: int) -> dict[str, object]:
    ring = [longitude_latitude(*corner) for corner in ((0, 0), (SIDE, 0), (SIDE, SIDE), (0, SIDE), (0, 0))]
    name = f"S2A_32TPR_{DATES[number]:%Y%m%d}_0_L2A"
    assets = dict(EARTH_SEARCH.products["s2a"].assets)
    if world == "lacking":
        del assets["B12"]
    baseline = "03.00" if world in ("sentinel-2-l2a", "water") else "05.00"
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [],
        "id": name,
        "collection": world,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [*map(min, zip(*ring, strict=True)), *map(max, zip(*ring, strict=True))],
        "properties": {
            "datetime": f"{DATES[number]:%Y-%m-%dT%H:%M:%SZ}",
            "eo:cloud_cover": 80 if number % 3 == 0 else 5,
            "grid:code": "MGRS-32TPR",
            "proj:epsg": 32632,
            "s2:processing_baseline": baseline,
            "s2:generation_time": f"{DATES[number] + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
            "s2:nodata_pixel_percentage": 0,
            "earthsearch:boa_offset_applied": world in ("offset", "holes"),
        },
        "links": [],
        "assets": {
            asset: {"href": f"{address}/data/{world}/{number}/{band}.tif", "type": "image/tiff; application=geotiff"}
            for band, asset in assets.items()
        },
    }


def radar_item(address: str, number: int) -> dict[str, object]:
    """A radar image two days after the optical one, named as the Planetary Computer names bands."""
    item = stac_item(address, "sentinel-1-rtc", number)
    taken = DATES[number] + timedelta(days=2)
    return {
        **item,
        "id": f"S1A_IW_GRDH_1SDV_{taken:%Y%m%dT%H%M%S}_{number:06d}_rtc",
        "properties": {"datetime": f"{taken:%Y-%m-%dT%H:%M:%SZ}", "proj:code": "EPSG:32632"},
        "assets": {
            band.lower(): {"href": f"{address}/data/sentinel-1-rtc/{number}/{band}.tif"} for band in ("VV", "VH")
        },
    }


class Server(ThreadingHTTPServer):
    """Serves files in parts, tokens, and the STAC API behind it.

    `faults` lists (pattern of the path, fault): each is used up by the first request it fits. Faults are a status,
    `hang`, `cut` (the connection breaks in the middle), `short` (half of the bytes, as if they were all), `whole` (all
    of B01 whatever was asked for). `private` asks for the newest of the `tokens` given.
    """

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away are part of the test."""

    def __init__(self, stac_port: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.stac_port, self.lock = stac_port, Lock()
        self.faults: list[tuple[str, object]] = []
        self.released = Event()
        self.requests: list[str] = []
        self.private, self.tokens, self.lifetime = False, 0, timedelta(hours=1)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def fault_for(self, path: str) -> object:
        with self.lock:
            self.requests.append(path)
            found = next((fault for fault in self.faults if re.search(fault[0], path)), None)
            if found:
                self.faults.remove(found)
            return found and found[1]


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        fault = self.server.fault_for(self.path)
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if isinstance(fault, int):
            self.answer(fault, b"no", {"Retry-After": "0"})
        elif fault == "hang":
            self.server.released.wait(10)
            self.close_connection = True
        elif self.path.startswith("/token"):
            self.server.tokens += 1
            ends = datetime.now(UTC) + self.server.lifetime
            given = {"token": f"sig={self.server.tokens}", "msft:expiry": ends.isoformat()}
            self.answer(200, json.dumps(given).encode())
        elif fault == "whole":
            self.answer(200, content_of("sentinel-2-l2a", 0, "B01"))
        elif not self.path.startswith("/data"):
            self.answer(*self.forwarded(), fault=fault)
        elif self.server.private and not self.path.endswith(f"?sig={self.server.tokens}"):
            self.answer(403, b"expired")
        else:
            self.send_file(fault)

    do_POST = do_GET  # noqa: N815

    def send_file(self, fault: object) -> None:
        world, number, name = self.path.partition("?")[0].split("/")[2:5]
        content = content_of(world, int(number), name.removesuffix(".tif"))
        content = b"<html>not here</html>" if world == "broken" and name == "B12.tif" else content
        first, last = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"]).groups()
        part = content[int(first) : int(last) + 1]
        told = {"Content-Range": f"bytes {first}-{int(first) + len(part) - 1}/{len(content)}"}
        self.answer(206, part[: len(part) // 2] if fault == "short" else part, told, fault=fault)

    def forwarded(self) -> tuple[int, bytes]:
        connection = HTTPConnection("127.0.0.1", self.server.stac_port, timeout=10)
        connection.request(self.command, self.path, self.body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None, fault: object = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if fault == "cut" else body)
        self.close_connection = self.close_connection or fault == "cut"

    def log_message(self, *arguments: object) -> None:
        pass


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def running_server(tmp_path_factory):
    """The file server and, behind it, rustac's STAC API with all worlds; both end by themselves."""
    os.environ["no_proxy"] = "127.0.0.1"
    port = free_port()
    with Server(port) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        items = [stac_item(server.address, world, number) for world in WORLDS for number in range(len(DATES))]
        items += [radar_item(server.address, number) for number in range(len(DATES))]
        path = tmp_path_factory.mktemp("stac") / "items.json"
        path.write_text(json.dumps({"type": "FeatureCollection", "features": items}))
        rustac = shutil.which("rustac", path=Path(sys.executable).parent)
        limit = ["timeout", "600"] if shutil.which("timeout") else []  # also if this process is killed
        addresses = ["--addr", server.address, "--bind", f"127.0.0.1:{port}"]
        command = [*limit, str(rustac), "serve", *addresses, "--create-collections", str(path)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            wait_for(port)
            yield server
            process.terminate()
        server.shutdown()


def wait_for(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("rustac did not start")


@pytest.fixture
def server(running_server):
    """The server without faults, tokens or memory of requests."""
    running_server.faults, running_server.requests, running_server.private = [], [], False
    running_server.tokens, running_server.lifetime = 0, timedelta(hours=1)
    running_server.released.clear()
    yield running_server
    running_server.faults = []
    running_server.released.set()


@pytest.fixture
def http():
    """A client that waits a hundredth of what it would."""
    return Http(Patience(first=0.01, longest=0.1, timeout=20, attempts=4))


@pytest.fixture
def source_of(server, http):
    """(world) -> a source with the API of Earth Search for that world."""

    def make(world: str = "sentinel-2-l2a") -> StacSource:
        collection = replace(EARTH_SEARCH.products["s2a"], name=world)
        profile = replace(EARTH_SEARCH, url=server.address, products=MappingProxyType({"s2a": collection}))
        return StacSource(profile, http)

    return make


@pytest.fixture
def signed_source(server, http):
    """A source with radar and tokens, as the Planetary Computer has them; optical bands under Earth Search's names."""
    products = {**PLANETARY_COMPUTER.products, "s2a": EARTH_SEARCH.products["s2a"]}
    addresses = {"url": server.address, "token": f"{server.address}/token/{{collection}}"}
    server.private = True
    return StacSource(replace(PLANETARY_COMPUTER, products=MappingProxyType(products), **addresses), http)


@pytest.fixture
def places_file(tmp_path) -> Path:
    """Four places on the tile."""
    return write_places(tmp_path / "places.csv")


@pytest.fixture
def config(tmp_path, places_file, server):
    """(changes) -> a collection of these places."""
    return lambda **changes: make_config(server, **{"output": tmp_path / "out", "places": str(places_file), **changes})


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory, running_server) -> Collected:
    """The collection of all four places, made by three threads; to be looked at only."""
    folder = tmp_path_factory.mktemp("undisturbed")
    places = str(write_places(folder / "places.csv"))
    return collect(make_config(running_server, output=folder / "out", places=places, workers=3))


def write_places(path: Path) -> Path:
    rows = [longitude_latitude(*corner) for corner in CORNERS]
    path.write_text("longitude,latitude\n" + "".join(f"{longitude},{latitude}\n" for longitude, latitude in rows))
    return path


def make_config(server: Server, **given: object) -> CollectConfig:
    return CollectConfig(**{"url": server.address, "until": UNTIL, "workers": 2, "timeout": 20, **given})


@pytest.fixture
def earth():
    """(world, number, band) -> pixels of the whole tile, and its corner in metres."""
    return pixels_of, (LEFT, TOP)
