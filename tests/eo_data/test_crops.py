import pytest
import torch

from eo_data.crops import Window, centre, draw, tiles


@pytest.mark.parametrize(
    ("length", "size", "starts"), [(256, 224, [0, 32]), (256, 128, [0, 128]), (256, 100, [0, 78, 156]), (7, 7, [0])]
)
def test_tiles_cover_everything_with_the_fewest_squares(length, size, starts):
    found = tiles(length, size)
    assert sorted({window.row for window in found}) == sorted({window.column for window in found}) == starts
    covered = torch.zeros(length, length, dtype=torch.bool)
    for row, column, side in found:
        assert 0 <= row <= length - side
        covered[row : row + side, column : column + side] = True
    assert covered.all()
    assert found == tiles(length, size)


def test_the_centre_is_in_the_middle():
    assert centre(256, 224) == Window(16, 16, 224)


def test_random_places_never_reach_the_last_one_as_published():
    torch.manual_seed(0)
    rows = [draw(8, 5).row for _ in range(200)]
    assert set(rows) == {0, 1, 2}  # 3 would fit too
    assert draw(8, 8) == Window(0, 0, 8)
