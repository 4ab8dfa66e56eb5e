"""What is known of public STAC APIs: addresses, and how each of them names things."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_L2A = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12")


@dataclass(frozen=True, kw_only=True)
class Collection:
    """One collection of an API. Field names are None where its items do not have them."""

    name: str
    assets: Mapping[str, str]
    """Canonical band to asset; `SCL` is the scene classification."""
    tile: str | None = None
    """Field with the grid square of the tile."""
    cloud: str | None = None
    """Field with the cloud cover of the scene in percent."""
    missing: str | None = None
    """Field with the share of pixels without data in percent."""
    baseline: str | None = None
    """Field with the processing baseline."""
    generated: str | None = None
    """Field with the time of processing."""
    offset_removed: str | None = None
    """Field that says whether the +1000 of baseline 04.00 is removed already. It has been wrong."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A STAC API."""

    name: str
    url: str
    products: Mapping[str, Collection]
    """`s2a`: Sentinel-2 L2A in digital numbers; `s1`: terrain-corrected Sentinel-1 in linear power."""
    token: str | None = None
    """Where a token for a collection is given, with `{collection}`; None: files are public."""
    key: tuple[str, str] | None = None
    """Environment variable with a subscription key, and the header that carries it to `token`."""


EARTH_SEARCH = Profile(
    name="earth-search",
    url="https://earth-search.aws.element84.com/v1",
    products=MappingProxyType(
        {
            "s2a": Collection(
                name="sentinel-2-l2a",
                assets=MappingProxyType(
                    {
                        "B01": "coastal",
                        "B02": "blue",
                        "B03": "green",
                        "B04": "red",
                        "B05": "rededge1",
                        "B06": "rededge2",
                        "B07": "rededge3",
                        "B08": "nir",
                        "B8A": "nir08",
                        "B09": "nir09",
                        "B11": "swir16",
                        "B12": "swir22",
                        "SCL": "scl",
                    }
                ),
                tile="grid:code",
                cloud="eo:cloud_cover",
                missing="s2:nodata_pixel_percentage",
                baseline="s2:processing_baseline",
                generated="s2:generation_time",
                offset_removed="earthsearch:boa_offset_applied",
            )
        }
    ),
)
PLANETARY_COMPUTER = Profile(
    name="planetary-computer",
    url="https://planetarycomputer.microsoft.com/api/stac/v1",
    products=MappingProxyType(
        {
            "s2a": Collection(
                name="sentinel-2-l2a",
                assets=MappingProxyType({band: band for band in (*_L2A, "SCL")}),
                tile="s2:mgrs_tile",
                cloud="eo:cloud_cover",
                missing="s2:nodata_pixel_percentage",
                baseline="s2:processing_baseline",
                generated="s2:generation_time",
            ),
            "s1": Collection(name="sentinel-1-rtc", assets=MappingProxyType({"VV": "vv", "VH": "vh"})),
        }
    ),
    token="https://planetarycomputer.microsoft.com/api/sas/v1/token/{collection}",
    key=("PC_SDK_SUBSCRIPTION_KEY", "Ocp-Apim-Subscription-Key"),
)
PROFILES: Mapping[str, Profile] = MappingProxyType(
    {profile.name: profile for profile in (EARTH_SEARCH, PLANETARY_COMPUTER)}
)
"""Every API that is known, by name."""
