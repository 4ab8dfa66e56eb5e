"""Packed folders on a web server or in a bucket: shards are fetched when they are first needed, and kept."""

import errno
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eo_data.shards import Shard, write_whole

ATTEMPTS = 5


def is_remote(root: str) -> bool:
    """Whether a root is an address such as `https://...` or `s3://...`."""
    return "://" in root


class Remote:
    """A packed folder at an address that fsspec understands.

    Args:
        url: Of the folder.
        cache: Where shards are kept under the name of their hash, so that processes and data sets share them; None:
            `eo-data` in the user's cache folder.

    Raises:
        ImportError: Without the extra `eo-data[remote]`.
    """

    def __init__(self, url: str, cache: str | os.PathLike[str] | None = None) -> None:
        try:
            import fsspec  # noqa: F401
        except ImportError as error:
            raise ImportError(
                f"reading {url} wants the extra eo-data[remote]: pip install 'eo-data[remote]'"
            ) from error
        user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        self.url, self.cache = url.rstrip("/"), Path(cache) if cache is not None else user / "eo-data"

    def fetch(self, shard: Shard) -> Path:
        """The local copy of a shard, fetched and checked if it is not there whole; one process at a time fetches."""
        path = self.cache / f"{shard.sha256}.safetensors"
        if _is_there(path, shard):
            return path
        self.cache.mkdir(parents=True, exist_ok=True)
        with _locked(path.with_suffix(".lock")):
            if not _is_there(path, shard):
                self._keep(path, self.read(shard.file, shard.sha256))
        return path

    def read(self, name: str, sha256: str | None = None) -> bytes:
        """All bytes of a file of the folder; a connection that drops, or brings other bytes, is tried again.

        Raises:
            FileNotFoundError: The folder has no such file.
            ConnectionError: It could not be read, or its hash is not `sha256`, several times in a row.
        """
        cause: Exception | None
        for attempt in range(ATTEMPTS):
            time.sleep(min(2.0**attempt - 1, 30))
            try:
                content = self._get(name)
            except FileNotFoundError as error:
                raise FileNotFoundError(f"{self.url}/{name} is missing; copy the packed folder there again") from error
            except Exception as error:  # every kind of bucket has its own
                cause, why = error, f"{type(error).__name__}: {error}"
                continue
            found = hashlib.sha256(content).hexdigest()
            if sha256 in (None, found):
                return content
            cause, why = None, f"its sha256 is {found}, the index says {sha256}"
        message = f"{self.url}/{name} could not be read {ATTEMPTS} times in a row ({why}); what is cached stays"
        raise ConnectionError(message) from cause

    def _get(self, name: str) -> bytes:
        from fsspec.core import url_to_fs  # opened anew: connections do not survive a fork

        system, path = url_to_fs(self.url)
        content: bytes = system.cat_file(f"{path.rstrip('/')}/{name}")
        return content

    def _keep(self, path: Path, content: bytes) -> None:
        try:
            write_whole(path, content)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            message = f"the disk of the cache {self.cache} is full; make room, or pass cache= a folder on another disk"
            raise OSError(error.errno, message) from error


def _is_there(path: Path, shard: Shard) -> bool:
    return path.is_file() and path.stat().st_size == shard.size


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Alone among the processes of this machine; the kernel lets go when a process dies."""
    import fcntl  # no such thing on Windows, where folders are read locally

    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
