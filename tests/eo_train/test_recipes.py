import pytest

from eo_data import synthetic
from eo_train import read_metrics
from eo_train.cli import main
from eo_train.recipes import find_recipe, list_recipes, load_recipe


def test_each_begins_with_a_sentence():
    assert all(sentence.endswith(".") and len(sentence) > 20 for sentence in list_recipes().values())


def test_changes_reach_nested_fields():
    content = load_recipe("simclr_eurosat", {"data.root": "here", "optim.lr": 0.5, "epochs": 3})
    assert content["data"]["root"] == "here"
    assert content["data"]["name"] == "eurosat"
    assert (content["optim"]["lr"], content["epochs"]) == (0.5, 3)


def test_one_s_own_file(tmp_path):
    (tmp_path / "mine.yaml").write_text("# Mine.\nepochs: 3\n")
    assert load_recipe(str(tmp_path / "mine.yaml")) == {"epochs": 3, "recipe": "mine"}


def test_unknown_names_are_answered_with_near_ones():
    with pytest.raises(ValueError, match="unknown recipe 'simclr_eurosta'; nearest known: simclr_eurosat"):
        find_recipe("simclr_eurosta")
    with pytest.raises(FileNotFoundError, match=r"no recipe file at no/such.yaml"):
        find_recipe("no/such.yaml")


SMALL = [
    "--epochs", "1", "--batch_size", "4", "--engine.num_workers", "0", "--engine.accelerator", "cpu",
    "--engine.precision", "32-true",
]  # fmt: skip


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """Small synthetic archives in their true layouts, written once."""
    root = tmp_path_factory.mktemp("archives")
    synthetic.write_seco(root / "seco", locations=4, version="1m", size=48)
    synthetic.write_sen12ms(root / "sen12ms", patches=2, scenes=2, size=64)
    synthetic.write_dfc2020(root / "dfc2020", validation=8, test=1, size=64)
    synthetic.write_meterml(root / "meterml", places=(8, 1, 1))
    return root


@pytest.mark.parametrize(
    ("recipe", "archive", "words"),
    [
        ("seco_1m", "seco", "--model tiny --view_size 32 --method.queue 8"),
        ("seco_1m", "seco", "--model tiny --view_size 32 --method.queue 8 --method.protocol published"
         " --normalization data --data.bands [B02,B8A,B11,B09] --views.saturation 0 --views.hue 0"),
        ("moco_seco_1m", "seco", "--model tiny --view_size 32 --method.queue 8"),
        ("sen12ms_resnet50", "sen12ms", "--model tiny_dual --view_size 32"),
        ("sen12ms_swin_t_coded", "sen12ms", "--model tiny_dual --view_size 56"),
        ("meterml_small_alexnet", "meterml", "--model tiny_dual"),
        ("supcon_meterml", "meterml", "--model tiny_dual"),
        ("supcon_dfc2020", "dfc2020", "--model tiny_dual --view_size 56 --data.size 56"),
        ("ce_dfc2020", "dfc2020", "--model tiny_dual --view_size 56 --data.size 56"),
    ],
)  # fmt: skip
def test_recipes_run_on_their_layouts(recipe, archive, words, archives, tmp_path):
    given = ["--data.root", str(archives / archive), "--output", str(tmp_path / "run"), *SMALL, *words.split()]
    assert main(["pretrain", recipe, *given]) == 0
    assert len(read_metrics(tmp_path / "run")) >= 1
