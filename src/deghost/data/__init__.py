"""Scenes with truth: simulated, or read from public data sets."""
