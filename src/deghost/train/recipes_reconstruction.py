"""Recipes of the networks that reconstruct: as their papers train them, and on the simulator.

Where a paper is silent a number is chosen; those are marked.
"""

from dataclasses import replace
from functools import partial
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from deghost.data.scene_settings import SceneSettings
from deghost.models.vam import VAMConfig
from deghost.train.beginnings import no_motion_weights
from deghost.train.losses import batch_dice_cross_entropy
from deghost.train.losses_radiance import clipped_radiance_loss, radiance_loss
from deghost.train.losses_segdeghost import SegDeghostTraining
from deghost.train.losses_vam import vam_loss
from deghost.train.measures import radiance_measures
from deghost.train.recipe import Recipe
from deghost.train.recipes_motion import SIMULATED as MOTION_UNET
from deghost.train.recipes_motion import PairBatch
from deghost.train.reconstruction_data import (
    MaskName,
    crop,
    mosaic_picture,
    picture,
    varied,
    whole,
)
from deghost.train.settings import TrainSettings


CROPS = 74 * 308  # of 128 x 128 pixels, every 64, in the 74 training scenes of Kalantari 2017
NTIRE = 1294  # scenes: 200 of the 1494 are held out
BRACKETIRE = 1045  # scenes
UNCLIPPED = 1e9  # norm of gradients: the papers do not limit it
PLAIN = TrainSettings(schedule="constant", warm_up=0, average=0.0, clip=UNCLIPPED)


def start_loss(network: nn.Module, batch: PairBatch) -> Float[Tensor, ""]:
    """Add half of the batch's Dice loss and cross-entropy.

    Dice alone, the paper's loss, was seen to end within 80 steps where everything has moved: a
    third of small crops show no motion, and where masks are full no gradient is left.
    """
    return batch_dice_cross_entropy(network(batch.pairs).float(), batch.motion)


def staged(training: SegDeghostTraining) -> dict[str, Any]:
    """Give the fields of a recipe that say how SegDeghost is trained."""
    (_, first), *later = training.losses()
    return {"loss": first, "later": tuple(later)}


def vam_fields(config: VAMConfig, masks: MaskName = "otsu") -> dict[str, Any]:
    """Give the fields of a recipe that depend on how VAM is configured."""
    changes = {"target": config.target, "output_domain": config.output_domain}
    return {"changes": changes, "loss": partial(vam_loss, config=config)}


def _recipe(name: str, about: str, **fields: Any) -> Recipe:
    """Fill in what the recipes of all networks that reconstruct have in common."""
    common = {
        "loss": radiance_loss,
        "measure": radiance_measures,
        "judge": "psnr-mu",
        "picture": picture,
        "vary": varied,
    }
    return Recipe(
        name=name, about=about, network=name.split("@", maxsplit=1)[0], **{**common, **fields}
    )


# --- as their papers train them --------------------------------------------------------------

VAM_SETTINGS = replace(
    PLAIN,
    steps=100 * NTIRE // 16,
    batch=16,
    learning_rate=1e-3,
    schedule="plateau",
    fall=0.1,
    fall_patience=25,
    validate_every=NTIRE // 16,  # every epoch
    validation_scenes=200,
)
VAM_NTIRE = _recipe(
    "vam@ntire",
    "VAM as its paper trains it: whole frames of 256 x 256, Otsu's masks, MAE of sigmoids",
    prepare=partial(whole, side=256, masks="otsu"),
    settings=VAM_SETTINGS,
    vary=None,
    **vam_fields(VAMConfig()),
)
VAM_KALANTARI = replace(
    VAM_NTIRE,
    name="vam@kalantari",
    about="the same on crops of 256 pixels (chosen: scenes are few), of any set",
    prepare=partial(crop, side=256, masks="otsu"),
    settings=replace(VAM_SETTINGS, validation_scenes=48),
)
SEGDEGHOST_KALANTARI = _recipe(
    "segdeghost@kalantari",
    "SegDeghost as its paper trains it: motion networks trained before (--begin), two stages",
    prepare=partial(crop, side=128, moved=True),
    settings=replace(
        PLAIN,
        steps=200 * CROPS // 4,  # an epoch: chosen
        batch=4,
        learning_rate=1e-4,
        schedule="exponential",
        fall=0.96,
        fall_every=CROPS // 4,
        validate_every=CROPS // 4,
    ),
    begin=no_motion_weights,
    **staged(SegDeghostTraining()),
)
AHDRNET_KALANTARI = _recipe(
    "ahdrnet@kalantari",
    "AHDRNet: L1 after the mu-law, Adam at 1e-4; crops, batch and steps chosen",
    prepare=partial(crop, side=256),
    settings=replace(PLAIN, steps=100_000, batch=8, learning_rate=1e-4, validate_every=2000),
)
HDR_TRANSFORMER_KALANTARI = _recipe(
    "hdr-transformer@kalantari",
    "HDR-Transformer: L1 after the mu-law, and with --vgg16 its perceptual loss",
    prepare=partial(crop, side=128),
    settings=replace(
        PLAIN, steps=100 * CROPS // 16, batch=16, learning_rate=2e-4, validate_every=CROPS // 16
    ),
)
BRACKETIRE_SETTINGS = replace(
    PLAIN,
    steps=400 * BRACKETIRE // 8,  # batch and epochs: chosen
    batch=8,
    optimiser="adamw",
    learning_rate=1e-4,
    schedule="cosine",
    fall=0.0,
    validate_every=10 * BRACKETIRE // 8,
)
TMRNET_BRACKETIRE = _recipe(
    "tmrnet@bracketire",
    "TMRNet on five RAW frames, crops of 128 packed pixels: L1 after the mu-law of clipped light",
    prepare=partial(crop, side=128),
    loss=clipped_radiance_loss,
    settings=BRACKETIRE_SETTINGS,
    picture=mosaic_picture,
    vary=None,
)
RAW = {"layout": "raw4", "frames": 5}


def _enlarging(recipe: Recipe) -> Recipe:
    """The same for BracketIRE+, whose truth is four times as large."""
    return replace(
        recipe,
        name=f"{recipe.name}-plus",
        about=f"{recipe.network} on the fourfold task of BracketIRE+",
        changes={**recipe.changes, "scale": 4},
    )


def _on_mosaics(network: str) -> Recipe:
    """Another student on BracketIRE's frames, trained like TMRNet."""
    return replace(
        TMRNET_BRACKETIRE,
        name=f"{network}@bracketire",
        about=f"{network} on five RAW frames, trained as TMRNet is",
        network=network,
        changes=RAW,
        loss=radiance_loss,  # its radiance is in [0, 1] by construction
    )


ON_MOSAICS = (TMRNET_BRACKETIRE, _on_mosaics("ahdrnet"), _on_mosaics("hdr-transformer"))
PAPERS = (
    VAM_NTIRE,
    VAM_KALANTARI,
    SEGDEGHOST_KALANTARI,
    replace(
        SEGDEGHOST_KALANTARI,
        name="segdeghost-n@kalantari",
        about="the same for any number of frames (A7)",
        changes={"frames": None},
    ),
    AHDRNET_KALANTARI,
    HDR_TRANSFORMER_KALANTARI,
    *ON_MOSAICS,
    *map(_enlarging, ON_MOSAICS),
)

# --- on the simulator ------------------------------------------------------------------------

SIDE = 128
STREAM = SceneSettings(  # the scenes that all networks of three frames are compared on
    size=(SIDE, SIDE),
    hold=("tripod", "aligned", "aligned"),
    actors=(0, 5),
    perspective=0.1,
    iso=(100.0, 6400.0),
)
ANY_NUMBER = replace(STREAM, counts=(2, 3, 3, 4, 5, 7))
MOSAICS = replace(
    STREAM,
    size=(2 * SIDE, 2 * SIDE),
    layout="raw",
    counts=(5,),
    stops=(1.0, 2.0),
    reference="first",
)
EQUAL = TrainSettings(  # the budget of all rows that are ranked against each other
    steps=20_000, batch=8, learning_rate=5e-4, fall=0.02, validate_every=1000, validation_scenes=64
)


def _simulated(name: str, about: str, **fields: Any) -> Recipe:
    """Fill in what all recipes on the simulator share: scenes, budget, truth cut at 1."""
    prepare = partial(crop, side=SIDE, clipped=True)
    common = {"prepare": prepare, "scenes": STREAM, "settings": EQUAL}
    return _recipe(name, about, **{**common, **fields})


VAM_SIMULATED = _simulated(
    "vam@simulated",
    "VAM in its sigmoid domain, Otsu's masks",
    prepare=partial(crop, side=SIDE, masks="otsu", clipped=True),
    **vam_fields(VAMConfig()),
)
MOTION_START = replace(
    MOTION_UNET,
    name="motion-unet-start@simulated",
    about="the motion U-Net that SegDeghost starts from; cross-entropy keeps Dice from a dead end",
    loss=start_loss,
)
SEGDEGHOST_SIMULATED = _simulated(
    "segdeghost@simulated",
    "SegDeghost of three frames, two stages; motion networks trained before (--begin)",
    prepare=partial(crop, side=SIDE, moved=True, clipped=True),
    begin=no_motion_weights,
    **staged(SegDeghostTraining()),
)
TMRNET_SIMULATED = _simulated(
    "tmrnet@simulated",
    "TMRNet on three sRGB frames",
    changes={"layout": "srgb6", "frames": 3},
    settings=replace(EQUAL, learning_rate=2e-4),
)
SIMULATED = (
    VAM_SIMULATED,
    replace(
        VAM_SIMULATED,
        name="vam-linear@simulated",
        about="VAM trained on the values themselves instead of their sigmoids",
        **vam_fields(VAMConfig(output_domain="linear")),
    ),
    SEGDEGHOST_SIMULATED,
    replace(
        SEGDEGHOST_SIMULATED,
        name="segdeghost-n@simulated",
        about="SegDeghost for any number of frames (A7), on 2 to 7",
        changes={"frames": None},
        scenes=ANY_NUMBER,
    ),
    _simulated("ahdrnet@simulated", "AHDRNet, L1 after the mu-law"),
    _simulated("hdr-transformer@simulated", "HDR-Transformer, L1 after the mu-law"),
    TMRNET_SIMULATED,
    replace(
        TMRNET_SIMULATED,
        name="tmrnet-raw@simulated",
        about="TMRNet on five RAW frames, the first one the reference",
        changes={},
        loss=clipped_radiance_loss,
        scenes=MOSAICS,
        picture=mosaic_picture,
        vary=None,
    ),
)
RECONSTRUCTION_RECIPES = (*PAPERS, *SIMULATED)
STARTS = (MOTION_START,)
