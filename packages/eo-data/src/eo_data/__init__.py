"""Earth-observation data sets: bands by name, units, normalization, synthetic Earth."""

__all__: list[str] = []
