"""Ghost-free HDR from exposure brackets, guided by segmentation."""
