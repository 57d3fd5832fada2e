"""Every error this package raises on purpose.

DeghostError
├── ReadError       a file cannot be read or lacks what is needed
├── WriteError      a file cannot be written
├── BracketError    the frames do not form a bracket
├── SettingsError   a setting has a value that cannot be used
├── PlanError       a merge plan is not one, or does not fit its frames
├── WeightsError    a weights file does not fit the network
└── TrainError      training cannot go on, or cannot begin
"""


class DeghostError(Exception):
    """A mistake a user can mend; its message is one line that says how."""


class ReadError(DeghostError):
    """A file cannot be read or lacks what is needed."""


class WriteError(DeghostError):
    """A file cannot be written."""


class BracketError(DeghostError):
    """The frames do not form a bracket."""


class SettingsError(DeghostError):
    """A setting has a value that cannot be used."""


class PlanError(DeghostError):
    """A merge plan is not one, or does not fit its frames."""


class WeightsError(DeghostError):
    """A weights file does not fit the network."""


class TrainError(DeghostError):
    """Training cannot go on, or cannot begin."""
