"""One augmented view of a batch."""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor, nn

from eo_train.views.colour import colour_matrix, jitter, mix_bands
from eo_train.views.config import ViewConfig
from eo_train.views.geometry import Place, apply_separable, blur_matrix, draw_crops, resize_matrix, rotate

RGB = (("R", "G", "B"), ("TCI_R", "TCI_G", "TCI_B"), ("B04", "B03", "B02"))


class Views(nn.Module):
    """Draws one augmented view of each image of a batch; call it twice for two views.

    Works on any device and any number of bands. All random numbers come from the generator handed in, on the CPU, so
    the same state gives the same parameters on every device, and saving that state makes a run resumable.

    Args:
        config: Probabilities and ranges.
        size: Height and width of the view, in pixels.
        bands: Names of the bands, in channel order.

    Raises:
        ValueError: For hue or saturation on bands other than red, green and blue.
    """

    def __init__(self, config: ViewConfig, size: int, bands: Sequence[str]) -> None:
        super().__init__()
        if size < 1:
            raise ValueError(f"a view has at least one pixel, got size={size}")
        if (config.hue or config.saturation) and tuple(bands) not in RGB:
            raise ValueError(
                f"hue={config.hue} and saturation={config.saturation} need the bands R, G, B, got {', '.join(bands)}; "
                "set both to 0 (brightness, contrast and band_gain work for any bands)"
            )
        self.config = config
        self.size = size
        self.bands = tuple(bands)

    @torch.no_grad()
    def forward(self, x: Tensor, generator: Generator) -> Tensor:
        """One view.

        Args:
            x: Normalized images, (B, C, H, W), floating point.
            generator: Source of all random numbers, on the CPU; its state moves on.

        Returns:
            (B, C, size, size), dtype and device of `x`, in channels-last memory.
        """
        return self.render(x, *self.draw(x, generator), generator)

    def draw(self, x: Tensor, generator: Generator) -> tuple[Place, Tensor]:
        """Where the view of each image is taken, and how much it is blurred, (B,) in pixels."""
        self._check(x, generator)
        c, batch = self.config, len(x)
        crops = draw_crops(batch, x.shape[2], x.shape[3], c.scale, c.ratio, generator)
        sigma = uniform(batch, *c.blur_sigma, generator) * chance(batch, c.blur, generator)
        vflip, hflip, swap = (chance(batch, p, generator) for p in (c.vflip, c.hflip, c.transpose))
        angle = uniform(batch, -c.rotate, c.rotate, generator) if c.rotate else None
        return Place(tuple(x.shape[2:]), crops, vflip, hflip, swap, angle), sigma

    @torch.no_grad()
    def render(self, x: Tensor, place: Place, sigma: Tensor, generator: Generator) -> Tensor:
        """The view of each image at a place that `draw` gave, for these images or for others of their size."""
        with torch.autocast(x.device.type, enabled=False):  # interpolation weights deserve full precision
            if self.config.before_crop:
                return self._taken(self._coloured(x.clone(), generator), place, sigma)
            return self._coloured(self._taken(x, place, sigma), generator)

    def _check(self, x: Tensor, generator: Generator) -> None:
        if generator.device.type != "cpu":
            raise ValueError(f"views draw on the CPU, got a generator on {generator.device}; make it torch.Generator()")
        if x.ndim != 4 or x.shape[1] != len(self.bands):
            raise ValueError(
                f"views want (B, {len(self.bands)}, H, W) for the bands {', '.join(self.bands)}, got {tuple(x.shape)}"
            )
        if not x.is_floating_point():
            raise ValueError(f"views want normalized floating-point images, got {x.dtype}; run eo_data.Normalize first")

    def _taken(self, x: Tensor, place: Place, sigma: Tensor) -> Tensor:
        c, blurred = self.config, sigma.nonzero().flatten().to(x.device)
        top, left, height, width, sigma = torch.cat([place.crops, sigma[:, None]], 1).to(x.device).unbind(1)
        rows = resize_matrix(top, height, place.vflip.to(x.device), x.shape[2], self.size)
        columns = resize_matrix(left, width, place.hflip.to(x.device), x.shape[3], self.size)
        if c.blur and c.before_crop:
            rows[blurred] = rows[blurred] @ blur_matrix(sigma[blurred], x.shape[2])
            columns[blurred] = columns[blurred] @ blur_matrix(sigma[blurred], x.shape[3])
        elif c.blur:  # blur commutes with what follows: jitter and grayscale are affine, and the kernel sums to 1
            kernel = blur_matrix(sigma[blurred], self.size)
            rows[blurred], columns[blurred] = kernel @ rows[blurred], kernel @ columns[blurred]
        view = apply_separable(x, rows.to(x.dtype), columns.to(x.dtype))
        chosen = place.transpose.nonzero().flatten().to(x.device)
        if len(chosen):
            view[chosen] = view[chosen].transpose(2, 3)
        return view if place.angle is None else rotate(view, place.angle)

    def _coloured(self, x: Tensor, generator: Generator) -> Tensor:
        return self._grayscale(self._jitter(x, generator), generator)

    def _jitter(self, x: Tensor, generator: Generator) -> Tensor:
        c, (batch, bands) = self.config, x.shape[:2]
        if not c.jitter:
            return x
        on = chance(batch, c.jitter, generator)
        brightness, contrast, saturation = (
            torch.where(on, uniform(batch, 1 - spread, 1 + spread, generator), 1.0)
            for spread in (c.brightness, c.contrast, c.saturation)
        )
        gain = uniform((batch, bands), 1 - c.band_gain, 1 + c.band_gain, generator)
        gain = brightness[:, None] * torch.where(on[:, None], gain, 1.0)
        if c.brightness or c.contrast or c.band_gain:
            x = jitter(x, gain.to(x), contrast.to(x), black=c.black, out=x)
        if c.saturation or c.hue:
            hue = uniform(batch, -c.hue, c.hue, generator) * on
            x = mix_bands(x, colour_matrix(saturation, hue).to(x))
        return x

    def _grayscale(self, x: Tensor, generator: Generator) -> Tensor:
        if not self.config.grayscale:
            return x
        grey = chance(len(x), self.config.grayscale, generator).nonzero().flatten().to(x.device)
        x[grey] = x[grey].mean(dim=1, keepdim=True).expand(-1, x.shape[1], -1, -1)
        return x


def uniform(shape: int | tuple[int, ...], low: float, high: float, generator: Generator) -> Tensor:
    """Float32 numbers from [low, high)."""
    return low + (high - low) * torch.rand(shape, generator=generator)


def chance(count: int, probability: float, generator: Generator) -> Tensor:
    """(count,) bool, true with the given probability."""
    return torch.rand(count, generator=generator) < probability
