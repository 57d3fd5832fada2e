"""What a user can ask of a merge."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from deghost.errors import SettingsError
from deghost.io.exposure_settings import ExposureSettings
from deghost.segment.segmenters import ExposureSegmenter, Segmenter


Scale = Literal["reference", "absolute", "max"]
Network = Literal["deghostnet", "ahdrnet", "hdr-transformer", "segdeghost", "tmrnet", "vam"]
Method = Literal["weighted", "debevec", "robertson", "mertens", Network]
AlignMode = Literal["none", "rigid", "flow"]
PixelType = Literal["half", "float"]
Device = Literal["auto", "cpu", "cuda", "mps"]

NETWORKS: tuple[str, ...] = get_args(Network)  # methods that see frames and give radiance
HIGHLIGHT_LIMIT = 4.0  # of networks, times the brightest that a frame shows around a pixel
UNMASKED = ("debevec", "robertson", "mertens")  # methods that no mask has a say in
METHOD_NOTES = {
    "deghostnet": "finished by DeghostNet; --fast leaves that out",
    "debevec": "method debevec, for comparison: what moved is a ghost",
    "robertson": "method robertson, for comparison: what moved is a ghost",
    "mertens": "method mertens: a display picture, made linear; its values are no radiance",
}
RECOVERED = ("auto", "debevec", "robertson")  # responses that the pixels decide
DEGHOST_LEVELS = {"off": 0.0, "low": 0.25, "medium": 0.5, "high": 0.75}


@dataclass(frozen=True)
class MergeSettings:
    """The choices of one merge; the defaults suit hand-held pictures of moving things."""

    exposures: ExposureSettings = field(default_factory=ExposureSettings)
    reference: int | None = None  # 0 = darkest; None: the frame with the best exposed pixels
    response: str = "auto"  # auto, srgb, gammaX.Y, linear, debevec, robertson, or a file
    scale: Scale = "reference"
    method: Method = "deghostnet"
    weights: str | None = None  # of a method that is a network: a name or a file; None: shipped
    device: Device = "auto"  # that networks run on
    deghost: float = DEGHOST_LEVELS["medium"]  # 0 = off, 1 = everything that might have moved
    motion: Segmenter = "learned"
    exposure_mask: ExposureSegmenter = "classical"
    align: AlignMode = "rigid"
    crop: bool = True
    pixel_type: PixelType = "half"

    def __post_init__(self) -> None:
        choices = {
            "scale": Scale,
            "method": Method,
            "motion": Segmenter,
            "exposure_mask": ExposureSegmenter,
            "align": AlignMode,
            "pixel_type": PixelType,
            "device": Device,
        }
        for name, options in choices.items():
            if getattr(self, name) not in get_args(options):
                known = ", ".join(get_args(options))
                raise SettingsError(f"{name} is {getattr(self, name)!r}; give one of {known}")
        if self.exposure_mask != "classical" and self.method in UNMASKED:
            raise SettingsError(f"method {self.method} takes no masks; leave --method out")
        if self.method == "mertens" and self.scale == "absolute":
            raise SettingsError("method mertens gives no radiance; scale absolute needs another")
        if self.weights is not None and self.method not in NETWORKS:
            known = ", ".join(NETWORKS)
            raise SettingsError(f"method {self.method} takes no weights; these do: {known}")
        if not 0 <= self.deghost <= 1:
            raise SettingsError(f"deghost is {self.deghost}; give a number from 0 to 1")
