"""Who can find moving and well-exposed regions on the proxy, by name."""

from typing import Literal


Segmenter = Literal["classical", "motion-unet", "learned"]
ExposureSegmenter = Literal["classical", "manual", "otsu", "exposure-unet", "learned"]
