"""Contrastive pretraining of Earth-observation backbones on one visible loop."""

__all__: list[str] = []
