"""Dense flow between frames of different exposure, and how far to trust it."""

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from deghost.align.signal import common_range, log_light, measure_light
from deghost.align.warp import Window, scaling
from deghost.layers.pyramid import continue_smoothly
from deghost.types import Image, Mask


Flow = Float[Tensor, "2 h w"]  # pixels right, pixels down: from the reference to the frame
Field = Float32[np.ndarray, "h w 2"]
Codes = UInt8[np.ndarray, "h w"]

SLACK = 0.5  # pixels by which forward and backward flow may disagree, and
SLACK_SHARE = 0.05  # more for each pixel of movement


def dense_flow(reference: Image, moving: Image, exposures: tuple[float, float]) -> Flow:
    """Find where each pixel of a reference lies in another frame, both linear.

    Dense inverse search (Kroeger et al. 2016) on log luminance within the range of light that
    both exposures show; `reference(x)` shows what `moving(x + flow)` shows.
    """
    first, second = _common_codes(reference, moving, exposures)[:2]
    return torch.from_numpy(_search(first, second)).permute(2, 0, 1)


def flow_agreement(forward: Flow, backward: Flow) -> Mask:
    """Find where going there and back ends at the start: 1 where visible in both frames.

    Sundaram, Brox and Keutzer (2010), with a slack that grows with the movement.
    """
    there, back = _as_field(forward), _as_field(backward)
    returned = cv2.remap(back, *_places(there), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    miss = np.linalg.norm(there + returned, axis=2)
    length = np.linalg.norm(there, axis=2) + np.linalg.norm(returned, axis=2)
    agrees = miss < SLACK + SLACK_SHARE * length
    return torch.from_numpy((agrees & _lands_inside(there)).astype(np.float32))


def reliable_flow(
    reference: Image, moving: Image, exposures: tuple[float, float]
) -> tuple[Flow, Mask]:
    """Find the flow and where it is to be trusted; where there and back disagree, extend it.

    The mask is 1 where both frames are well exposed and forward and backward flow agree. In
    clipped places the search's own smoothness served as well as an extension, or better.
    """
    first, second, seen_first, seen_second = _common_codes(reference, moving, exposures)
    forward, backward = _search(first, second), _search(second, first)
    flow, returning = (torch.from_numpy(f).permute(2, 0, 1) for f in (forward, backward))
    agrees = flow_agreement(flow, returning)
    seen = seen_first * cv2.remap(seen_second, *_places(forward), cv2.INTER_LINEAR)
    return extend_flow(flow, agrees), agrees * torch.from_numpy(seen)


def extend_flow(flow: Flow, trusted: Mask) -> Flow:
    """Replace distrusted flow by a smooth extension of the trusted around it.

    What is trusted stays as it is.
    """
    weight = trusted.numpy()
    if not weight.any():
        return flow
    extended = torch.from_numpy(continue_smoothly(_as_field(flow), weight)).permute(2, 0, 1)
    return torch.where(trusted > 0, flow, extended)


def upsample_flow(flow: Flow, size: tuple[int, int], window: Window) -> Float[Tensor, "2 y x"]:
    """Return the flow of a reduced frame on a window of the frame of full `size`."""
    y, x, height, width = window
    reduced = (flow.shape[1], flow.shape[2])
    down = scaling(size, reduced)
    columns = down[0, 0] * np.arange(x, x + width) + down[0, 2]
    rows = down[1, 1] * np.arange(y, y + height) + down[1, 2]
    across, down_rows = np.meshgrid(columns.astype(np.float32), rows.astype(np.float32))
    field = cv2.remap(
        _as_field(flow), across, down_rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    full = field * np.array([1 / down[0, 0], 1 / down[1, 1]], np.float32)
    return torch.from_numpy(full).permute(2, 0, 1)


def warp_by_flow(image: Float[Tensor, "c h w"], flow: Flow) -> tuple[Float[Tensor, "c h w"], Mask]:
    """Bring a frame of one to four channels to the reference; the mask is 1 inside the frame."""
    field = _as_field(flow)
    pixels = np.ascontiguousarray(image.permute(1, 2, 0).numpy())
    warped = cv2.remap(pixels, *_places(field), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    warped = np.maximum(warped, 0, out=warped).reshape(*field.shape[:2], -1)
    inside = torch.from_numpy(_lands_inside(field).astype(np.float32))
    return torch.from_numpy(warped).permute(2, 0, 1), inside


def _common_codes(
    reference: Image, moving: Image, exposures: tuple[float, float]
) -> tuple[Codes, Codes, Float32[np.ndarray, "h w"], Float32[np.ndarray, "h w"]]:
    """Encode both frames' common range in 8 bits; also tell where each is within it."""
    ratio = exposures[1] / exposures[0]
    low, high = common_range(float(np.log2(ratio)))
    codes, seen = [], []
    for image, scale in ((reference, 1.0), (moving, 1 / ratio)):
        light = measure_light(image, image.shape[1] * image.shape[2])
        stops, trust = log_light(light, scale, low, high)
        share = (stops - np.log2(low)) / np.log2((high + low) / low)
        codes.append(np.clip(255 * share + 0.5, 0, 255).astype(np.uint8))
        seen.append(trust)
    return codes[0], codes[1], seen[0], seen[1]


def _search(first: Codes, second: Codes) -> Field:
    """Search at the preset that is 40 % slower and 10 to 30 % more accurate than the fast one."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return search.calc(first, second, np.zeros((*first.shape, 2), np.float32))


def _as_field(flow: Flow) -> Field:
    return np.ascontiguousarray(flow.permute(1, 2, 0).numpy())


def _places(field: Field) -> tuple[np.ndarray, np.ndarray]:
    height, width = field.shape[:2]
    columns = field[..., 0] + np.arange(width, dtype=np.float32)
    rows = field[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    return columns, rows


def _lands_inside(field: Field) -> np.ndarray:
    columns, rows = _places(field)
    height, width = field.shape[:2]
    return (columns >= 0) & (columns <= width - 1) & (rows >= 0) & (rows <= height - 1)
