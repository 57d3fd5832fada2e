"""Building blocks shared by what lies above: pyramids, and later the parts of networks."""
