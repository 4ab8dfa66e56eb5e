import pytest
import torch
import torch.nn.functional as F

from eo_models.meanings import ANY_OF, IGNORE, ONE_OF, QUANTITIES


def test_cross_entropy_is_a_mean_over_what_is_known():
    raw, target = torch.randn(2, 4, 3, 3), torch.randint(0, 4, (2, 3, 3))
    torch.testing.assert_close(ONE_OF.loss(raw, target), F.cross_entropy(raw, target))
    target[0] = IGNORE
    torch.testing.assert_close(ONE_OF.loss(raw, target), F.cross_entropy(raw[1:], target[1:]))


def test_binary_cross_entropy_is_a_mean_over_what_is_known():
    raw, target = torch.randn(2, 4, 3, 3), torch.randint(0, 2, (2, 4, 3, 3))
    wanted = F.binary_cross_entropy_with_logits(raw, target.float())
    torch.testing.assert_close(ANY_OF.loss(raw, target), wanted)
    target[0] = IGNORE
    torch.testing.assert_close(
        ANY_OF.loss(raw, target), F.binary_cross_entropy_with_logits(raw[1:], target[1:].float())
    )
    one, mask = torch.randn(2, 1, 3, 3), torch.randint(0, 2, (2, 3, 3))
    torch.testing.assert_close(ANY_OF.loss(one, mask), ANY_OF.loss(one, mask[:, None]))


@pytest.mark.parametrize("meaning", [ONE_OF, ANY_OF])
def test_a_target_of_which_nothing_is_known_gives_no_gradient(meaning):
    raw = torch.randn(1, 2, 3, 3, requires_grad=True)
    loss = meaning.loss(raw, torch.full((1, 3, 3) if meaning is ONE_OF else (1, 2, 3, 3), IGNORE))
    loss.backward()
    assert loss == 0
    assert (raw.grad == 0).all()


def test_quantities_are_themselves():
    raw = torch.randn(2, 1, 3, 3)
    assert QUANTITIES.activate(raw) is raw
    torch.testing.assert_close(QUANTITIES.loss(raw, raw[:, 0] + 2), torch.tensor(2.0))


def test_a_target_of_another_shape_or_class_is_refused():
    raw = torch.randn(2, 3, 4, 4)
    with pytest.raises(ValueError, match=r"class numbers in the shape \(2, 4, 4\), got \(2, 8, 8\)"):
        ONE_OF.loss(raw, torch.zeros(2, 8, 8, dtype=torch.long))
    with pytest.raises(ValueError, match=r"class numbers must be 0 to 2 \(or 255, ignored\), got 1 to 7"):
        ONE_OF.loss(raw[..., 0, 0], torch.tensor([1, 7]))
    with pytest.raises(ValueError, match=r"0 and 1 in the shape \(2, 3, 4, 4\), got \(2, 4, 4\)"):
        ANY_OF.loss(raw, torch.zeros(2, 4, 4))
    with pytest.raises(ValueError, match=r"quantities in the shape \(2, 3, 4, 4\), got \(2, 1, 4, 4\)"):
        QUANTITIES.loss(raw, torch.zeros(2, 1, 4, 4))
