"""From codes to light and back: exposure, response, noise, colour, tone."""
