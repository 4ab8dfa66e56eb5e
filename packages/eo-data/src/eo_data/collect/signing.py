"""Tokens for files that are not public: asked for late, kept while they last, one for a whole collection."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from eo_data.collect.http import DeniedError, Http
from eo_data.collect.profiles import Profile
from eo_data.collect.source import UnreachableError

_MARGIN = timedelta(seconds=60)
"""A token that ends sooner than this is not used any more."""


@dataclass
class Signer:
    """Adds a token to addresses of a profile's files. Without a token endpoint it leaves them as they are."""

    profile: Profile
    http: Http
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _tokens: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def sign(self, href: str, collection: str, *, refused: str | None = None) -> str:
        """The address with a token that is still good.

        Args:
            href: Address of a file.
            collection: Whose token it needs.
            refused: The signed address that the server has just refused; its token is thrown away.
        """
        if self.profile.token is None:
            return href
        with self._lock:  # many threads find a token expired at the same moment: one of them asks
            token, ends = self._tokens.get(collection, ("", self.now()))
            if ends - self.now() < _MARGIN or (refused is not None and refused.endswith(token)):
                token, ends = self._tokens[collection] = self._ask(collection)
        return f"{href}{'&' if '?' in href else '?'}{token}"

    def _ask(self, collection: str) -> tuple[str, datetime]:
        assert self.profile.token is not None
        variable, header = self.profile.key or ("", "")
        headers = {header: os.environ[variable]} if variable in os.environ else {}
        try:
            given = self.http.get(self.profile.token.format(collection=collection), headers=headers).json()
            return given["token"], datetime.fromisoformat(given["msft:expiry"])
        except (DeniedError, LookupError, ValueError) as error:
            hint = f"; it may want a subscription key in {variable}" if variable else ""
            raise UnreachableError(f"no token for {collection}: {error}{hint}") from error
