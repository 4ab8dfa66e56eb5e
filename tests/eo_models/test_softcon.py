import pytest
import torch

from eo_models import create_model, get_weights

FAST = ["B13_vits14_softcon", "B2_rn50_softcon"]
SLOW = ["B2_vits14_softcon", "B13_rn50_softcon", "B13_vitb14_softcon", "B2_vitb14_softcon"]


def outputs(model, x, case):
    """What a case asks for, by its labels, and no more."""
    wanted = set(case["outputs"])
    if wanted & {"cls", "pooled"}:
        yield "pooled" if "pooled" in wanted else "cls", model(x)
    if "x_norm_clstoken" in wanted:
        masks = (7 * torch.arange(256) % 10 < 5).expand(len(x), -1) if "masks" in case["call"] else None
        seen = []
        hook = model.body.norm.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        tokens = model.forward_tokens(x, masks=masks)
        hook.remove()
        yield from {"x_norm_clstoken": tokens["cls"], "x_norm_patchtokens": tokens["patches"]}.items()
        yield from {"patch_mean": tokens["patches"].mean(1), "x_prenorm": seen[0]}.items()
    if layers := [int(label[5:-4]) for label in wanted if label.startswith("block") and label.endswith("_map")]:
        yield from zip([f"block{n}_map" for n in layers], model.forward_maps(x, layers=layers), strict=True)
    if "block8_cls" in wanted:
        classes = [tokens[:, 0] for tokens in model.forward_layers(x, layers=[8, 9, 10, 11])]
        yield from [(f"block{n}_cls", cls) for n, cls in enumerate(classes, 8)]
        yield "concat_cls_last4", torch.cat(classes, 1)
    if "layer1" in wanted:
        yield from [(f"layer{n}", m) for n, m in enumerate(model.forward_maps(x), 1)]


@pytest.mark.parametrize("name", [*FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
@torch.no_grad()
def test_equals_the_original(golden, name):
    model = create_model(name, checkpoint=golden.file("softcon", name))
    assert not model.training
    assert model.weights == get_weights(name).name
    for case in golden.manifest("softcon", name)["cases"]:
        found = dict(outputs(model, golden.input(case["input"]), case))
        for label, expected in case["outputs"].items():
            golden.check(found[label], expected)
