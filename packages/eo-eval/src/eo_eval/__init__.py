"""What Earth-observation backbones are worth: probes, benchmarks, reports."""

__all__: list[str] = []
