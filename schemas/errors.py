"""Everything scenelake raises on purpose.

SceneLakeError                 one clear line for the user
├── UsageError                 wrong arguments or configuration: exit 2, nothing written
│   └── MissingWeightsError    a model's files are not on this machine
├── LakeError                  the lake cannot be read or written
├── InputError                 one input cannot be used: becomes a row of `failures`
└── TransientError             a network or a server stumbled: worth another attempt
"""

from __future__ import annotations

from typing import Literal

InputErrorType = Literal[
    "not_found",  # nothing at this address
    "permission",  # it is there, and may not be read
    "empty",  # zero bytes, zero duration, or nothing that moves or sounds
    "unsupported",  # no demuxer or decoder knows it
    "corrupt",  # it is media, and nothing of it decodes
    "timeout",  # a decoder did not end within its time
    "crashed",  # a decoder died of a signal
    "out_of_memory",  # a decoder wanted more memory than it may have
]


class SceneLakeError(Exception):
    """Base of all errors that are meant for the user: `str(error)` is one line."""


class UsageError(SceneLakeError):
    """The command, its arguments or the configuration are wrong."""


class MissingWeightsError(UsageError):
    """A model's files are not in the model folder; the message says what to type."""


class LakeError(SceneLakeError):
    """The lake cannot be read or written as asked."""


class InputError(SceneLakeError):
    """One input cannot be used. The others go on."""

    def __init__(self, message: str, *, error_type: InputErrorType) -> None:
        super().__init__(message)
        self.error_type: InputErrorType = error_type

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (str(self), self.error_type)


class TransientError(SceneLakeError):
    """Something outside of us failed that may well work in a moment: it is tried again."""


def _rebuild(message: str, error_type: InputErrorType) -> InputError:
    """Unpickle an :class:`InputError`: keyword-only arguments need a helper."""
    return InputError(message, error_type=error_type)
