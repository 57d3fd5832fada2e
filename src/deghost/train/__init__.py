"""Losses, recipes and the one training loop."""
