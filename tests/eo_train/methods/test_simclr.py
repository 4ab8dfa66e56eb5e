import torch

from eo_losses import nt_xent
from eo_models import create_model
from eo_train import Prepared, SimCLR


def test_loss_is_nt_xent_of_the_projections():
    torch.manual_seed(0)
    method = SimCLR(
        create_model("resnet18", bands=("VV", "VH"), sensor="sentinel1-grd"), temperature=0.3, hidden=8, out=4
    ).eval()
    views = (torch.randn(4, 2, 32, 32), torch.randn(4, 2, 32, 32))
    out = method.training_loss(Prepared(views))
    z1, z2 = (method.projector(method.backbone(view)) for view in views)
    torch.testing.assert_close(out["loss"], nt_xent(z1, z2, temperature=0.3))
    assert out["embeddings"].shape == (4, 4)
    out["loss"].backward()
    assert all(parameter.grad is not None for parameter in method.parameters())
