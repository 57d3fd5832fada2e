"""Where printed numbers cannot all be right, by formulas that hold for them whatever was measured.

Means over images are allowed for: the bounds below hold for means as they do for one image.
"""

from collections.abc import Mapping
from statistics import fmean


Values = Mapping[str, float | str | None]

ROUNDING = 0.002  # what three printed digits may hide in the formulas of masks
HIDDEN_DIGITS = 1.01  # steps of the last digit that rounding may hide in a difference
STEPS = {"ssim": 0.01, "lpips": 0.001}  # the last digit of a printed gain, by metric; else 0.01
GAIN_SCALES = {"ssim": 100.0}  # what gains are multiplied by in print


def mask_contradictions(values: Values) -> tuple[str, ...]:
    """Check Dice, Jaccard, sensitivity, specificity, AUC and AVG against one another.

    Example:
        >>> row = {"dice": 0.8, "jaccard": 0.9, "sensitivity": 0.8, "specificity": 0.9}
        >>> mask_contradictions(row | {"auc": 0.85, "avg": 0.85})
        ('Jaccard 0.900 is above Dice 0.800, which it never exceeds',)
    """
    numbers = {name: value for name, value in values.items() if isinstance(value, float)}
    dice, jaccard = numbers["dice"], numbers["jaccard"]
    found, kept = numbers["sensitivity"], numbers["specificity"]
    area, average = numbers["auc"], numbers["avg"]
    lowest, highest = dice / (2 - dice), 2 * found / (1 + found)
    both = (found + kept) / 2
    mean = fmean((dice, jaccard, found, kept, area))
    claims = (
        (
            jaccard > dice + ROUNDING,
            f"Jaccard {jaccard:.3f} is above Dice {dice:.3f}, which it never exceeds",
        ),
        (
            jaccard < lowest - ROUNDING,
            f"Jaccard {jaccard:.3f} is below Dice / (2 - Dice) = {lowest:.3f}",
        ),
        (
            dice > highest + ROUNDING,
            f"Dice {dice:.3f} is above {highest:.3f}, the most that sensitivity {found:.3f} allows",
        ),
        (abs(area - both) > ROUNDING, f"AUC {area:.3f} is not 1 - (FPR + FNR) / 2 = {both:.3f}"),
        (abs(average - mean) > ROUNDING, f"AVG {average:.3f} is not the mean {mean:.3f}"),
    )
    return tuple(text for wrong, text in claims if wrong)


def gain_contradictions(gains: Values, better: Values, worse: Values) -> tuple[str, ...]:
    """Check printed gains against the printed numbers they are differences of.

    Example:
        >>> gain_contradictions({"psnr": 1.42}, {"psnr": 39.71}, {"psnr": 38.19})
        ('the gain of psnr is printed as 1.42; the printed numbers give 1.52',)
    """
    wrong = []
    for name, gain in gains.items():
        metric = name.split("-")[0]
        high, low = better[name], worse[name]
        if not (isinstance(gain, float) and isinstance(high, float) and isinstance(low, float)):
            continue
        real = (high - low) * GAIN_SCALES.get(metric, 1.0)
        if abs(gain - real) > HIDDEN_DIGITS * STEPS.get(metric, 0.01):
            wrong.append(
                f"the gain of {name} is printed as {gain:g}; the printed numbers give {real:.4g}"
            )
    return tuple(wrong)
