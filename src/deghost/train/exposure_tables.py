"""The two tables of the exposure segmentation paper, made anew beside the published ones."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TypeVar

import torch
from torch import nn

from deghost.evaluate.masks import Agreement, compare_masks
from deghost.models.exposure_unet import ExposureUNet
from deghost.segment.exposure import Side
from deghost.train.exposure_data import Codes, FramePool, TruthRule, ruled_batches, ruled_masks
from deghost.train.loop import Loss, Step, Trainee, train
from deghost.train.optimisers import make_optimiser, make_schedule
from deghost.train.processes import Process
from deghost.train.recipes_exposure import LossName, UNetTraining, unet_loss
from deghost.train.settings import TrainSettings


MEASURES = ("Dice", "Jaccard", "Sens", "Spec", "AUC", "AVG")
B = TypeVar("B")
Scores = tuple[float, ...]  # in the order of MEASURES

# Omrani and Moroni, tables 1 and 2, against the manual truth
PUBLISHED: Mapping[tuple[Side, LossName], Scores] = {
    ("dark", "bce"): (0.951, 0.905, 0.912, 0.999, 0.498, 0.853),
    ("dark", "focal"): (0.916, 0.936, 0.997, 0.997, 0.498, 0.869),
    ("dark", "dice-bce"): (0.965, 0.933, 0.912, 0.999, 0.498, 0.861),
    ("bright", "bce"): (0.994, 0.909, 0.765, 0.754, 0.680, 0.820),
    ("bright", "focal"): (0.989, 0.890, 0.753, 0.763, 0.675, 0.814),
    ("bright", "dice-bce"): (0.990, 0.912, 0.770, 0.730, 0.670, 0.815),
}
TITLES: Mapping[Side, str] = {
    "dark": "Low exposure: the darkest frame (table 1)",
    "bright": "High exposure: the brightest frame (table 2)",
}
CONTRADICTION = (
    "The published rows contradict their own formulas: Jaccard exceeds Dice (low, focal), and AUC "
    "is not the mean of sensitivity and specificity."
)


@dataclass(frozen=True)
class Trained:
    """A network after its training, and how well it does on other frames."""

    training: UNetTraining
    network: ExposureUNet
    scores: Scores
    seconds: float


def train_all(
    trainings: Sequence[UNetTraining], pool: FramePool, validation: FramePool
) -> Iterator[Trained]:
    """Train networks one after another and measure each on the validation frames."""
    for training in trainings:
        start = time.monotonic()
        network = train_unet(training, pool)
        seconds = time.monotonic() - start
        scores = score_unet(network, validation.of(training.side), training.side, training.rule)
        yield Trained(training, network, scores, seconds)


def train_unet(training: UNetTraining, pool: FramePool) -> ExposureUNet:
    """Train one of the paper's networks on a pool of frames."""
    settings = training.settings
    torch.manual_seed(settings.seed)
    network = ExposureUNet()
    codes = pool.of(training.side)
    masks = ruled_masks(codes, training.side, training.rule)
    batches = ruled_batches(codes, masks, settings.batch, settings.seed)
    for _ in train_here(network, batches, partial(unet_loss, loss=training.loss), settings):
        pass
    return network.eval()


def train_here(
    network: nn.Module, batches: Iterable[B], loss: Loss[B], settings: TrainSettings
) -> Iterator[Step]:
    """Train on the processor for the steps of the settings, without a folder."""
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = make_optimiser(network, settings)
    trainee = Trainee(network, optimiser, make_schedule(optimiser, settings))
    process = Process(torch.device("cpu"))
    yield from train(trainee, islice(batches, settings.steps), loss, settings.loop(), process)


@torch.inference_mode()
def score_unet(network: ExposureUNet, codes: Codes, side: Side, rule: TruthRule) -> Scores:
    """Compare a network's masks with those of the rule: means over frames of the six measures."""
    found = torch.cat([network.probabilities(part.float() / 255) for part in codes.split(16)])
    return measures(compare_masks(found, ruled_masks(codes, side, rule)))


def measures(agreement: Agreement) -> Scores:
    """Average the six measures over images, in the order of MEASURES."""
    values = (
        agreement.dice,
        agreement.jaccard,
        agreement.sensitivity,
        agreement.specificity,
        agreement.area,
        agreement.average,
    )
    return tuple(float(value.mean()) for value in values)


def write_tables(results: list[Trained], validation: FramePool, budget: str) -> str:
    """Lay both tables out in Markdown: every loss and truth, published rows below ours."""
    lines = [budget, ""]
    for side, title in TITLES.items():
        lines += [f"### {title}", "", _row("loss", "truth", *MEASURES), _row(*["---"] * 8)]
        for result in results:
            training = result.training
            if training.side == side:
                lines.append(_row(training.loss, training.rule, *_rounded(result.scores)))
        for (published_side, loss), scores in PUBLISHED.items():
            if published_side == side:
                lines.append(_row(f"{loss}, published", "manual", *_rounded(scores)))
        lines.append("")
    return "\n".join([*lines, CONTRADICTION, "", *_coverage(validation)])


def _coverage(pool: FramePool) -> list[str]:
    """Tell how much of the scenes either truth covers: the paper says that manual covers more."""
    told = ["| truth | covered by low | by high | by either |", _row(*["---"] * 4)]
    for rule in ("manual", "otsu"):
        low = ruled_masks(pool.dark, "dark", rule)
        high = ruled_masks(pool.bright, "bright", rule)
        shares = (float(mask.mean()) for mask in (low, high, torch.maximum(low, high)))
        told.append(_row(rule, *_rounded(tuple(shares))))
    return told


def _rounded(scores: Scores) -> list[str]:
    return [f"{score:.3f}" for score in scores]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
