"""The options of an augmented view, as a recipe writes them."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class ViewConfig:
    """How one view is drawn from one image; every probability and every draw is per sample.

    The order is crop, flips and transpose, rotation, jitter, grayscale, blur. The defaults are those of the SSL4EO-S12
    pretraining scripts (zhu-xlab/SSL4EO-S12:src/benchmark/pretrain_ssl), with vertical flips and transposes added
    because an image taken from above has no upright.
    """

    scale: tuple[float, float] = (0.2, 1.0)
    """Smallest and largest share of the image's area that a crop keeps."""
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    """Smallest and largest width over height of a crop, drawn uniformly in the logarithm."""
    hflip: float = 0.5
    """Probability of mirroring left and right."""
    vflip: float = 0.5
    """Probability of mirroring top and bottom."""
    transpose: float = 0.5
    """Probability of swapping rows and columns; with both flips at 0.5 too, all eight orientations are as likely."""
    rotate: float = 0.0
    """Largest angle of a turn about the view's centre, in degrees, either way; what comes in from outside is 0."""
    jitter: float = 0.8
    """Probability that a sample is jittered at all, by whichever of the next five fields are above 0."""
    brightness: float = 0.4
    """One gain for all bands, drawn from 1 ± brightness, applied to the distance from `black`."""
    contrast: float = 0.4
    """Factor drawn from 1 ± contrast on the distance from the image's own mean (over bands and pixels)."""
    band_gain: float = 0.0
    """An independent gain for each band, drawn from 1 ± band_gain, applied to the distance from `black`."""
    saturation: float = 0.0
    """Factor drawn from 1 ± saturation on the distance from the pixel's luma; red, green and blue bands only."""
    hue: float = 0.0
    """Rotation of the hue drawn from ± hue turns, at most 0.5; red, green and blue bands only."""
    black: float = 0.0
    """Normalized value that the gains leave alone: 0 for inputs scaled to [0, 1], -2 for standardized ones, where it
    stands for the mean minus two deviations, which the [0, 1] scaling of SSL4EO-S12 sends to 0."""
    grayscale: float = 0.2
    """Probability that every band is replaced by the mean of all bands."""
    blur: float = 0.5
    """Probability of a Gaussian blur."""
    blur_sigma: tuple[float, float] = (0.1, 2.0)
    """Smallest and largest standard deviation of the blur, in pixels of the view."""
    before_crop: bool = False
    """Disturb the whole image and then crop, as SeCo's code does: the blur is in pixels of the image, and contrast
    turns about the mean of the whole image."""

    def cropped_only(self) -> "ViewConfig":
        """The same crops, and nothing else."""
        return replace(self, hflip=0.0, vflip=0.0, transpose=0.0, rotate=0.0, jitter=0.0, grayscale=0.0, blur=0.0)

    def __post_init__(self) -> None:
        for name in ("hflip", "vflip", "transpose", "jitter", "grayscale", "blur"):
            _require(0 <= getattr(self, name) <= 1, name, getattr(self, name), "is a probability; give one from 0 to 1")
        for name in ("brightness", "contrast", "band_gain", "saturation"):
            _require(0 <= getattr(self, name) <= 1, name, getattr(self, name), "spreads a factor round 1; give 0 to 1")
        _require(0 <= self.rotate <= 180, "rotate", self.rotate, "is an angle in degrees; give 0 to 180")
        _require(0 <= self.hue <= 0.5, "hue", self.hue, "is in turns; give 0 to 0.5")
        _require(0 < self.scale[0] <= self.scale[1] <= 1, "scale", self.scale, "must satisfy 0 < low <= high <= 1")
        _require(0 < self.ratio[0] <= self.ratio[1], "ratio", self.ratio, "must satisfy 0 < low <= high")
        sigma = self.blur_sigma
        _require(0 < sigma[0] <= sigma[1], "blur_sigma", sigma, "must satisfy 0 < low <= high, in pixels")


def _require(holds: bool, name: str, value: object, expectation: str) -> None:
    if not holds:
        raise ValueError(f"view option {name}={value!r} {expectation}")
