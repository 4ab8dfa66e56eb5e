"""One patient HTTP client for all threads: waits when it is told to, tries again, gives up with the address."""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

import requests

from eo_data.collect.source import UnreachableError

_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_BROKEN = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
_HIDDEN = frozenset({401, 403})


class MissingError(LookupError):
    """The server has nothing at this address."""


class DeniedError(PermissionError):
    """The server wants another token, or any."""


class StoppedError(Exception):
    """The collection was told to end."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to bear with a server. Times in seconds."""

    attempts: int = 6
    timeout: float = 60.0
    """Of silence, before a connection counts as broken."""
    first: float = 1.0
    """Pause after the first failure; it doubles after each."""
    longest: float = 120.0
    """No pause is longer, whatever the server says."""

    def pause(self, failures: int, asked: float | None) -> float:
        """How long to wait after so many failures; `asked` is what the server asked for."""
        return min(self.longest, max(asked or 0.0, self.first * 2.0 ** (failures - 1)))


@dataclass
class Http:
    """Sends requests; keeps connections open, one set per thread."""

    patience: Patience = field(default_factory=Patience)
    stop: threading.Event = field(default_factory=threading.Event)
    """Ends every wait and every further request."""
    _local: threading.local = field(default_factory=threading.local)

    def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, length: int | None = None
    ) -> requests.Response:
        """A whole answer to a GET request; see `send`."""
        return self.send("GET", url, headers=headers, length=length)

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        parameters: Mapping[str, object] | None = None,
        length: int | None = None,
    ) -> requests.Response:
        """A whole answer. Tried again after 408, 425, 429, 5xx, silence, broken connections and bodies cut short.

        Args:
            method: GET sends `parameters` in the address, POST as JSON.
            url: The address.
            headers: Of the request.
            parameters: Of the request.
            length: Greatest length of the body in bytes; a longer one is not read.

        Raises:
            MissingError: 404 or 410.
            DeniedError: 401 or 403.
            UnreachableError: Another refusal, or no whole answer in all attempts.
            StoppedError: `stop` was set.
        """
        complaint, asked = "", None
        for failures in range(self.patience.attempts):
            if failures:
                self.stop.wait(self.patience.pause(failures, asked))
            if self.stop.is_set():
                raise StoppedError
            try:
                answer = self._once(method, url, headers, parameters, length)
            except _BROKEN as error:
                complaint, asked = f"{type(error).__name__}: {error}".replace(url.partition("?")[2] or url, ""), None
                continue
            if answer.ok:
                return answer
            complaint, asked = f"{answer.status_code} {answer.reason}", _retry_after(answer)
            _refuse(answer, url)
        attempts = f"{self.patience.attempts} times" if self.patience.attempts > 1 else "once"
        raise UnreachableError(f"{_bare(url)} did not answer, tried {attempts} (last: {complaint})")

    def _once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        parameters: Mapping[str, object] | None,
        length: int | None,
    ) -> requests.Response:
        body = {"data": json.dumps(parameters)} if method == "POST" else {"params": parameters}
        kind = {"Content-Type": "application/json"} if method == "POST" else {}
        with self._session().request(
            method, url, headers={**kind, **(headers or {})}, timeout=self.patience.timeout, stream=True, **body
        ) as answer:
            if answer.ok and length is not None and int(answer.headers.get("Content-Length", 0)) > length:
                raise UnreachableError(f"{_bare(url)} sends more of the file than it was asked for")
            answer.content  # noqa: B018 -- reads the body, whole or not at all
            return answer

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.headers["User-Agent"] = "eo-data"
        session: requests.Session = self._local.session
        return session


def _refuse(answer: requests.Response, url: str) -> None:
    """Raise for a status that will not change by waiting."""
    status = answer.status_code
    if status in (404, 410):
        raise MissingError(f"{_bare(url)} answers {status} {answer.reason}")
    if status in _HIDDEN:
        raise DeniedError(f"{_bare(url)} answers {status} {answer.reason}")
    if status not in _BUSY:
        raise UnreachableError(f"{_bare(url)} answers {status} {answer.reason}: {answer.text[:200]}")


def _retry_after(answer: requests.Response) -> float | None:
    """Seconds that the server asks to wait, said as a number or as a date."""
    said = answer.headers.get("Retry-After", "")
    if said.isdigit():
        return float(said)
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    except ValueError:
        return None


def _bare(url: str) -> str:
    """An address without what may be a token."""
    return url.partition("?")[0]
