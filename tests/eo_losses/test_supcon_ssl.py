import math

import pytest
import torch

from eo_losses import PairwiseNTXentLoss, nt_xent, pairwise_nt_xent, supcon


def test_two_blocks_are_nt_xent(randn, tiles):
    z = randn(2, 5, 4)
    z = z / z.norm(dim=-1, keepdim=True)
    torch.testing.assert_close(
        pairwise_nt_xent(z.flatten(0, 1), blocks=2, temperature=0.2), nt_xent(*z, temperature=0.2)
    )


@pytest.mark.parametrize("blocks", [2, 3, 4])
def test_without_negatives_it_is_supcon_without_labels(randn, tiles, blocks):
    z = randn(blocks, 5, 4)
    expected = supcon(z.transpose(0, 1), temperature=0.2, normalize=False)
    torch.testing.assert_close(pairwise_nt_xent(z.flatten(0, 1), blocks=blocks, temperature=0.2), expected)


def test_negatives_add_a_constant_and_stay_among_the_others(randn, tiles):
    z, flags = randn(6, 4), torch.tensor([False, True, False] * 2)
    e = torch.exp(z @ z.T / 0.5)
    e.fill_diagonal_(0)
    terms = [-math.log(e[i, (i + 3) % 6] / e[i].sum()) for i in range(6) if not flags[i]]
    expected = (sum(terms) + 2 * math.log(5 + math.e)) / 6
    assert float(pairwise_nt_xent(z, blocks=2, temperature=0.5, negatives=flags)) == pytest.approx(expected)


def test_gradient_is_that_of_the_value(randn, tiles):
    flags = torch.tensor([False, True] * 3)
    assert torch.autograd.gradcheck(
        lambda z: pairwise_nt_xent(z, blocks=3, temperature=0.5, negatives=flags), randn(6, 2).requires_grad_()
    )


def test_a_single_pair_gives_zero_attached_to_the_graph():
    z = torch.randn(2, 16, requires_grad=True)
    loss = pairwise_nt_xent(z, blocks=2, temperature=0.1)
    assert float(loss.detach()) == 0.0
    assert float(torch.autograd.grad(loss, z)[0].norm()) == 0.0


def test_module_remembers_its_constants(randn):
    z, flags = randn(6, 4), torch.arange(6) < 2
    loss = PairwiseNTXentLoss(blocks=3, temperature=0.3)
    torch.testing.assert_close(loss(z, flags), pairwise_nt_xent(z, blocks=3, temperature=0.3, negatives=flags))
    assert repr(loss) == "PairwiseNTXentLoss(gather=True, blocks=3, temperature=0.3)"


Z = torch.randn(6, 3)


@pytest.mark.parametrize(
    ("features", "blocks", "negatives", "temperature", "message"),
    [
        (Z[0], 2, None, 0.2, r"features must be \(blocks \* B, D\) with no empty axis, got \(3,\)"),
        (Z.long(), 2, None, 0.2, "features must be floating point"),
        (Z / 0, 2, None, 0.2, "features must be finite"),
        (Z, 4, None, 0.2, r"features must be blocks \* B rows, blocks >= 2, got 6 rows and blocks=4"),
        (Z, 1, None, 0.2, "got 6 rows and blocks=1"),
        (
            Z,
            2,
            torch.zeros(3).bool(),
            0.2,
            r"negatives must be \(6,\) bool, a flag for every row, got \(3,\) torch.bool",
        ),
        (Z, 2, torch.zeros(6), 0.2, r"negatives must be \(6,\) bool, a flag for every row, got \(6,\) torch.float32"),
        (Z, 2, None, 0.0, "temperature must be a finite number > 0, got 0.0"),
    ],
)
def test_bad_input_is_refused(features, blocks, negatives, temperature, message):
    with pytest.raises(ValueError, match=message):
        pairwise_nt_xent(features, blocks=blocks, temperature=temperature, negatives=negatives)
