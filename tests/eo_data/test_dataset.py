import pytest

from eo_data import ImageDataset
from eo_data.dataset import part_of


class Numbers(ImageDataset):
    transform = None

    def __init__(self, ids):
        self.ids = ids

    def read(self, index):
        return {"id": self.ids[index]}


def test_a_sequence_of_samples():
    numbers = Numbers(["a", "b", "c"])
    assert len(numbers) == 3
    assert [sample["id"] for sample in numbers] == ["a", "b", "c"]
    assert numbers[-3]["id"] == "a"
    with pytest.raises(IndexError):
        numbers[3]


def test_split_id_is_of_the_set():
    assert Numbers(["a", "b"]).split_id == Numbers(["b", "a"]).split_id != Numbers(["a"]).split_id


def test_describe_joins_the_parts():
    numbers = Numbers([])
    numbers.describe({"image": part_of("sentinel2-l2a", ["nir", "red"], "softcon_s2_l2a")})
    assert (numbers.bands, numbers.units, numbers.sensor) == (("B08", "B04"), ("dn", "dn"), "sentinel2-l2a")
    assert len(numbers.normalization) == 4
    numbers.describe({key: part_of("rgb", None, "rgb01") for key in ("s1", "s2")})
    assert (numbers.bands, numbers.sensor, numbers.normalization) == (("R", "G", "B") * 2, "rgb+rgb", None)


def test_a_subclass_must_read():
    with pytest.raises(TypeError, match="ImageDataset does not say how to read sample 0"):
        ImageDataset().read(0)
