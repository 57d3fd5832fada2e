"""Measure pictures of files against their truths, one after the other."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version

import torch
from jaxtyping import Float
from torch import Tensor

from deghost.errors import DeghostError
from deghost.evaluate.choices import Choice
from deghost.evaluate.error_maps import compressed, show_pair
from deghost.evaluate.pairing import Found
from deghost.evaluate.protocol import Picture, measure
from deghost.evaluate.reading import read_values
from deghost.evaluate.records import (
    Failure,
    Outcome,
    Record,
    RunFolder,
    checksum,
    code_checksum,
)
from deghost.evaluate.results import protocol_text
from deghost.types import Mask


MEASURING = ("evaluate", "radiometry")  # the code that numbers rest on

Progress = Callable[[float], None]  # told the share that is done, from 0 to 1


@dataclass(frozen=True)
class Pair:
    """Two pictures to be compared, in the values of a protocol."""

    name: str
    method: str
    group: str
    test: Picture
    truth: Float[Tensor, "_ _ _"]  # of another size, it cannot be measured
    recoverable: Mask | None = None
    scaling: float = 1.0  # of the data set's light, to the protocol's scale


def evaluate_pairs(
    pairs: Sequence[Found],
    method: str,
    choice: Choice,
    folder: RunFolder,
    progress: Progress = lambda share: None,
) -> Iterator[Outcome]:
    """Measure pictures of files; what the folder has measured already is not measured again.

    A picture that cannot be measured is a Failure, and the next one follows.
    """
    base = key_of(choice, MEASURING)
    for number, found in enumerate(pairs):
        try:
            yield _evaluate(found, method, choice, folder, base)
        except Exception as error:  # noqa: BLE001, whatever it is, the others are to be measured
            yield failure(found.name, method, error)
        progress((number + 1) / len(pairs))


def _evaluate(found: Found, method: str, choice: Choice, folder: RunFolder, base: str) -> Record:
    """Read and measure one picture, or take its record."""
    truth = found.read_truth()
    test, is_rounded = read_values(found.prediction, choice.reading, truth.development)
    if is_rounded:
        choice = replace(choice, protocol=replace(choice.protocol, rounding="none"))
    key = checksum(base, test, truth.values, truth.recoverable, truth.scaling)
    known = (truth.values, truth.recoverable, truth.scaling)
    pair = Pair(found.name, method, found.group, test, *known)
    return folder.load(found.name, method, key) or assess(choice, pair, folder, key)


def key_of(choice: Choice, code: tuple[str, ...]) -> str:
    """Hash what all numbers of a run depend on: protocol, weights, and the program."""
    program = f"{version('deghost')} {code_checksum(code)} {torch.__version__}"
    return checksum(protocol_text(choice.protocol), choice.weights, program)


@torch.inference_mode()
def assess(
    choice: Choice, pair: Pair, folder: RunFolder, key: str, seconds: float | None = None
) -> Record:
    """Measure one picture, and keep the record and the pictures that go with it."""
    scores = measure(choice.protocol, pair.test, pair.truth, pair.recoverable)
    pictures = show_pair(choice.protocol, pair.test, pair.truth)
    kinds = {"truth": "truth", "test": pair.method, "error": f"{pair.method} error"}
    for part, kind in kinds.items():
        folder.save_picture(pair.name, kind, compressed(pictures[part]))
    bounds = (pair.truth.min().item(), pair.truth.max().item())
    size = (pair.truth.shape[-1], pair.truth.shape[-2])
    told = (scores, bounds, key, seconds, pair.scaling, size)
    record = Record(pair.name, pair.method, pair.group, *told)
    folder.save(record)
    return record


def failure(name: str, method: str, error: Exception) -> Failure:
    """Tell in one line why a picture could not be measured."""
    text = " ".join(str(error).split()).removeprefix(f"{name}: ")
    known = isinstance(error, DeghostError)
    return Failure(name, method, text if known else f"{type(error).__name__}: {text[:300]}")
