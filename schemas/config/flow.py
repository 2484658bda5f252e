"""Which films, and how their clips go through a run: how, not what; no column depends on it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt

from scenelake.schemas.config.section import Section


class SourcesConfig(Section):
    """`trust_marks`: a file of the size and time of change it had is not read again."""

    trust_marks: bool = True


class ClipsConfig(Section):
    """Long films are worked on in clips: how, not what; no column depends on it.

    A clip of about `length_s`, or less, ends at the next cut within `search_s`, or else where
    it is. The voice detector begins `listen_back_s` before a clip, to hear the same utterances:
    45 s and `vad.max_s` twice are enough to divide speech as if it had heard all.
    """

    length_s: float = Field(default=300.0, ge=1)
    search_s: PositiveFloat = 30.0
    listen_back_s: PositiveFloat = 105.0


class LimitsConfig(Section):
    """What a decoder may take of a machine before it is stopped, and how often we try.

    Attributes:
        decode_timeout_s: for any clip, and `decode_timeout_factor` times its length on top.
        decode_memory_bytes: of one decoder process.
        attempts: at an item whose step meets a transient error or whose worker dies.
        bytes_on_the_way: of decoded clips between decoding and the lake, on the inline
            engine; one always finds room. None: 20 MiB for each core.
        bad_clips: what becomes of a long film with a clip that no decoder survives:
            "fail" keeps its good clips for another try, "leave_out" commits without it.
    """

    decode_timeout_s: PositiveFloat = 120.0
    decode_timeout_factor: PositiveFloat = 20.0
    decode_memory_bytes: PositiveInt = 4 << 30
    attempts: PositiveInt = 3
    bytes_on_the_way: PositiveInt | None = None
    bad_clips: Literal["fail", "leave_out"] = "fail"


class PoolConfig(Section):
    """The workers of one step: how many, and what each occupies (None: the step's own).

    Attributes:
        together: clips of any films that a worker takes side by side, where its step can
            (visual, speech): batches that short films alone would not fill. On Ray a worker
            waits for as many.
    """

    min: PositiveInt = 1
    max: PositiveInt | None = None
    together: PositiveInt = 1
    cpus: float | None = Field(default=None, ge=0)
    gpus: float | None = Field(default=None, ge=0)
    memory_bytes: int | None = Field(default=None, ge=0)
