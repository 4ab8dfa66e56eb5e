"""Earth-observation backbones that say which bands in which units they want."""

__all__: list[str] = []
