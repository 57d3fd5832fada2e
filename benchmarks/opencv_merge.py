"""Merge a bracket as OpenCV's example does: median threshold alignment, then Debevec's merge."""

import argparse
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image


def exposure_time(path: Path) -> float:
    """Seconds, from EXIF."""
    Image.MAX_IMAGE_PIXELS = None  # 100 megapixels are no attack here
    with Image.open(path) as image:
        return float(image.getexif().get_ifd(0x8769)[0x829A])


def read(path: Path) -> UInt8[np.ndarray, "h w 3"]:
    """BGR codes of one frame."""
    pixels = cv2.imread(str(path))
    if pixels is None:
        raise SystemExit(f"opencv_merge.py: {path.name} cannot be read")
    return pixels.astype(np.uint8, copy=False)


def save(radiance: Float32[np.ndarray, "h w 3"], path: Path) -> None:
    """Write BGR radiance as half-float ZIP OpenEXR, or by OpenCV itself in any other format."""
    if path.suffix != ".exr":
        cv2.imwrite(str(path), radiance)
        return
    import OpenEXR

    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    half = cv2.cvtColor(radiance, cv2.COLOR_BGR2RGB).astype(np.float16)
    OpenEXR.File(header, {"RGB": half}).write(str(path))


def main() -> None:
    """Read the frames, align, merge and write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("frames", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    times = np.array([exposure_time(path) for path in arguments.frames], np.float32)
    frames = [read(path) for path in arguments.frames]
    cv2.createAlignMTB().process(frames, frames)
    save(cv2.createMergeDebevec().process(frames, times), arguments.out)


if __name__ == "__main__":
    main()
