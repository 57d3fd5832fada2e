"""What a user may change about a training run. Imports no PyTorch, for the command line's sake."""

from dataclasses import dataclass, field
from typing import Any, Literal


DeviceName = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "single", "bfloat16"]


@dataclass(frozen=True)
class LoopSettings:
    """How steps are made."""

    clip: float = 1.0  # gradients of a larger norm are scaled down to it
    decay: float = 0.999  # of the average, once it has started up
    precision: Precision = "auto"  # auto: bfloat16 on CUDA, else single floats


def _told(default: Any, text: str) -> Any:
    """A field that knows what it is for, also on the command line."""
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class TrainSettings:
    """The numbers of a training run; recipes set them, the command line may change them."""

    steps: int = _told(20000, "Steps in all.")
    batch: int = _told(16, "Scenes in a batch, over all processes.")
    sights: int = _told(1, "Times that scenes are seen, on average, where making them is slow.")
    pool: int = _told(50, "Batches kept in memory to be seen again.")
    seed: int = _told(1, "Another number gives other scenes and weights at the start.")
    optimiser: Literal["adam", "adamw", "muon"] = _told("adam", "Optimiser.")
    learning_rate: float = _told(1e-3, "Highest learning rate.")
    weight_decay: float = _told(0.0, "Weight decay.")
    schedule: Literal["cosine", "constant", "exponential", "plateau"] = _told(
        "cosine", "How the learning rate falls."
    )
    warm_up: int = _told(200, "Steps over which the rate rises at first, but for plateau.")
    fall: float = _told(0.1, "Factor of a falling rate: exponential, plateau; cosine's last.")
    fall_every: int = _told(1000, "Steps after which an exponential rate has fallen by it.")
    fall_patience: int = _told(25, "Validations without gain before a rate on a plateau falls.")
    clip: float = _told(1.0, "Largest norm of the gradient.")
    average: float = _told(0.999, "Decay of the moving average of weights; 0 for none.")
    precision: Precision = _told("auto", "bfloat16 halves memory; auto uses it on CUDA.")
    compiled: bool = _told(False, "Let PyTorch compile the network.")
    log_every: int = _told(20, "Steps between lines of the log.")
    save_every: int = _told(500, "Steps between checkpoints.")
    validate_every: int = _told(1000, "Steps between validations.")
    validation_scenes: int = _told(48, "Scenes to validate on.")
    keep: int = _told(2, "Checkpoints kept, besides the best.")
    patience: int = _told(0, "Validations without gain before training stops; 0 for never.")

    def loop(self) -> LoopSettings:
        """What the loop must know."""
        return LoopSettings(self.clip, self.average, self.precision)


# may differ between a run and its continuation
FREE = {
    "steps",
    "precision",
    "compiled",
    "log_every",
    "save_every",
    "validate_every",
    "keep",
    "patience",
}
