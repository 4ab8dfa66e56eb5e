"""Fetching published weights: resumed, verified, kept; a file that failed is never left under its name."""

import errno
import hashlib
import os
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import cast
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from eo_models.weights import Drive, Hub, Url, Weights

_CHUNK = 1 << 20
_DROPPED = (ConnectionError, TimeoutError, HTTPException, URLError, ssl.SSLError)  # a full disk is none of these


def download_weights(weights: Weights, *, attempts: int = 5) -> Path:
    """The verified file of published weights, fetched if it is not there yet.

    Files of the Hub go through `huggingface_hub` and its cache (`HF_HOME`, `HF_HUB_OFFLINE` and `HF_ENDPOINT` mean what
    they always mean), others into `$EO_MODELS_CACHE`, by default `~/.cache/eo-models`. The hash is checked every time.

    Args:
        weights: What to fetch (`get_weights(name)`).
        attempts: How many times in a row a connection may bring nothing.

    Raises:
        ConnectionError: No network, a dead link, or a connection that broke off too often; calling again resumes.
        ValueError: The bytes are not those published; they are thrown away.
        FileNotFoundError: Only a shared drive has the file; the message says where.
    """
    source = weights.source
    if isinstance(source, Drive):
        raise FileNotFoundError(
            f"{weights.name} is on a shared drive only, from which nothing can be fetched unattended: get "
            f"{weights.filename} from {source.where} and pass checkpoint=FILE"
        )
    path = _from_hub(source, weights) if isinstance(source, Hub) else _from_url(source, weights, attempts)
    try:
        verify_file(path, weights)
    except ValueError:
        path.resolve().unlink()  # the Hub's cache holds a link to the bytes
        path.unlink(missing_ok=True)
        raise
    return path


def verify_file(file: Path, weights: Weights) -> None:
    """Compares a file with the published hash; ValueError if it differs, or if there is none to compare with."""
    name, expected = published_hash(weights)
    with file.open("rb") as opened:
        found = hashlib.file_digest(opened, name).hexdigest()
    if found != expected:
        raise ValueError(f"{file} has {name} {found}, {weights.name} was published with {expected}; fetch it again")


def published_hash(weights: Weights) -> tuple[str, str]:
    """The kind of hash that the publisher gives, and its value."""
    source = weights.source
    if isinstance(source, Drive):
        raise ValueError(f"{weights.name} was published without a hash; leave verify out")
    if source.sha256:
        return "sha256", source.sha256
    assert isinstance(source, Url)
    assert source.md5
    return "md5", source.md5


def _from_hub(source: Hub, weights: Weights) -> Path:
    from huggingface_hub import hf_hub_download  # on first use

    try:
        return Path(hf_hub_download(source.repo_id, weights.filename, revision=source.revision))
    except Exception as error:  # its own kinds, and those of its HTTP library
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EACCES, errno.EROFS):
            raise
        raise ConnectionError(
            f"{weights.filename} of {source.repo_id} cannot be fetched from the Hub "
            f"({_first_line(error.__cause__ or error)}); check the network, or pass checkpoint=FILE"
        ) from error


def _from_url(source: Url, weights: Weights, attempts: int) -> Path:
    home = os.environ.get("EO_MODELS_CACHE") or Path.home() / ".cache" / "eo-models"
    path = Path(home) / weights.filename
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        _download(source.url, part, attempts)
        part.replace(path)
    return path


def _download(url: str, part: Path, attempts: int) -> None:
    failures = 0
    while True:
        before, error = _size(part), None
        try:
            if _receive(url, part):
                return
        except _DROPPED as dropped:
            if isinstance(dropped, HTTPError) and dropped.code < 500:  # asking again will not help
                raise ConnectionError(
                    f"{url} answers {dropped.code} {dropped.reason}; pass checkpoint=FILE"
                ) from dropped
            error = dropped
        failures = 0 if _size(part) > before else failures + 1
        if failures >= attempts:
            raise ConnectionError(
                f"{url} cannot be read ({error or 'it broke off'}; {_size(part)} bytes are kept): check the network "
                "and run again to resume, or pass checkpoint=FILE"
            ) from error
        time.sleep(min(2.0**failures - 1, 30))


def _receive(url: str, part: Path) -> bool:
    """Append what one connection brings; true when the file is complete."""
    start = _size(part)
    headers = {"User-Agent": "eo-models", **({"Range": f"bytes={start}-"} if start else {})}
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


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].strip()


@contextmanager
def _progress(text: str, total: float | None) -> Iterator[Progress]:
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(TextColumn("{task.description}"), *columns, console=console, disable=not sys.stderr.isatty()) as bar:
        bar.add_task(text, total=total)
        yield bar
