"""The protocols of the field, by name, each read off the program that its numbers come from."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from deghost.errors import SettingsError
from deghost.evaluate.bracketire import (
    BRIGHTEST,
    CROP,
    LARGE_CROP,
    psnr_bracketire,
    ssim_bracketire,
)
from deghost.evaluate.hdrvdp2 import hdrvdp2_as
from deghost.evaluate.hdrvdp2_display import Viewing
from deghost.evaluate.metrics import METRICS
from deghost.evaluate.protocol import Metric, Picture, Protocol, in_values_of, measure, prepare_pair
from deghost.evaluate.psnr import psnr_mu_ntire, psnr_ntire
from deghost.evaluate.psnr_vam import psnr_mu_vam, psnr_vam
from deghost.evaluate.pu21 import psnr_pu21
from deghost.evaluate.rounding import as_rgbe
from deghost.evaluate.tiles import Cut
from deghost.evaluate.tone_mapped import TONES, psnr_shown, ssim_shown


__all__ = [
    "PROTOCOLS",
    "Protocol",
    "in_values_of",
    "measure",
    "named_protocol",
    "prepare_pair",
    "with_metrics",
]

DARKEST = "1.0 is the clipping level of the darkest frame; the peak of PSNR is 1.0"
MEDIUM_CODES = "gamma 2.24 codes; 1.0 is the clipping level of the medium frame"
OFFICIAL = Cut("official", tile=256)
BENCH_PEAK = 1000.0  # cd/m² of the value 1.0
BENCH_VIEWING = Viewing(  # 39 pixels per degree
    "rgb-bt.709", 24, 0.6, resolution=(1920, 1080), scale=BENCH_PEAK, floor=0.005
)
TONE_MAPPED: dict[str, Metric] = {
    **{f"psnr-{tone}": partial(psnr_shown, tone=tone) for tone in TONES},
    **{f"ssim-{tone}": partial(ssim_shown, tone=tone) for tone in TONES},
}
NOT_THE_TEST_SET = (
    "The reference programs choose their best epoch by PSNR-mu on these very scenes; choose yours "
    "on others, or say that you did not"
)


def _bench_quality(test: Picture, truth: Picture) -> Float[Tensor, ""]:
    """HDR-VDP-2.2 on the monitor of deghost-bench: 24 inches, full HD, 1000 cd/m², from 60 cm."""
    return torch.tensor(hdrvdp2_as(BENCH_VIEWING, test, truth).quality)


def _quality_of_file(test: Picture, truth: Picture) -> Float[Tensor, ""]:
    """HDR-VDP-2.2 as SCTNet calls it, of a result that went through a Radiance file."""
    return METRICS["hdr-vdp-2-sctnet"](as_rgbe(test), truth)


def _kalantari_metrics(variant: str = "", viewing: str = "safnet") -> dict[str, Metric]:
    """The five columns of most tables, by a variant of SSIM and a viewing of HDR-VDP-2."""
    ssims = {name: METRICS[name + variant] for name in ("ssim-mu", "ssim-l")}
    psnrs = {name: METRICS[name] for name in ("psnr-mu", "psnr-l")}
    return {**psnrs, **ssims, "hdr-vdp-2": METRICS[f"hdr-vdp-2-{viewing}"]}


KALANTARI = Protocol(
    name="kalantari",
    description="Kalantari 2017, 15 test scenes, as the Python programs of the field measure them",
    scale=DARKEST,
    metrics={**_kalantari_metrics(), **TONE_MAPPED},
    source="HDR-Transformer (ECCV 2022), test.py; HDR-VDP-2 as SAFNet (ECCV 2024) calls it; "
    "tone-mapped metrics T3 to T5 of Prabhakar et al., arXiv 2207.01229",
    cut=OFFICIAL,
    notes=(
        "Nothing is clipped before PSNR; SSIM clips to [0, 1] and keeps whole windows only",
        "HDR-VDP-2 reads linear light as sRGB on a screen of 100 cd/m², as most published numbers",
        "Published networks saw separate tiles of 256 pixels, the rest filled with white",
        "All is of floating-point values; a Radiance file in between costs decibels of PSNR-mu "
        "where colours are deep",
        NOT_THE_TEST_SET,
    ),
)
KALANTARI_MATLAB = replace(
    KALANTARI,
    name="kalantari-matlab",
    description="Kalantari 2017, 15 test scenes, as MATLAB programs measure Radiance files",
    metrics=_kalantari_metrics("-matlab"),
    source="SAFNet (ECCV 2024), matlab_evaluation/eval_siggraph17.m",
    cut=Cut("full", multiple=16),
    rounding="rgbe",
    notes=(
        "SSIM of an h x w x 3 array is of a volume in MATLAB: its window also spans the colours",
        "All five numbers are of results written as Radiance files by OpenCV, which cuts off",
        NOT_THE_TEST_SET,
    ),
)
TEL = replace(
    KALANTARI,
    name="tel",
    description="Tel 2023, 36 test scenes, as SCTNet measures them",
    metrics={**_kalantari_metrics(viewing="sctnet"), "hdr-vdp-2": _quality_of_file},
    source="SCTNet (ICCV 2023), test_sct.py and utils/hdrvdp2_pu21/run/test.m",
    notes=(
        "HDR-VDP-2 is of results written as Radiance files, PSNR and SSIM of floating-point values",
        "The published PU21 numbers are of 8-bit mu-law pictures on a screen of 55 cd/m²; they "
        "are not comparable with PU21 of light and are left out",
        "Numbers in the proceedings were corrected later; cite the version on arXiv",
        NOT_THE_TEST_SET,
    ),
)
ICCP19 = replace(
    KALANTARI,
    name="iccp19",
    description="Prabhakar 2019, 116 validation scenes, in linear light and by four tone mappings",
    source="FSHDR (ECCV 2022), losses.py; tone-mapped metrics T3 to T5 of Prabhakar et al., "
    "arXiv 2207.01229",
    cut=Cut("full", multiple=16),
    notes=(
        "Scenes without a truth are left out; 16-bit codes are divided by 65535",
        "The paper names its tone mappings but neither their parameters nor the variant of SSIM",
    ),
)
NTIRE21 = Protocol(
    name="ntire21",
    description="NTIRE 2021 and 2022, multi-frame track, as the organisers' program measures it",
    scale=MEDIUM_CODES,
    values="gamma2.24",
    white="medium",
    metrics={"psnr": psnr_ntire, "psnr-mu": psnr_mu_ntire},
    source="ADNet (CVPRW 2021), utils/metrics.py and utils/evaluation.py",
    cut=Cut("full", multiple=16),
    rounding="ntire-png",
    notes=(
        "PSNR is of gamma-encoded values, not of light, divided by the truth's greatest value",
        "PSNR-mu divides light by the truth's 99th percentile and bends it by tanh before mu-law",
        "The truths of validation and test frames are not public: everyone holds out training "
        "frames of their own. Hold out whole sequences, as neighbouring frames look alike",
    ),
)
NTIRE21_AS_VAM = replace(
    NTIRE21,
    name="ntire21-as-vam",
    description="the NTIRE frames as the visual-attention paper measures its held-out ones",
    metrics={"psnr": psnr_vam, "psnr-mu": psnr_mu_vam},
    source="HDR-VAM (arXiv 2307.14705), utils.py",
    padding=32,
    rounding="none",
    notes=(
        "Frames of 1900x1060 are filled with zeros to 1920x1088, and the filling is measured too; "
        "it is taken as right, though a network may have put something there",
        "The peak of PSNR-mu is the truth's greatest tone-mapped value, not 1",
        "The program takes peak and percentile over a batch of two frames; here each has its own",
        "For comparison with that paper only; use ntire21 for a number of your own",
    ),
)
BRACKETIRE = Protocol(
    name="bracketire",
    description="BracketIRE, 290 test frames, after its fixed processing to RGB",
    scale="mu-law codes of 16 bits; 1.0 is light 16 times the middle frame's clipping level",
    values="mu-law",
    white="medium",
    reach=BRIGHTEST,
    metrics={
        "psnr": partial(psnr_bracketire, crop=0),  # `crop` below has done it
        "ssim": partial(ssim_bracketire, crop=0),
    },
    source="BracketIRE (ICLR 2025), syn_test.py, syn_metrics.py and util/process.py",
    crop=CROP,
    cut=Cut("full", multiple=16),
    rounding="16-bit",
    notes=(
        "The processing has a learned demosaicing: give its file, or measure 16-bit pictures that "
        "were made with it; without, numbers are of bracketire-approx",
        "LPIPS needs AlexNet's weights; without their file its column is missing",
        f"{CROP} pixels are cut off each edge, which the NTIRE 2024 server did not do",
    ),
)
BRACKETIRE_APPROX = replace(
    BRACKETIRE,
    name="bracketire-approx",
    description="as bracketire, but with a plain demosaicing in place of the learned one",
    notes=("Not comparable with published numbers: the demosaicing differs", *BRACKETIRE.notes[1:]),
)
BRACKETIRE_PLUS = replace(
    BRACKETIRE,
    name="bracketire-plus",
    description="BracketIRE+ (four times the size), 290 test frames",
    crop=LARGE_CROP,
    notes=(*BRACKETIRE.notes[:2], f"{LARGE_CROP} pixels are cut off each edge"),
)
BRACKETIRE_NTIRE24 = replace(
    BRACKETIRE,
    name="bracketire-ntire24",
    description="BracketIRE as the server of the NTIRE 2024 challenge measured it",
    source="BracketIRE, NTIRE2024/README.md: ranked by PSNR of the 16-bit RGB pictures",
    crop=0,
    notes=(
        *BRACKETIRE.notes[:2],
        "Whole pictures are measured, with the pixels at the edge that no network can know",
        "The server's program is not public: no crop is what its organisers' remarks imply",
    ),
)
DEGHOST_BENCH = Protocol(
    name="deghost-bench",
    description="deghost-bench, 32 simulated scenes with exact truth",
    scale=f"{DARKEST}; a screen shows it as {BENCH_PEAK:g} cd/m²",
    metrics={
        **{name: METRICS[name] for name in ("psnr-mu", "psnr-l", "ssim-mu")},
        "hdr-vdp-2": _bench_quality,
        "psnr-pu21": partial(psnr_pu21, peak=BENCH_PEAK),
    },
    source="docs/protocols.md and docs/benchmark.md of this project",
    clipping=(0.0, 1.0),
    masked=("psnr-mu", "psnr-l", "psnr-pu21"),
    notes=(
        "Result and truth are clipped to [0, 1] for every metric: above, no frame shows anything",
        "Columns that end in -recoverable leave out pixels that no frame shows well and unmoved",
        "HDR-VDP-2 takes light as light on a monitor of 24 inches, full HD, from 60 cm; its Q is "
        "not comparable with published ones",
    ),
)
PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        KALANTARI,
        KALANTARI_MATLAB,
        TEL,
        NTIRE21,
        NTIRE21_AS_VAM,
        BRACKETIRE,
        BRACKETIRE_APPROX,
        BRACKETIRE_PLUS,
        BRACKETIRE_NTIRE24,
        ICCP19,
        DEGHOST_BENCH,
    )
}


def named_protocol(name: str) -> Protocol:
    """Find a protocol. Raises SettingsError with the names that exist."""
    if name not in PROTOCOLS:
        raise SettingsError(f"no protocol {name!r}; there are: {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]


def with_metrics(protocol: Protocol, extra: Mapping[str, Metric]) -> Protocol:
    """Add metrics that need a file of the user's, such as LPIPS, as columns of a protocol."""
    return replace(protocol, metrics={**protocol.metrics, **extra})
