"""The plan, the weighted merge, and rendering by tiles."""
