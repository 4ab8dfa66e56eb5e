import pytest
import torch

from eo_losses import SeCoLoss, info_nce, seco


@pytest.fixture
def subspaces(randn):
    """Three subspaces: queries, keys[i][j] and queues."""
    return list(randn(3, 5, 4)), [list(views) for views in randn(3, 3, 5, 4, seed=1)], list(randn(3, 7, 4, seed=2))


def test_is_one_info_nce_per_subspace_with_the_other_views_as_negatives(subspaces, tiles):
    queries, keys, queues = subspaces
    expected = info_nce(queries[0], keys[0][0], queues[0])  # the first subspace has its queue alone
    expected = expected + info_nce(queries[1], keys[1][1], torch.cat([queues[1], keys[1][0], keys[1][2]]))
    expected = expected + info_nce(queries[2], keys[2][2], torch.cat([queues[2], keys[2][0], keys[2][1]]))
    torch.testing.assert_close(seco(queries, keys, queues), expected)


def test_one_subspace_is_moco(subspaces):
    queries, keys, queues = subspaces
    torch.testing.assert_close(
        seco(queries[:1], [keys[0][:1]], queues[:1]), info_nce(queries[0], keys[0][0], queues[0])
    )


def test_of_the_first_subspace_only_its_own_key_is_read(subspaces):
    queries, keys, queues = subspaces
    expected = seco(queries, keys, queues)
    torch.testing.assert_close(seco(queries, [keys[0][:1], *keys[1:]], queues), expected)


def test_gradient_is_that_of_the_value(subspaces, tiles):
    queries, keys, queues = ([x[..., :2] for x in group] for group in (subspaces[0], [], subspaces[2]))
    keys = [[k[..., :2] for k in views] for views in subspaces[1]]
    inputs = [q.clone().requires_grad_() for q in queries] + [k.clone().requires_grad_() for k in keys[2]]
    assert torch.autograd.gradcheck(
        lambda q0, q1, q2, *k2: seco([q0, q1, q2], [keys[0], keys[1], list(k2)], queues, temperature=0.5), inputs
    )


def test_keys_without_gradient_leave_all_of_it_to_the_queries(subspaces):
    queries, keys, queues = subspaces
    queries[1].requires_grad_()
    seco(queries, keys, queues).backward()
    assert float(queries[1].grad.norm()) > 0
    assert keys[1][0].grad is None


def test_module_remembers_its_constants(subspaces):
    loss = SeCoLoss(temperature=0.2, normalize=False)
    torch.testing.assert_close(loss(*subspaces), seco(*subspaces, temperature=0.2, normalize=False))
    with pytest.raises(ValueError, match="temperature must be"):
        SeCoLoss(temperature=-1.0)


def test_subspaces_that_do_not_match_are_refused(subspaces):
    queries, keys, queues = subspaces
    want = "3 queries ask for 3 queues and 3 lists of 3 keys, got"
    with pytest.raises(ValueError, match=rf"{want} 2 queues, lists of \[3, 3, 3\] keys"):
        seco(queries, keys, queues[:2])
    with pytest.raises(ValueError, match=rf"{want} 3 queues, lists of \[3, 3\] keys"):
        seco(queries, keys[:2], queues)
    with pytest.raises(ValueError, match=rf"{want} 3 queues, lists of \[3, 1, 3\] keys"):
        seco(queries, [keys[0], keys[1][:1], keys[2]], queues)
    with pytest.raises(ValueError, match="0 queries ask for"):
        seco([], [], [])


def test_tensors_that_do_not_match_are_named(subspaces):
    queries, keys, queues = subspaces
    with pytest.raises(ValueError, match=r"queries\[1\] and keys\[1\]\[2\] must both be \(B, D\)"):
        seco(queries, [keys[0], [*keys[1][:2], keys[1][2][:3]], keys[2]], queues)
    with pytest.raises(ValueError, match=r"queues\[2\] must be \(M, 4\), as wide as the keys, got \(7, 3\)"):
        seco(queries, keys, [*queues[:2], queues[2][:, :3]])
    with pytest.raises(ValueError, match=r"queries\[2\] must be finite"):
        seco([*queries[:2], queries[2].log()], keys, queues)
    with pytest.raises(ValueError, match="temperature must be a finite number > 0, got 0"):
        seco(queries, keys, queues, temperature=0)
