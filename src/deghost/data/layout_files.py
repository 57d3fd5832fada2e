"""What the readers of all layouts share: codes, exposures, truths and arrays from files."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from deghost.errors import ReadError
from deghost.io.image import read_frame
from deghost.io.radiance import read_radiance


Codes = Float[Tensor, "n 3 h w"]
Exposures = Float[Tensor, " n"]

POWER_OF_TWO = 65536  # what most published code divides 16-bit codes by, though white is 65535
WHITE = 65535


def read_codes(paths: Sequence[Path], divisor: int) -> Codes:
    """Read RGB frames of one size; 16-bit codes are divided by `divisor`, 8-bit ones by 255.

    Raises ReadError.
    """
    frames: list[Float[Tensor, "3 h w"]] = []
    for path in paths:
        frame = read_frame(path)
        scale = divisor if frame.pixels.dtype == np.uint16 else frame.white
        codes = np.divide(frame.pixels, scale, dtype=np.float32)
        frames.append(torch.from_numpy(codes).permute(2, 0, 1))
        if frames[0].shape != frames[-1].shape:
            raise ReadError(
                f"{path.name} is {size_of(frames[-1])}, but {paths[0].name} is "
                f"{size_of(frames[0])}; the frames of a scene are of one size"
            )
    return torch.stack(frames)


def read_truth(path: Path | None, size: tuple[int, ...]) -> Float[Tensor, "3 h w"] | None:
    """Read the true radiance, which must be of the frames' size, if there is a file of it.

    The numbers are taken as stored, whatever primaries the file names. Raises ReadError.
    """
    if path is None:
        return None
    truth = torch.from_numpy(read_radiance(path).pixels).permute(2, 0, 1)
    check_size(path, truth, size)
    return truth


def check_size(path: Path, image: Shaped[Tensor, "... h w"], size: tuple[int, ...]) -> None:
    """Raise ReadError where an image that goes with the frames is of another size."""
    if tuple(image.shape[-2:]) != tuple(size):
        raise ReadError(
            f"{path.name} is {size_of(image)}, but {size[1]}x{size[0]} goes with the frames"
        )


def size_of(image: Shaped[Tensor, "... h w"]) -> str:
    """Write an image's width and height."""
    return f"{image.shape[-1]}x{image.shape[-2]}"


def read_numbers(path: Path, count: int) -> list[float]:
    """Read a text file of `count` finite numbers, one a line, whatever ends its lines.

    Raises ReadError.
    """
    with reading(path):
        words = path.read_text("utf-8-sig").replace(",", " ").split()
        numbers = [float(word) for word in words]
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise ReadError(f"{path.name} has {len(numbers)} numbers; give one for each of {count}")
    return numbers


def exposures_from_stops(stops: Sequence[float]) -> Exposures:
    """Turn stops into exposures relative to the darkest frame.

    Example:
        >>> exposures_from_stops([0.0, 2.0, 4.0])
        tensor([ 1.,  4., 16.])
    """
    values = torch.tensor(stops, dtype=torch.float64)
    return (values - values.min()).exp2().float()


def exposures_from_times(path: Path, times: Sequence[float], one: int = 0) -> Exposures:
    """Turn times into exposures relative to frame `one`, the darkest unless said.

    Raises ReadError, naming the file they were read from.

    Example:
        >>> exposures_from_times(Path("exposure.txt"), [0.01, 0.02, 0.08])
        tensor([1., 2., 8.])
    """
    if min(times) <= 0:
        raise ReadError(f"{path.name} has the time {min(times):g}; times are positive seconds")
    values = torch.tensor(times, dtype=torch.float64)
    return (values / values[one]).float()


def darkest_first(
    paths: Sequence[Path], exposures: Sequence[float]
) -> tuple[list[Path], list[float], tuple[str, ...]]:
    """Sort frames by their exposures, and say so if their names had them in another order.

    Example:
        >>> darkest_first([Path("a"), Path("b")], [2.0, 0.0])[1:]
        ([0.0, 2.0], ('the frames were sorted by exposure, which their names were not',))
    """
    order = sorted(range(len(paths)), key=lambda k: exposures[k])
    note = "the frames were sorted by exposure, which their names were not"
    notes = () if order == list(range(len(paths))) else (note,)
    return [paths[k] for k in order], [exposures[k] for k in order], notes


def read_array(path: Path) -> Shaped[np.ndarray, "..."]:
    """Read a .npy file of numbers; pickled objects are refused. Raises ReadError."""
    with reading(path):
        array = np.load(path, allow_pickle=False)
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
        raise ReadError(f"{path.name} is no array of numbers; copy it again from its source")
    return array


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what goes wrong in reading a small file into one ReadError that names it."""
    try:
        yield
    except FileNotFoundError as error:
        raise ReadError(f"{path.name} is missing; copy it from its source") from error
    except OSError as error:
        raise ReadError(f"{path.name} cannot be read; check its permissions") from error
    except (ValueError, EOFError, KeyError, SyntaxError) as error:
        reason = " ".join(str(error).split())[:80] or type(error).__name__
        message = f"{path.name} is damaged ({reason}); copy it again from its source"
        raise ReadError(message) from error
