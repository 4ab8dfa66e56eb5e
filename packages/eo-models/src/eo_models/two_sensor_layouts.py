"""How SSLTransformerRS and SupCon_SSL name the tensors of their models of Sentinel-1 (s1) and Sentinel-2 (s2).

Parts of one sensor only begin with its name, so that half of such a file is a file of one sensor.
"""

from eo_models.layouts import Layout, Rule

OWN_DUAL = Layout(
    name="a state dict of the two networks", rules=(Rule(r"(s[12])\.(.+)", r"\1", r"\2"),), marks=(r"s[12]\.",)
)
"""What `save_backbone` writes of a two-sensor model."""

_CLASSIFIER = Rule(r"fc\.(weight|bias)", "head", r"linear.\1")
DUAL_RESNET = (
    OWN_DUAL,
    Layout(
        name="SupCon_SSL's fine-tuned dual ResNet",  # classifies the projections, so they are its feature
        rules=(
            Rule(r"backbone([12])\.fc\.(.+)", r"s\1", r"feature.\2"),
            Rule(r"backbone([12])\.(.+)", r"s\1", r"\2"),
            _CLASSIFIER,
        ),
        marks=(r"backbone[12]\.fc\.0\.weight", r"fc\.weight"),
    ),
    Layout(
        name="SSLTransformerRS' dual ResNet",
        rules=(
            Rule(r"backbone([12])\.fc\.(.+)", r"s\1", r"projection.\2"),
            Rule(r"backbone([12])\.(.+)", r"s\1", r"\2"),
            _CLASSIFIER,
        ),
        marks=(r"backbone[12]\.",),
    ),
    Layout(
        name="SSLTransformerRS' DualBaseline",
        rules=(Rule(r"model_s([12])\.(.+)", r"s\1", r"\2"), _CLASSIFIER),
        marks=(r"model_s[12]\.",),
    ),
)


def microsoft_rules(prefix: str, part: str) -> tuple[Rule, ...]:
    """Microsoft's names of a Swin's tensors, which SSLTransformerRS saves, to timm's.

    There a stage ends with the merging that leads to the next one, in timm a stage begins with it. Position indices
    and masks are computed, and yet saved there.
    """
    merging = r"layers\.{}\.downsample\.(?P<rest>.+)"
    return (
        Rule(rf"{prefix}.+\.(relative_position_index|attn_mask)", "computed"),
        *(Rule(prefix + merging.format(i), part, rf"layers.{i + 1}.downsample.\g<rest>") for i in range(3)),
        Rule(rf"{prefix}(?P<rest>(patch_embed|layers|norm)\..+)", part, r"\g<rest>"),
    )


SWIN = (
    Layout(
        name="SSLTransformerRS' Swin-T",
        rules=(*microsoft_rules("", "backbone"), Rule(r"head\.(.+)", "head", r"linear.\1")),
        marks=(r".+\.relative_position_index",),
    ),
)
# Of the segmentation model's decoders: each holds its encoder a second time, and another encoder that is never run;
# the last expansion and the classifier of the second one are never run either.
_DECODERS = (
    Rule(r"decoder[12]\.backbone\..+", "alias"),
    Rule(r"decoder[12]\.layers\..+", "unused"),
    Rule(r"decoder2\.(up|output)\..+", "unused"),
    Rule(r"decoder[12]\..+\.(relative_position_index|attn_mask)", "computed"),
    Rule(r"decoder([12])\.layers_up\.0\.(.+)", "neck", r"decoders.s\1.expand.\2"),
    Rule(r"decoder([12])\.layers_up\.([123])\.(.+)", "neck", r"decoders.s\1.stages.\2.\3"),
    Rule(r"decoder([12])\.concat_back_dim\.([123])\.(.+)", "neck", r"decoders.s\1.stages.\2.join.\3"),
    Rule(r"decoder([12])\.norm_up\.(.+)", "neck", r"decoders.s\1.norm.\2"),
    Rule(r"decoder1\.up\.(.+)", "neck", r"up.\1"),
    Rule(r"decoder1\.output\.(.+)", "head", r"conv.\1"),
)
DUAL_SWIN = (
    OWN_DUAL,
    Layout(
        name="SSLTransformerRS' dual Swin-T",
        rules=(
            Rule(r"backbone([12])\.head\.(.+)", r"s\1.head", r"linear.\2"),
            *microsoft_rules(r"backbone1\.", "s1"),
            *microsoft_rules(r"backbone2\.", "s2"),
            *_DECODERS,
            _CLASSIFIER,
        ),
        marks=(r"backbone[12]\.",),
    ),
)

DUAL_ALEXNET = (
    OWN_DUAL,
    Layout(
        name="SupCon_SSL's dual encoder",
        rules=(
            Rule(r"encoder_([12])\.encoder\.(.+)", r"s\1", r"\2"),
            Rule(r"encoder_([12])\.sentinel\1_block\.(.+)", r"s\1", r"blocks.0.\2"),
            Rule(r"encoder_[12]\.sentinel[12]_block\..+", "unused"),  # each holds the other sensor's stem too
        ),
        marks=(r"encoder_[12]\.",),
    ),
)

# Two stems and one trunk: `backbone` is the trunk, which both sensors have.
SHARED_ALEXNET = (
    Layout(
        name="SupCon_SSL's shared encoder",
        rules=(
            Rule(r"encoder\.(.+)", "backbone", r"\1"),
            Rule(r"sentinel([12])_block\.(.+)", r"s\1", r"blocks.0.\2"),
        ),
        marks=(r"encoder\.", r"sentinel1_block\."),
    ),
)
SHARED_RESNET = (
    Layout(
        name="SupCon_SSL's shared ResNet",
        rules=(
            Rule(r"model\.(.+)", "backbone", r"\1"),
            Rule(r"sentinel([12])_block\.(.+)", r"s\1", r"conv1.\2"),
        ),
        marks=(r"model\.", r"sentinel1_block\."),
    ),
)
