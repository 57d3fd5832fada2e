"""Who can find moving regions on the proxy, by name."""

from typing import Literal


Segmenter = Literal["classical", "learned"]
