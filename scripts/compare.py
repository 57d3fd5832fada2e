"""Print how far merged pictures are from the truth: PSNR in the mu-law domain.

Usage: compare.py PLAN.json TRUTH.exr MERGED.exr...; the plan tells how the pictures were cropped.
"""

import sys
from pathlib import Path

import torch

from deghost.io.radiance import read_radiance
from deghost.merge.plan_files import plan_from_json
from deghost.radiometry.tonemap import mu_law


def main() -> None:
    """Compare with the truth's crop; 1.0 = clipping of the darkest frame, which nothing exceeds."""
    plan_path, truth, *merged = map(Path, sys.argv[1:])
    plan = plan_from_json(plan_path.read_text("utf-8"), plan_path.name)
    y, x, height, width = plan.crop
    true = torch.from_numpy(read_radiance(truth).pixels)[y : y + height, x : x + width]
    expected = mu_law((true * plan.relative[0]).clamp(0, 1))
    for path in merged:
        pixels = torch.from_numpy(read_radiance(path).pixels)
        error = mu_law((pixels * plan.relative[0]).clamp(0, 1)) - expected
        print(f"{path}: PSNR-mu {-10 * float(error.square().mean().log10()):.1f} dB")


if __name__ == "__main__":
    main()
