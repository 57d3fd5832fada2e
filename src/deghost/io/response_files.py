"""Camera responses as small JSON files, to be recovered once and used for many brackets."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from deghost.errors import ReadError, SettingsError
from deghost.io.atomic import atomic_write
from deghost.radiometry.response import KNOWN_RESPONSES, named_response
from deghost.types import Response


FORMAT = "deghost camera response 1"
SAMPLES = 1021  # 4 x 255 + 1: all 8-bit codes are among the samples
CHANNELS = ("red", "green", "blue")


def write_response(path: Path, response: Response, *, force: bool = False) -> None:
    """Write a response as JSON: its name and 1021 samples a channel at most.

    An existing file is replaced only with `force`. Raises WriteError.
    """
    table = _resampled(response.table)
    content = {
        "format": FORMAT,
        "name": response.name,
        "meaning": "linear value of codes evenly spaced from black to white; 1 is clipping",
        **{
            channel: [float(f"{value:.7g}") for value in values]
            for channel, values in zip(CHANNELS, table, strict=True)
        },
    }
    atomic_write(path, json.dumps(content, indent=1).encode() + b"\n", force=force)


def read_response(path: Path) -> Response:
    """Read a response that `write_response` wrote.

    Raises ReadError where the file is no such response or its curves do not rise from 0 to 1.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReadError(f"{path.name} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ReadError(
            f"{path.name} is not a camera response: it is no JSON; write one with --save-response"
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ReadError(
            f"{path.name} is not a camera response: it lacks format {FORMAT!r};"
            " write one with --save-response"
        )
    return Response(str(content.get("name", path.stem)), _checked(path, content))


def find_response(name: str) -> Response:
    """Find a response by name, or in the file of that name.

    Raises SettingsError or ReadError.
    """
    path = Path(name)
    if path.is_file():
        return read_response(path)
    try:
        return named_response(name)
    except SettingsError as error:
        if path.suffix == ".json" or len(path.parts) > 1:
            raise ReadError(f"{path.name} does not exist; check the path {path}") from error
        raise SettingsError(
            f"there is no response {name!r}; give auto, {KNOWN_RESPONSES}, debevec, robertson, "
            "or a file written with --save-response"
        ) from error


def _resampled(table: Float[np.ndarray, "3 k"]) -> Float[np.ndarray, "3 m"]:
    """Reduce a fine table to the samples a file holds."""
    k = table.shape[1]
    if k <= SAMPLES:
        return table
    code, samples = np.linspace(0, 1, k), np.linspace(0, 1, SAMPLES)
    return np.stack([np.interp(samples, code, channel) for channel in table])


def _checked(path: Path, content: dict[str, Any]) -> Float[np.ndarray, "3 k"]:
    """Turn the three lists of a file into a table."""
    try:
        table = np.array([content[channel] for channel in CHANNELS], dtype=np.float64)
    except (KeyError, ValueError, TypeError) as error:
        raise ReadError(
            f"{path.name} needs three lists of numbers of one length: {', '.join(CHANNELS)}"
        ) from error
    if table.ndim != 2 or not 2 <= table.shape[1] <= 65536:
        raise ReadError(f"{path.name} needs 2 to 65536 numbers in each of {', '.join(CHANNELS)}")
    ends = np.allclose(table[:, 0], 0, atol=0.01) and np.allclose(table[:, -1], 1, atol=0.01)
    if not (np.isfinite(table).all() and (np.diff(table, axis=1) >= 0).all() and ends):
        raise ReadError(
            f"{path.name} holds a curve that does not rise from 0 to 1; recover it anew"
        )
    return table
