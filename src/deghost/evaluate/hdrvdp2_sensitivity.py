"""What the eye of HDR-VDP-2 resolves: its measured parameters and the curves made of them.

Mantiuk, Kim, Rempel and Heidrich, "HDR-VDP-2: a calibrated metric for visibility and quality
predictions in all luminance conditions" (SIGGRAPH 2011), with the parameters of version 2.2:
Narwaria, Mantiuk, Perreira Da Silva and Le Callet, "HDR-VDP-2.2: a calibrated method for objective
quality prediction of high-dynamic range and standard images" (J. Electronic Imaging 2015).
The parameters are data of that program; see NOTICE.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Float64


Values = Float64[np.ndarray, "..."]

# Intra-ocular scatter: a sum of exponentials of the frequency in cycles per degree.
SCATTER = 1 - 0.99727370023777070
HALO = 0.061466549455263
SCATTER_AMPLITUDES = (
    (1 - SCATTER) * 0.426,
    (1 - SCATTER) * 0.574,
    SCATTER * HALO,
    SCATTER * (1 - HALO),
)
SCATTER_DECAYS = (0.028, 0.37, 37.0, 360.0)  # degrees

# Photoreceptors: cd/m², exponents and sensitivities.
JOINT_PEAK, JOINT_KNEE, JOINT_SLOPE, JOINT_LOW = 30.162, 4.0627, 1.6596, 0.2712
ROD_PEAK, ROD_HEIGHT = 1.1732, 1.1414
ROD_DARK = (1.2167, 1.1478)  # exponent, width
ROD_BRIGHT = (2.9899, 0.5547)
CALIBRATION = 0.006894596 / 10**-2.4  # Daly's peak contrast at 30 cd/m² over the fitted one
LOG_LUMINANCES = (-5.0, 5.0)  # of every table below
RECEPTOR_SAMPLES = 2048
CSF_SAMPLES = 256

# Neural contrast sensitivity: the four parameters measured at six luminances in cd/m².
CSF_LUMINANCES = (0.002, 0.02, 0.2, 2.0, 20.0, 150.0)
CSF_PARAMETERS = (
    (0.991265, 0.800889, 0.476505, 0.405782, 0.334278, 0.394533),
    (3.74038, 3.54104, 4.37453, 4.40602, 3.79542, 2.7755),
    (0.50722, 0.682505, 0.750315, 0.935314, 1.07327, 1.16577),
    (4.46044, 4.94958, 5.28678, 5.61425, 6.4635, 7.45665),
)

# Quality: the weight of a band by its frequency in cycles per degree.
QUALITY_FREQUENCIES = (0.1172, 0.2344, 0.4688, 0.9375, 1.875, 3.75, 7.5, 15.0, 30.0, 60.0)
QUALITY_WEIGHTS = (0.0, 0.0, 0.0003, 0.0003, 0.0398, 0.2690, 0.2142, 0.2832, 0.2832, 0.0)


def joint_sensitivity(luminance: Values) -> Values:
    """Give the sensitivity of cones and rods together to changes of a luminance in cd/m²."""
    return JOINT_PEAK * ((JOINT_KNEE / luminance) ** JOINT_SLOPE + 1) ** -JOINT_LOW


def rod_sensitivity(luminance: Values) -> Values:
    """Give the sensitivity of the rods alone to changes of a luminance in cd/m²."""
    distance = np.log10(luminance / ROD_PEAK)
    (low, wide), (high, narrow) = ROD_DARK, ROD_BRIGHT
    dark = np.exp(-(np.abs(distance) ** low) / wide)
    bright = np.exp(-(np.abs(distance) ** high) / narrow)
    return 10**ROD_HEIGHT * np.where(distance > 0, bright, dark)


@lru_cache(maxsize=1)
def receptor_tables() -> Float64[np.ndarray, "2 samples"]:
    """Tabulate the response of a cone and of a rod, in just noticeable differences.

    The samples are even in the logarithm of the light received, over LOG_LUMINANCES.

    Example:
        >>> receptor_tables()[:, -1].round(2).tolist()
        [284.9, 98.39]
    """
    logarithm = np.linspace(*LOG_LUMINANCES, RECEPTOR_SAMPLES)
    luminance = 10**logarithm
    rod = rod_sensitivity(luminance)
    both_cones = np.maximum(joint_sensitivity(luminance) - rod, 1e-3)
    cone = 0.5 * np.interp(np.minimum(2 * luminance, luminance[-1]), luminance, both_cones)
    slope = CALIBRATION * np.log(10) * np.stack([cone, rod])  # a threshold is L / S
    steps = 0.5 * (slope[:, 1:] + slope[:, :-1]) * np.diff(logarithm)
    return np.concatenate([np.zeros((2, 1)), np.cumsum(steps, 1)], 1)


def neural_sensitivity(frequency: Values, luminance: Values) -> Values:
    """Give the contrast sensitivity behind optics and receptors.

    Takes cycles per degree and cd/m², shapes that broadcast.

    Example:
        >>> neural_sensitivity(np.array([0.0, 1.0, 4.0, 16.0]), np.array(20.0)).round(3).tolist()
        [0.0, 0.79, 1.625, 0.267]
    """
    known = np.log10(CSF_LUMINANCES)
    parameters = (np.interp(np.log10(luminance), known, values) for values in CSF_PARAMETERS)
    fall_at, fall, rise, gain = parameters
    low_cut = (1 - np.exp(-((frequency / 7) ** 2))) ** (rise / 2)
    return gain * low_cut / np.sqrt(1 + (fall_at * frequency) ** fall)


def sensitivity_table(frequency: float) -> Float64[np.ndarray, " samples"]:
    """Tabulate the neural sensitivity at a frequency over the logarithm of luminance."""
    luminance = np.logspace(*LOG_LUMINANCES, CSF_SAMPLES)
    return neural_sensitivity(np.array(frequency), luminance)


def quality_weight(frequency: float) -> float:
    """Give the share of a band in the quality, by its frequency in cycles per degree.

    Example:
        >>> round(quality_weight(5.0), 4), quality_weight(100.0)
        (0.2507, 0.0)
    """
    return float(np.interp(frequency, QUALITY_FREQUENCIES, QUALITY_WEIGHTS))
