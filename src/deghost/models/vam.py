"""HDR by visual attention modules: what the masked frames show guides the reconstruction.

Omrani and Moroni, High Dynamic Range Imaging via Visual Attention Modules (2023).
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, final

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, cat, nn
from torch.nn import functional

from deghost.errors import BracketError
from deghost.layers.fusion import in_single_precision
from deghost.layers.reconstructor import BracketBatch, Reconstruction, Reconstructor


Maps = Float[Tensor, "b _channels _h _w"]
WIDTH = 32  # of all features before the reconstruction
ENCODER = (64, 128, 256, 256)
DECODER = (256, 128, 64, 32)


@dataclass(frozen=True)
class VAMConfig:
    """In which values the network thinks.

    `target="encoded"`, as in the NTIRE set: frames are brought to the reference's exposure and
    encoded again, and the values predicted are radiance in units of the reference's clipping level,
    encoded. `"linear"`, as the paper's eq. 1: frames come as radiance, and radiance is predicted,
    both in the scale of the batch. `output_domain` says whether the logistic function of these
    values is what is learned, or they themselves.
    """

    target: Literal["encoded", "linear"] = "encoded"
    output_domain: Literal["sigmoid", "linear"] = "sigmoid"
    gamma: float = 2.24


@final
class VAM(Reconstructor):
    """Three frames and masks of where the darker and the brighter one are well exposed.

    Masks are `BracketBatch.masks`: how they were made is the caller's choice. The reference's is
    not used.
    """

    multiple_of: ClassVar[int] = 16

    def __init__(self, config: VAMConfig | None = None) -> None:
        super().__init__()
        self.config = config or VAMConfig()
        self.reference_features = nn.ModuleList(_Extractor(6) for _ in range(2))
        self.attended_features = nn.ModuleList(_Extractor(6) for _ in range(2))
        self.code_features = nn.ModuleList(_Extractor(3) for _ in range(2))
        self.radiance_features = nn.ModuleList(_Extractor(3) for _ in range(2))
        self.alignment = nn.ModuleList(_Alignment() for _ in range(2))
        self.attention = nn.ModuleList(_attention() for _ in range(2))
        self.reconstruction = _Reconstruction(7 * WIDTH)
        self.refinement = _Refinement()
        _start(self)

    @property
    def frames(self) -> int | None:
        """Three: short, medium, long."""
        return 3

    def forward(self, batch: BracketBatch) -> Reconstruction:
        """Reconstruct; `maps["predicted"]` is to be compared with `learned_values` of the truth.

        Raises BracketError for a wrong number of frames, ValueError for a batch without masks.
        """
        if batch.frames.shape[1] != 3:
            raise BracketError(
                f"vam takes 3 frames, not {batch.frames.shape[1]}; choose among them"
            )
        frames = self._packed(batch)
        reference = frames[:, batch.reference]
        sides = [k for k in range(3) if k != batch.reference]
        aligned_by, attended_by = (extract(reference) for extract in self.reference_features)
        features: list[Maps] = []
        seen: list[Maps] = []
        for side, k in enumerate(sides):
            frame = frames[:, k]
            codes = self.code_features[side](frame[:, :3])
            radiance = self.radiance_features[side](frame[:, 3:])
            features.append(self.alignment[side](codes, aligned_by))
            features.append(self.attention[side](cat([radiance, attended_by], dim=1)))
            seen.append(self.attended_features[side](frame * _mask(batch, k)))
        attended = seen[0] + seen[1]
        guide = cat([attended, aligned_by, attended_by], dim=1)
        first, stages = self.reconstruction(cat([*features, guide], dim=1), guide)
        values = self.refinement(first, guide[:, WIDTH:])
        learned = values.sigmoid() if self.config.output_domain == "sigmoid" else values
        radiance = radiance_of(values, batch, self.config)
        return Reconstruction(radiance, {"predicted": learned}, stages)

    def _packed(self, batch: BracketBatch) -> Float[Tensor, "b 3 6 h w"]:
        """Frames encoded with this network's gamma, beside their radiance."""
        radiance = batch.frames[:, :, 3:].clamp(min=0)
        codes = _encode(radiance * _per_frame(batch.exposures), self.config.gamma)
        if self.config.target == "encoded":
            reference = batch.exposures[:, batch.reference, None]
            radiance = _encode(radiance * _per_frame(reference), self.config.gamma)
        return cat([codes, radiance], dim=2)


def learned_values(
    truth: Float[Tensor, "b 3 h w"], batch: BracketBatch, config: VAMConfig
) -> Float[Tensor, "b 3 h w"]:
    """Return what the network should predict for a true radiance: the target of its MAE loss.

    Example:
        >>> batch = BracketBatch(torch.rand(1, 3, 6, 1, 1), torch.tensor([[1.0, 4.0, 16.0]]), 1)
        >>> learned_values(torch.full((1, 3, 1, 1), 0.25), batch, VAMConfig()).flatten()
        tensor([0.7311, 0.7311, 0.7311])
    """
    values = truth.clamp(min=0)
    if config.target == "encoded":
        values = _encode(values * _reference_exposure(batch), config.gamma)
    return values.sigmoid() if config.output_domain == "sigmoid" else values


def radiance_of(
    values: Float[Tensor, "b 3 h w"], batch: BracketBatch, config: VAMConfig
) -> Float[Tensor, "b 3 h w"]:
    """Return the radiance that predicted values mean; there is no light below 0.

    The values are those before the logistic function: its inverse, the paper's eq. 17, is never
    computed, so bright values keep their precision.
    """
    positive = values.clamp(min=0)
    if config.target == "linear":
        return positive
    return positive.pow(config.gamma) / _reference_exposure(batch)


def _encode(linear: Tensor, gamma: float) -> Tensor:
    return linear.pow(1 / gamma)


def _per_frame(exposures: Float[Tensor, "b n"]) -> Float[Tensor, "b n 1 1 1"]:
    return rearrange(exposures, "b n -> b n 1 1 1")


def _reference_exposure(batch: BracketBatch) -> Float[Tensor, "b 1 1 1"]:
    return rearrange(batch.exposures[:, batch.reference], "b -> b 1 1 1")


def _mask(batch: BracketBatch, k: int) -> Float[Tensor, "b 1 h w"]:
    if batch.masks is None:
        raise ValueError("this network needs masks of where frames are well exposed; ones will do")
    return batch.masks[:, k, None]


class _Separable(nn.Module):
    """A convolution of each channel alone, then one across channels."""

    def __init__(self, channels: int, width: int, size: int = 3) -> None:
        super().__init__()
        padding = size // 2
        self.each = nn.Conv2d(
            channels, channels, size, padding=padding, groups=channels, bias=False
        )
        self.across = nn.Conv2d(channels, width, 1)

    def forward(self, maps: Maps) -> Maps:
        """Convolve."""
        return self.across(self.each(maps))


def _double(maps: Maps) -> Maps:
    return functional.interpolate(maps, scale_factor=2, mode="nearest")


def _pooled(maps: Maps) -> Maps:
    """Halve the size, twice over: the brightest of four pixels beside their mean."""
    return cat([functional.max_pool2d(maps, 2), functional.avg_pool2d(maps, 2)], dim=1)


class _Extractor(nn.Module):
    """Figure 3: features of half the size, enlarged again."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fine = _Separable(channels, WIDTH)
        self.coarse = _Separable(2 * WIDTH, WIDTH)

    def forward(self, maps: Maps) -> Maps:
        """Extract features of the same size."""
        return _double(self.coarse(_pooled(self.fine(maps))).relu())


class _Alignment(nn.Module):
    """Figure 5: scale and shift features by what the reference shows."""

    def __init__(self) -> None:
        super().__init__()
        self.shared, self.scale, self.shift = (
            nn.Conv2d(WIDTH, WIDTH, 3, padding=1) for _ in range(3)
        )

    def forward(self, features: Maps, reference: Maps) -> Maps:
        """Modulate the features of a frame."""
        common = self.shared(reference).relu()
        return self.scale(common).relu() * features + self.shift(common).relu()


def _attention() -> nn.Sequential:
    """Figure 6: how far to believe a frame; the map itself is what goes on."""
    return nn.Sequential(_Separable(2 * WIDTH, 64), nn.ReLU(), _Separable(64, WIDTH), nn.Sigmoid())


class _Reconstruction(nn.Module):
    """Figure 7: four levels down, four up, each of those given the guide once more."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inputs = (channels, *(2 * width for width in ENCODER[:-1]))
        self.encoder = nn.ModuleList(
            nn.Sequential(_Separable(before, width), _norm(width), nn.ReLU())
            for before, width in zip(inputs, ENCODER, strict=True)
        )
        inputs = (2 * ENCODER[-1], *DECODER[:-1])
        self.decoder = nn.ModuleList(
            nn.Sequential(_Separable(before + 3 * WIDTH, width), nn.ReLU())
            for before, width in zip(inputs, DECODER, strict=True)
        )
        self.last = _Separable(DECODER[-1], 3, 1)

    def forward(self, maps: Maps, guide: Maps) -> tuple[Maps, tuple[Maps, ...]]:
        """Return a first picture, and the features of the last three levels."""
        guides: list[Maps] = []
        for encode in self.encoder:
            maps = _pooled(encode(maps))
            guide = functional.avg_pool2d(guide, 2)
            guides.append(guide)
        stages: list[Maps] = []
        for decode in self.decoder:
            maps = _double(decode(cat([maps, guides.pop()], dim=1)))
            stages.append(maps)
        return self.last(maps).relu(), tuple(stages[1:])


class _Refinement(nn.Module):
    """Figure 9 and algorithm 1: three rounds beside features of the reference."""

    def __init__(self) -> None:
        super().__init__()
        self.reference = _Separable(2 * WIDTH, 3)
        self.rounds = nn.ModuleList(
            nn.Sequential(_Separable(before + 3, 16), _Separable(16, 16), nn.ReLU())
            for before in (3, 16, 16)
        )
        self.last = nn.Conv2d(16, 3, 1)

    def forward(self, first: Maps, reference: Maps) -> Maps:
        """Refine a picture; the logistic function at the end is the caller's."""
        hint = self.reference(reference).relu()
        for refine in self.rounds:
            first = refine(cat([first, hint], dim=1))
        return in_single_precision(self.last, first)


def _norm(channels: int) -> nn.BatchNorm2d:
    """Batch norm with Keras's constants."""
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


def _start(network: VAM) -> None:
    """Start with random weights that keep the spread of features (He et al., ICCV 2015).

    The pictures of three channels behind a ReLU start at 0.1, lest a channel is dead from the
    start.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            gain = 1.0 if layer.groups > 1 else 2.0**0.5
            bound = gain * (3 / layer.weight[0].numel()) ** 0.5
            nn.init.uniform_(layer.weight, -bound, bound)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    for picture in ("reconstruction.last", "refinement.reference"):
        nn.init.constant_(network.get_parameter(f"{picture}.across.bias"), 0.1)
