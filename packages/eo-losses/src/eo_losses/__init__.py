"""Contrastive losses of Earth observation: exact, composable, on plain tensors."""

__all__: list[str] = []
