"""Where each frame's pixels lie in the reference."""
