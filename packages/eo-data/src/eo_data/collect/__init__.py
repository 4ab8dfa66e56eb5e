"""Collecting season after season of places all over the Earth, from public archives, without an account."""

from eo_data.collect.config import CollectConfig
from eo_data.collect.profiles import EARTH_SEARCH, PLANETARY_COMPUTER, PROFILES, Collection, Profile
from eo_data.collect.run import Collected, collect
from eo_data.collect.source import Item, Source, UnreachableError, UnsuitableError

__all__ = [
    "EARTH_SEARCH",
    "PLANETARY_COMPUTER",
    "PROFILES",
    "CollectConfig",
    "Collected",
    "Collection",
    "Item",
    "Profile",
    "Source",
    "UnreachableError",
    "UnsuitableError",
    "collect",
]
