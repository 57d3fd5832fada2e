"""Ghost-free HDR from exposure brackets, guided by segmentation."""

from importlib.metadata import version


__version__ = version("deghost")
