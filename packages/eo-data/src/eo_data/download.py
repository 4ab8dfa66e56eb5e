"""Fetching archives: resumed where a connection dropped, checked against a published hash, unpacked safely."""

import hashlib
import io
import shutil
import ssl
import stat
import sys
import tarfile
import time
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path, PurePosixPath
from typing import IO, cast
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlparse
from urllib.request import Request, urlopen

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from eo_data.progress import track

_CHUNK = 1 << 20
_DROPPED = (ConnectionError, TimeoutError, HTTPException, URLError, ssl.SSLError)  # a full disk is none of these


@dataclass(frozen=True)
class Archive:
    """A file on the web and the hash that its publisher gives: `sha256`, or `md5` where there is no other."""

    url: str
    sha256: str | None = None
    md5: str | None = None

    def __post_init__(self) -> None:
        if not (self.sha256 or self.md5):
            raise ValueError(f"{self.url} needs a sha256 or an md5 to be checked against")

    @property
    def filename(self) -> str:
        """The last part of the address."""
        return PurePosixPath(unquote(urlparse(self.url).path)).name


def fetch(archive: Archive, folder: Path, *, attempts: int = 5) -> Path:
    """Download an archive into a folder, under a temporary name until its hash is right.

    A connection that drops is taken up where it broke off, at once and again at the next call.

    Args:
        archive: What to fetch.
        folder: Where to put it; made if missing. A file that is there already is checked and used.
        attempts: How many times in a row the connection may bring nothing.

    Returns:
        The verified file.

    Raises:
        ConnectionError: The address cannot be read, or broke off too often; calling again resumes.
        ValueError: The bytes are not those published.
    """
    path = folder / archive.filename
    if path.exists():
        _verify(path, archive)
        return path
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    _download(archive.url, part, attempts)
    try:
        _verify(part, archive)
    except ValueError:
        part.unlink()  # more bytes would not repair it
        raise
    part.replace(path)
    return path


def unzip(path: Path, folder: Path) -> None:
    """Unpack an archive; a file appears under its name only when it is whole, and files that are there stay.

    Raises:
        ValueError: A broken archive, or one with an entry that would land outside the folder.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            links = [stat.S_ISLNK(entry.external_attr >> 16) for entry in entries]
            targets = [
                _inside(folder, entry.filename, path, link=link) for entry, link in zip(entries, links, strict=True)
            ]
            for entry, target in track(list(zip(entries, targets, strict=True)), f"Unpacking {path.name}"):
                if not target.exists():
                    with archive.open(entry) as source:
                        _write_whole(source, target)
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path} is not a whole zip archive ({error}); delete it and fetch it again") from error


def untar(parts: Sequence[Path], folder: Path) -> None:
    """Unpack a gzipped tar archive, which may come in several files; as `unzip` does, but in one pass from the front.

    Raises:
        ValueError: A broken archive, or one with an entry that would land outside the folder.
    """
    try:
        with _Joined(parts) as whole, tarfile.open(fileobj=whole, mode="r|gz") as archive:
            for entry in archive:
                target = _inside(folder, entry.name, parts[0], link=entry.issym() or entry.islnk())
                source = archive.extractfile(entry) if entry.isfile() and not target.exists() else None
                if source is not None:
                    _write_whole(source, target)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise ValueError(
            f"{', '.join(map(str, parts))} is not a whole tar archive ({error}); delete it and fetch it again"
        ) from error


class _Joined(io.RawIOBase):
    """Several files read as if they were one."""

    def __init__(self, parts: Sequence[Path]) -> None:
        self._rest = [path.open("rb") for path in parts]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # any buffer will do
        while self._rest:
            count = self._rest[0].readinto(buffer)
            if count:
                return count
            self._rest.pop(0).close()
        return 0

    def close(self) -> None:
        while self._rest:
            self._rest.pop().close()
        super().close()


def _download(url: str, part: Path, attempts: int) -> None:
    failures = 0
    while True:
        before = _size(part)
        try:
            if _receive(url, part):
                return
            error: Exception | None = None
        except _DROPPED as dropped:
            if isinstance(dropped, HTTPError) and dropped.code < 500:  # asking again will not help
                raise ConnectionError(f"{url} answers {dropped.code} {dropped.reason}") from dropped
            error = dropped
        failures = 0 if _size(part) > before else failures + 1
        if failures >= attempts:
            message = f"{url} broke off at byte {_size(part)} {attempts} times in a row ({error}); run again to resume"
            raise ConnectionError(message) from error
        time.sleep(min(2.0**failures - 1, 30))


def _receive(url: str, part: Path) -> bool:
    """Append what one connection brings; true when the file is complete."""
    start = _size(part)
    headers = {"User-Agent": "eo-data", **({"Range": f"bytes={start}-"} if start else {})}
    try:
        response = cast(HTTPResponse, urlopen(Request(url, headers=headers), timeout=60))
    except HTTPError as error:
        if error.code == 416:  # nothing is left to send
            return True
        raise
    with response:
        resumed = response.status == 206  # anything else sends the file from its beginning
        length = response.headers.get("Content-Length")
        total = None if length is None else int(length) + (start if resumed else 0)
        with part.open("ab" if resumed else "wb") as file, _progress(f"Fetching {part.stem}", total) as progress:
            progress.update(progress.task_ids[0], completed=file.tell())
            while chunk := response.read1(_CHUNK):
                file.write(chunk)
                progress.advance(progress.task_ids[0], len(chunk))
            return total is None or file.tell() >= total


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _verify(path: Path, archive: Archive) -> None:
    name, expected = ("sha256", archive.sha256) if archive.sha256 else ("md5", archive.md5)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, name).hexdigest()
    if found != expected:
        raise ValueError(f"{path} has {name} {found}, its publisher says {expected}; delete it and fetch it again")


def _inside(folder: Path, entry: str, path: Path, *, link: bool) -> Path:
    name = PurePosixPath(entry.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or ":" in "".join(name.parts[:1]) or link:
        raise ValueError(f"{path} holds {entry!r}, which would land outside {folder}; do not trust this archive")
    return folder.joinpath(*name.parts)


def _write_whole(source: IO[bytes], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    with part.open("wb") as file:
        shutil.copyfileobj(source, file)
    part.replace(target)


@contextmanager
def _progress(text: str, total: float | None) -> Iterator[Progress]:
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(TextColumn("{task.description}"), *columns, console=console, disable=not sys.stderr.isatty()) as bar:
        bar.add_task(text, total=total)
        yield bar
