"""The numbers by which merged pictures are judged, one metric a file."""
