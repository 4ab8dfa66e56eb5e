import io

import pytest
import torch
from PIL import Image

from eo_eval.thumbnails import contact_sheet, shown_bands, thumbnails

FIRST = torch.tensor([[0, 0], [1, 0]])


@pytest.mark.parametrize(
    ("bands", "shown"),
    [
        (("B", "G", "R"), ("R", "G", "B")),
        (("B02", "B03", "B04", "B08"), ("B04", "B03", "B02")),
        (("B1", "B2", "B3", "B4"), ("B4", "B3", "B2")),
        (("TCI_R", "TCI_G", "TCI_B", "B05"), ("TCI_R", "TCI_G", "TCI_B")),
        (("VH", "VV"), ("VV",)),
        (("B08", "B11"), ("B08",)),
    ],
)
def test_which_bands_make_the_picture(bands, shown):
    assert shown_bands(bands) == shown


def test_eight_bit_pictures_are_shown_as_they_are(samples):
    image = torch.randint(0, 256, (3, 64, 64), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    made = thumbnails(samples([{"image": image}] * 2), FIRST, bands=("R", "G", "B"))
    assert made.shape == (2, 3, 64, 64)
    assert torch.equal(made[0], image)
    turned = thumbnails(samples([{"image": image.flip(0)}] * 2), FIRST, bands=("B", "G", "R"))
    assert torch.equal(turned, made)


def test_other_pixels_are_stretched_alike(samples):
    dark, bright = (torch.full((4, 80, 80), value).to(torch.uint16) for value in (500, 3000))
    made = thumbnails(samples([{"image": dark}, {"image": bright}]), FIRST, bands=("B02", "B03", "B04", "B08"))
    assert made[0].eq(0).all()
    assert made[1].eq(255).all()


def test_seasons_and_radar(samples):
    image = torch.stack([torch.full((2, 8, 8), value) for value in (-20.0, -5.0)])
    made = thumbnails(samples([{"image": image}]), torch.tensor([[0, 1], [0, 0]]), bands=("VV", "VH"))
    assert made[0].eq(255).all()
    assert made[1].eq(0).all()


def test_a_sheet_holds_the_pictures_line_by_line():
    pictures = torch.stack([torch.full((3, 64, 64), 40 * i) for i in range(5)]).to(torch.uint8)
    sheet = Image.open(io.BytesIO(contact_sheet(pictures, columns=3)))
    assert sheet.size == (192, 128)
    assert sheet.getpixel((32, 96))[0] == pytest.approx(120, abs=3)


def test_snow_in_one_place_leaves_the_others_visible(samples):
    land = torch.linspace(300, 1500, 64 * 64).view(1, 64, 64).expand(3, 64, 64)
    images = [{"image": land.to(torch.uint16)}] * 4 + [{"image": torch.full((3, 64, 64), 12000).to(torch.uint16)}]
    source = torch.tensor([[row, 0] for row in range(5)])
    made = thumbnails(samples(images), source, bands=("B02", "B03", "B04"))
    assert made[0].float().mean() > 100
