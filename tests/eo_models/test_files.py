import pytest
import torch
from safetensors.torch import save_file

from eo_models import create_model, save_backbone, save_for_hub


def test_a_file_of_another_model_says_what_differs(tmp_path, resnet):
    save_backbone(resnet, tmp_path)
    file = tmp_path / "backbone.safetensors"
    with pytest.raises(ValueError, match=r"does not fit resnet18 on 2 bands: conv1.weight is \(64, 3, 7, 7\), wanted"):
        create_model("resnet18", bands=("VV", "VH"), sensor="sentinel1-grd", checkpoint=file)
    with pytest.raises(ValueError, match=r"does not fit resnet50 on 3 bands: \d+ missing: .* and \d+ more"):
        create_model("resnet50", bands=resnet.bands, sensor="rgb", checkpoint=file)


def test_a_failed_write_leaves_the_earlier_file(tmp_path, resnet, monkeypatch):
    save_backbone(resnet, tmp_path)
    before = (tmp_path / "backbone.safetensors").read_bytes()

    def full(self, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        save_backbone(resnet, tmp_path)
    assert (tmp_path / "backbone.safetensors").read_bytes() == before


def test_safetensors_with_extra_keys_is_refused(tmp_path, resnet):
    save_file(resnet.body.state_dict() | {"stranger": torch.zeros(1)}, tmp_path / "extra.safetensors")
    with pytest.raises(ValueError, match="1 unexpected: stranger"):
        create_model("resnet18", bands=resnet.bands, sensor="rgb", checkpoint=tmp_path / "extra.safetensors")


def test_a_folder_for_the_hub_comes_back_and_timm_reads_it_too(tmp_path):
    import timm

    model = create_model("resnet18", bands=("B04", "B03", "B02", "B08"), sensor="sentinel2-l1c").eval()
    model.units, model.normalization = ("dn",) * 4, [{"op": "affine", "scale": 1e-4, "offset": 0}]
    save_for_hub(model, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    again, x = create_model(tmp_path), torch.randn(1, 4, 64, 64)
    assert again.facts() == model.facts()
    assert torch.equal(again(x), model(x))
    assert torch.equal(timm.create_model(f"local-dir:{tmp_path}", pretrained=True).eval()(x), model(x))


def test_the_card_says_how_to_feed_it(tmp_path, golden):
    file = golden.file("softcon", "B2_rn50_softcon")
    save_for_hub(create_model("resnet50.softcon_s1", checkpoint=file, bands=("VH", "VV")), tmp_path)
    card = (tmp_path / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: eo-models\nlicense: cc-by-4.0\n")
    assert "# resnet50.softcon_s1" in card
    assert "| 0 | sentinel1-grd | VH | db |\n| 1 | sentinel1-grd | VV | db |" in card
    assert '"op": "floor"' in card
    assert "- reordered: VH VV" in card
    assert "1 % and 99 % quantiles" in card
    save_for_hub(create_model("resnet18", bands=("R",), sensor="rgb"), tmp_path)
    assert "Not known: whoever trained it did not say." in (tmp_path / "README.md").read_text()


def test_a_folder_of_the_hub_without_our_facts_says_how_to_load_it(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match=r"does not say which bands its weights want; name the architecture instead"):
        create_model(tmp_path)
