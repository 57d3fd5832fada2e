"""Ghost-free HDR from exposure brackets, guided by segmentation.

In four lines:

    from pathlib import Path
    from deghost import Outputs, merge_files, write_outputs
    merged = merge_files(["dark.jpg", "middle.jpg", "bright.jpg"])
    write_outputs(merged, Outputs(Path("scene.exr")))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from deghost.errors import DeghostError
    from deghost.io.exposure_settings import ExposureSettings
    from deghost.io.radiance import read_radiance, write_radiance
    from deghost.merge.conversion import convert_picture
    from deghost.merge.merged import Merged, merge_files, open_bracket, render_plan
    from deghost.merge.outputs import Outputs, write_outputs
    from deghost.merge.plan import plan_merge
    from deghost.merge.plan_files import read_plan
    from deghost.merge.settings import MergeSettings

    __version__: str

__all__ = [
    "DeghostError",
    "ExposureSettings",
    "MergeSettings",
    "Merged",
    "Outputs",
    "__version__",
    "convert_picture",
    "merge_files",
    "open_bracket",
    "plan_merge",
    "read_plan",
    "read_radiance",
    "render_plan",
    "write_outputs",
    "write_radiance",
]

_HOMES = {
    "DeghostError": "errors",
    "ExposureSettings": "io.exposure_settings",
    "MergeSettings": "merge.settings",
    "Merged": "merge.merged",
    "Outputs": "merge.outputs",
    "convert_picture": "merge.conversion",
    "merge_files": "merge.merged",
    "open_bracket": "merge.merged",
    "plan_merge": "merge.plan",
    "read_plan": "merge.plan_files",
    "read_radiance": "io.radiance",
    "render_plan": "merge.merged",
    "write_outputs": "merge.outputs",
    "write_radiance": "io.radiance",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: `import deghost` alone is fast."""
    if name == "__version__":
        value = import_module("importlib.metadata").version("deghost")
    elif name in _HOMES:
        value = getattr(import_module(f"deghost.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module 'deghost' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
