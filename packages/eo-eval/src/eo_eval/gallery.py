"""What a person looks at beside the numbers: a map of the embeddings, and nearest neighbours, with their pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import ConcatDataset, Dataset

from eo_eval.features import Features
from eo_eval.knn import nearest
from eo_eval.thumbnails import contact_sheet, thumbnails

MAP_POINTS, QUERIES, NEIGHBOURS, COLUMNS = 320, 10, 6, 24
_FEWEST_FOR_TSNE = 12


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Rows to show. Pictures stand in one sheet: M of the map, Q of the queries, Q times k of their neighbours."""

    method: Literal["t-SNE", "PCA"]
    xy: Tensor
    """(M, 2) place of each shown test row, in 0..1."""
    ids: tuple[str, ...]
    y: Tensor
    """(M,) or (M, K) labels of the shown test rows."""
    query_ids: tuple[str, ...]
    query_y: Tensor
    neighbour_ids: tuple[tuple[str, ...], ...]
    """Of the nearest train rows by cosine, nearest first."""
    neighbour_y: Tensor
    """(Q, k) or (Q, k, K)."""
    similarity: Tensor
    """(Q, k) cosines."""
    sheet: bytes
    """JPEG of all pictures, `columns` to a line."""
    columns: int = COLUMNS


def make_gallery(
    train: Features,
    test: Features,
    train_set: Dataset[Any],
    test_set: Dataset[Any],
    *,
    bands: Sequence[str],
    seed: int = 0,
) -> Gallery:
    """Chooses test rows for the map and queries, and reads their pictures and those of the queries' neighbours.

    Args:
        train: Among which neighbours are looked for.
        test: What is mapped, 320 rows of it at most.
        train_set: The data set of `train`.
        test_set: The data set of `test`.
        bands: Canonical names of the images' channels.
        seed: Of the choice and of t-SNE.
    """
    assert train.y is not None
    assert test.y is not None
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(test), generator=generator)
    shown = order[:MAP_POINTS].sort().values
    queries = _queries(test.y, order)
    distance, index = nearest(train.x, test.x[queries], k=min(NEIGHBOURS, len(train)))
    xy, method = project(test.x[shown], seed=seed)
    both: ConcatDataset[Any] = ConcatDataset([test_set, train_set])  # one stretch for all pictures
    after_test = torch.tensor([len(test_set), 0])  # type: ignore[arg-type]  # map-style data sets have a length
    source = torch.cat([test.source[shown], test.source[queries], train.source[index.flatten()] + after_test])
    return Gallery(
        method=method,
        xy=xy,
        ids=tuple(test.ids[i] for i in shown.tolist()),
        y=test.y[shown],
        query_ids=tuple(test.ids[i] for i in queries.tolist()),
        query_y=test.y[queries],
        neighbour_ids=tuple(tuple(train.ids[i] for i in row) for row in index.tolist()),
        neighbour_y=train.y[index],
        similarity=1 - distance,
        sheet=contact_sheet(thumbnails(both, source, bands=bands), columns=COLUMNS),
    )


def project(x: Tensor, *, seed: int = 0) -> tuple[Tensor, Literal["t-SNE", "PCA"]]:
    """(M, D) features to places (M, 2) in 0..1: t-SNE of the directions, or PCA where there are too few for it."""
    x = F.normalize(x, dim=1)
    method: Literal["t-SNE", "PCA"] = "t-SNE" if len(x) >= _FEWEST_FOR_TSNE else "PCA"
    centred = x - x.mean(0)
    if method == "PCA":
        places = F.pad(torch.linalg.svd(centred, full_matrices=False)[0], (0, 2))[:, :2]
    else:
        from sklearn.manifold import TSNE  # a fifth of this package's import time, for this line alone

        tsne = TSNE(perplexity=min(30, (len(x) - 1) / 3), init="random", random_state=seed)
        places = torch.from_numpy(np.asarray(tsne.fit_transform(centred.numpy()), dtype=np.float32))
    low, high = places.min(0).values, places.max(0).values
    return (places - low) / (high - low).clamp_min(1e-12), method


def _queries(y: Tensor, order: Tensor) -> Tensor:
    """The first row of each class in the drawn order, up to ten; of multi-label rows the first eight."""
    if y.ndim == 2:
        return order[: QUERIES - 2]
    label = y[order]
    found = [order[(label == k).nonzero()[0, 0]] for k in range(int(y.max()) + 1) if (label == k).any()]
    return torch.stack(found[:QUERIES])
