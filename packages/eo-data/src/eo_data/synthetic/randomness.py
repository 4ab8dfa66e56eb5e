"""Random streams that depend on names and numbers alone, never on what was drawn before."""

import zlib

import numpy as np


def generator(*key: int | str) -> np.random.Generator:
    """The random stream of this key.

    Equal keys give equal streams in any process and in any order; different keys give independent ones.

    Args:
        key: Whose stream: the seed of the world, then whole numbers of at least 0 and words.

    Raises:
        ValueError: A negative number.
    """
    numbers = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in key]
    if min(numbers) < 0:
        raise ValueError(f"seed and location must be at least 0, got {numbers}")
    return np.random.default_rng(numbers)
