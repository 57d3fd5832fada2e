"""What a protocol is: everything about a published number but the network.

Numbers of this field can only be compared if scale, clipping, cropping, padding, tiling, rounding
and the variant of each metric are the same; published programs differ in all of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from deghost.errors import SettingsError
from deghost.evaluate.comparable import comparable
from deghost.evaluate.rounding import ROUNDINGS, Rounding
from deghost.evaluate.tiles import Cut
from deghost.radiometry.response import encode
from deghost.radiometry.tonemap import mu_law
from deghost.types import Mask, Radiance


Picture = Float[Tensor, "3 h w"]  # in the values of a protocol
Planes = Float[Tensor, "c y x"]
Metric = Callable[[Tensor, Tensor], Tensor]  # of two pictures, test first, one number
Values = Literal["linear", "gamma2.24", "mu-law"]
White = Literal["darkest", "medium"]


@dataclass(frozen=True)
class Protocol:
    """How two pictures are compared, in words (`scale`, `source`, `notes`) and in numbers."""

    name: str
    description: str
    scale: str  # what the value 1.0 means
    metrics: Mapping[str, Metric]  # by the names of their columns
    source: str  # whose paper and program fix this
    values: Values = "linear"  # what is compared
    white: White = "darkest"  # the frame whose clipping level tells the scale: 1.0 of light is ...
    reach: float = 1.0  # ... so many times that level
    clipping: tuple[float, float] | None = None  # of test and truth
    crop: int = 0  # pixels cut off at each edge
    padding: int = 1  # zeros all around, up to a multiple of so many pixels
    cut: Cut = Cut()  # how the published networks saw the frames
    rounding: Rounding = "none"  # what the test goes through as a file before it is measured
    masked: tuple[str, ...] = ()  # metrics that are also measured where a mask is 1
    notes: tuple[str, ...] = ()  # what a reader must know to compare


def in_values_of(protocol: Protocol, radiance: Radiance) -> Picture:
    """Turn linear light, in the protocol's scale, into the values that it compares."""
    if protocol.values == "linear":
        return radiance
    if protocol.values == "mu-law":
        return mu_law(radiance.clamp(0, 1))
    return encode(radiance, protocol.values)


def scaling(protocol: Protocol, exposures: Float[Tensor, " n"]) -> float:
    """Give what a scene's light is multiplied by to be in the scale of a protocol.

    A frame shows light times its exposure, darkest first; the medium one of two is the brighter.

    Example:
        >>> ntire = torch.tensor([0.25, 1.0, 4.0])  # 1.0 clips the medium frame, not the darkest
        >>> scaling(Protocol("a", "", "", {}, ""), ntire)
        0.25
    """
    clipping = exposures[0 if protocol.white == "darkest" else len(exposures) // 2]
    return clipping.item() / protocol.reach


def prepare_pair(
    protocol: Protocol, test: Picture, truth: Float[Tensor, "_ _ _"]
) -> tuple[Planes, Planes]:
    """Round, clip, crop and pad two pictures, in this order, as a protocol does before measuring.

    Both hold the protocol's `values`. Raises SettingsError for pictures that cannot be compared.
    """
    test, truth = comparable(test, truth)
    if min(test.shape[1:]) <= 2 * protocol.crop:
        raise SettingsError(
            f"nothing is left of {test.shape[2]}x{test.shape[1]} pixels where {protocol.name} "
            f"cuts {protocol.crop} off each edge; compare whole pictures"
        )
    test = ROUNDINGS[protocol.rounding](test)
    if protocol.clipping:
        low, high = protocol.clipping
        test, truth = test.clamp(low, high), truth.clamp(low, high)
    return _framed(protocol, test), _framed(protocol, truth)


def measure(
    protocol: Protocol,
    test: Picture,
    truth: Float[Tensor, "_ _ _"],
    recoverable: Float[Tensor, "_ _"] | None = None,
) -> dict[str, float]:
    """Compare two pictures by every metric of a protocol, by the names of its columns.

    With a mask of the pixels that some frame shows well, the metrics named in `masked` are also
    given for those alone, as `NAME-recoverable`; not a number if there are none.
    Raises SettingsError for pictures, or a mask, that do not fit each other.
    """
    if recoverable is not None:
        recoverable = _fitting(recoverable, test)
    test, truth = prepare_pair(protocol, test, truth)
    scores = {name: metric(test, truth).item() for name, metric in protocol.metrics.items()}
    if recoverable is None or not protocol.masked:
        return scores
    mask = _framed(protocol, recoverable[None]) > 0.5
    share = mask.double().mean()
    mended = torch.where(mask, test, truth)  # equal elsewhere: all of the error is in the mask
    for name in filter(scores.__contains__, protocol.masked):
        whole = protocol.metrics[name](mended, truth)
        scores[f"{name}-recoverable"] = (whole + 10 * share.log10()).item()
    return scores


def _fitting(recoverable: Float[Tensor, "_ _"], picture: Picture) -> Mask:
    """Give a mask of a picture. Raises SettingsError where it is none of it."""
    if recoverable.shape != picture.shape[1:]:
        sizes = ["x".join(map(str, part.shape[:-3:-1])) for part in (recoverable, picture)]
        raise SettingsError(
            f"the recoverable mask of {sizes[0]} pixels is none of a picture of {sizes[1]}; "
            "make them one size"
        )
    return comparable(recoverable, recoverable, "mask")[0]


def _framed(protocol: Protocol, planes: Planes) -> Float[Tensor, "c framed_y framed_x"]:
    """Cut the edges off, then surround with zeros, the larger half below and to the right."""
    crop = protocol.crop
    h, w = (side - 2 * crop for side in planes.shape[-2:])
    planes = planes[:, crop : crop + h, crop : crop + w]
    more = [-side % protocol.padding for side in (w, h)]
    if not any(more):
        return planes
    return F.pad(planes, [edge for m in more for edge in (m // 2, m - m // 2)])
