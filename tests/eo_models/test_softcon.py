import pytest
import torch

from eo_models import create_model, get_weights

FAST = ["B13_vits14_softcon", "B2_rn50_softcon"]
SLOW = ["B2_vits14_softcon", "B13_rn50_softcon", "B13_vitb14_softcon", "B2_vitb14_softcon"]


def outputs(model, x, case):
    """What a case asks for, by its labels."""
    wanted, found = set(case["outputs"]), {}
    if "masks" in case["call"]:
        found["tokens"] = model.forward_tokens(x, masks=(7 * torch.arange(256) % 10 < 5).expand(len(x), -1))
    elif "x_norm_clstoken" in wanted:
        found["tokens"] = model.forward_tokens(x)
    if tokens := found.pop("tokens", None):
        found |= {"x_norm_clstoken": tokens["cls"], "x_norm_patchtokens": tokens["patches"]}
        found |= {"patch_mean": tokens["patches"].mean(1), "x_prenorm": before_norm(model, x)}
    if layers := [int(label[5:-4]) for label in wanted if label.startswith("block") and label.endswith("_map")]:
        found |= {f"block{n}_map": m for n, m in zip(layers, model.forward_maps(x, layers=layers), strict=True)}
    if "block8_cls" in wanted:
        classes = [tokens[:, 0] for tokens in model.forward_layers(x, layers=[8, 9, 10, 11])]
        found |= {f"block{n}_cls": cls for n, cls in enumerate(classes, 8)} | {"concat_last4_cls": torch.cat(classes, 1)}
    if "layer1" in wanted:
        found |= {f"layer{n}": m for n, m in enumerate(model.forward_maps(x), 1)}
    return found | {"cls": model(x), "pooled": model(x)}


def before_norm(model, x):
    seen = []
    hook = model.body.norm.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    model(x)
    hook.remove()
    return seen[0]


@pytest.mark.parametrize("name", [*FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
@torch.no_grad()
def test_equals_the_original(golden, name):
    model = create_model(name, checkpoint=golden.file("softcon", name))
    assert not model.training
    assert model.weights == get_weights(name).name
    for case in golden.manifest("softcon", name)["cases"]:
        found = outputs(model, golden.input(case["input"]), case)
        for label, expected in case["outputs"].items():
            golden.check(found[label], expected)
