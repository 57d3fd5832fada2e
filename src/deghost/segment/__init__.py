"""Which pixels can be trusted: well exposed, and not moved."""
