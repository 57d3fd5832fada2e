"""Groups of trainings that make one table: every row sees the same scenes for as many steps."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from deghost.data.scene_settings import SceneSettings
from deghost.models.segdeghost import ABLATIONS
from deghost.models.vam import VAMConfig
from deghost.train.losses_segdeghost import TONE_MAPPED, TRAININGS, SegDeghostTraining
from deghost.train.recipe import Recipe
from deghost.train.recipes_reconstruction import (
    MOTION_START,
    SEGDEGHOST_SIMULATED,
    STREAM,
    VAM_SIMULATED,
    staged,
    vam_fields,
)
from deghost.train.reconstruction_data import MaskName, crop
from deghost.train.settings import TrainSettings


SIDE = 64  # pixels of a crop
SCENES = 1200  # simulated once, then drawn from
BUDGET = TrainSettings(
    steps=600,
    batch=4,
    learning_rate=5e-4,
    warm_up=50,
    fall=0.02,
    average=0.99,
    save_every=200,
    validate_every=600,
    validation_scenes=96,
    keep=1,
)


@dataclass(frozen=True)
class Row:
    """One training of a group."""

    name: str
    about: str
    recipe: Recipe
    published: tuple[tuple[str, str], ...] = ()  # tables and rows of the paper
    seed: int = 1
    pretrained: bool = False  # begins with the group's preparation
    trained: bool = True  # False: the method learns nothing and is only measured


@dataclass(frozen=True)
class Group:
    """Rows of one table, and what all of them share."""

    name: str
    about: str
    rows: tuple[Row, ...]
    scenes: SceneSettings = STREAM
    count: int = SCENES
    settings: TrainSettings = BUDGET
    preparation: Recipe | None = None  # what rows that are `pretrained` begin with ...
    preparing: int = 5  # ... which is trained for so many times the steps of a row
    side: int = SIDE
    notes: tuple[str, ...] = ()


def _segdeghost(
    name: str,
    about: str,
    published: tuple[tuple[str, str], ...] = (),
    training: SegDeghostTraining = SegDeghostTraining(),  # noqa: B008, frozen
    **fields: Any,
) -> Row:
    """Make a row: a configuration of the network and a way to train it."""
    changes = ABLATIONS.get(name, {})
    recipe = replace(
        SEGDEGHOST_SIMULATED,
        name=f"segdeghost {name}",
        about=about,
        prepare=partial(crop, side=SIDE, moved=True, clipped=True),
        changes=changes,
        settings=BUDGET,
        **staged(training),
    )
    learned = changes.get("masks", "learned") == "learned"
    row = Row(name, about, recipe, published, pretrained=training.pretrained and learned)
    return replace(row, **fields)


def _ablations() -> tuple[Row, ...]:
    """List all that the paper's tables II to IV compare, each once."""
    two = {  # as printed
        "A1": "A1 End-to-end training",
        "A2": "A2 End-to-end training + segmentation loss",
        "A3": "A3 No segmentation map",
        "A4": "A4 Simple difference as segmentation map",
        "A5": "A5 Simple difference + triangle fusion",
        "A6": "A6 CNN segmentation + triangle fusion",
        "A7": "A7 Arbitrary size memory network",
        "A8": "A8 Single R/W submodule",
        "A9": "A9 Decoder: vanilla",
        "A10": "A10 Decoder: Res-Net",
        "A11": "A11 Decoder: SDC without dense connection",
        "A12": "A12 Decoder: SDC with dense connection",
    }
    memory = {
        "shared": "With memory, shared",
        "no-memory-shared": "Without memory, shared",
        "no-memory": "Without memory, unshared",
    }
    losses = {name: name.upper().replace("L1", "ℓ1").replace("L2", "ℓ2") for name in TONE_MAPPED}
    rows = []
    for name, printed in two.items():
        training = TRAININGS.get(name, SegDeghostTraining())
        about = printed.removeprefix(f"{name} ")
        fields = {"trained": False, "pretrained": False} if name == "A5" else {}
        rows.append(_segdeghost(name, about, (("II", printed),), training, **fields))
    for name, printed in memory.items():
        rows.append(_segdeghost(name, printed, (("III", printed),)))
    for name, printed in losses.items():
        if name != "l2":  # A12
            spaced = printed.replace("+", " + ")
            rows.append(_segdeghost(name, f"Loss: {spaced}", (("IV", spaced),), TRAININGS[name]))
    again = _segdeghost("A12 again", "A12 with other random numbers: what chance does", seed=2)
    return (*rows, again)


def _vam(name: str, about: str, config: VAMConfig, masks: MaskName, printed: str = "") -> Row:
    recipe = replace(
        VAM_SIMULATED,
        name=f"vam {name}",
        about=about,
        prepare=partial(crop, side=SIDE, masks=masks, clipped=True),
        settings=BUDGET,
        **vam_fields(config),
    )
    return Row(name, about, recipe, (("3", printed),) if printed else ())


MASK_ROWS: Mapping[MaskName, str] = {
    "otsu": "Otsu's threshold, as in the paper",
    "manual": "fixed ranges: 120 to 255 in the dark frame, 0 to 200 in the bright one",
    "exposure-unet": "the shipped U-Nets of the exposure segmentation paper",
    "ones": "no masks: all ones",
}
SEGDEGHOST_ABLATIONS = Group(
    name="segdeghost-ablations",
    about="SegDeghost: training, masks, fusion, memory, decoders, losses",
    rows=_ablations(),
    preparation=MOTION_START,
    notes=(
        "The published numbers are of Kalantari's 15 test scenes after 200 epochs, ours of "
        "simulated scenes after the budget above: only the order of rows can be compared",
        "Rows that the paper trains from trained motion networks begin with one that was trained "
        "on the same scenes, once for all, by Dice and cross-entropy, for five times the steps",
    ),
)
VAM_MASKS = Group(
    name="vam-masks",
    about="VAM: which masks guide it",
    rows=tuple(_vam(name, about, VAMConfig(), name) for name, about in MASK_ROWS.items()),
    settings=replace(BUDGET, learning_rate=1e-3),
    notes=("The paper prints no numbers for masks other than Otsu's",),
)
VAM_DOMAINS = Group(
    name="vam-domains",
    about="VAM: learning sigmoids of values or the values themselves",
    rows=(
        _vam("sigmoid", "sigmoids", VAMConfig(), "otsu", "Ours (Sigmoid Space)"),
        _vam("linear", "values", VAMConfig(output_domain="linear"), "otsu", "Ours (HDR Space)"),
    ),
    settings=replace(BUDGET, learning_rate=1e-3, validate_every=60),
    notes=(
        "The published numbers are of 200 frames of NTIRE 2021 after 100 epochs: only the order "
        "of rows, and how fast each learns, can be compared",
    ),
)
GROUPS: dict[str, Group] = {
    group.name: group for group in (SEGDEGHOST_ABLATIONS, VAM_MASKS, VAM_DOMAINS)
}
