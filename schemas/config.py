"""The configuration of a run. Its defaults are the `embedded` profile.

Every value that shapes a table is in here, so that the hash of a section, with the
revision of its model, says whether a stored column is still what the run would make.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, field_validator


class Section(BaseModel):
    """Frozen, and strict about names: a misspelt key is an error, not a default."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DecodeConfig(Section):
    """`backend` is tried first; where it cannot start, the other one is."""

    backend: Literal["pyav", "decord"] = "pyav"
    analysis_width_px: PositiveInt = 256


class SourcesConfig(Section):
    """`trust_marks`: a file of the size and time of change it had is not read again."""

    trust_marks: bool = True


class ClipsConfig(Section):
    """Long films are worked on in clips: how, not what; no column depends on it.

    A clip of `length_s` ends at the next cut within `search_s`, or else where it is. The
    voice detector begins `listen_back_s` before a clip, to hear the same utterances.
    """

    length_s: float = Field(default=300.0, ge=1)
    search_s: PositiveFloat = 30.0
    listen_back_s: PositiveFloat = 60.0


class LimitsConfig(Section):
    """What a decoder may take of a machine before it is stopped, and how often we try.

    Attributes:
        decode_timeout_s: for any clip, and `decode_timeout_factor` times its length on top.
        decode_memory_bytes: of one decoder process.
        attempts: at an item whose step meets a transient error or whose worker dies.
        queue_bytes: of items that wait before one step.
        bad_clips: what becomes of a long film with a clip that no decoder survives:
            "fail" keeps its good clips for another try, "leave_out" commits without it.
    """

    decode_timeout_s: PositiveFloat = 120.0
    decode_timeout_factor: PositiveFloat = 20.0
    decode_memory_bytes: PositiveInt = 4 << 30
    attempts: PositiveInt = 3
    queue_bytes: PositiveInt = 16 << 20
    bad_clips: Literal["fail", "leave_out"] = "fail"


class PoolConfig(Section):
    """The workers of one step: how many, and what each occupies (None: the step's own)."""

    min: PositiveInt = 1
    max: PositiveInt | None = None
    cpus: float | None = Field(default=None, ge=0)
    gpus: float | None = Field(default=None, ge=0)
    memory_bytes: int | None = Field(default=None, ge=0)


class CutConfig(Section):
    """PySceneDetect's AdaptiveDetector, with its own defaults."""

    engine: str = "adaptive"
    adaptive_threshold: PositiveFloat = 3.0
    min_content_val: PositiveFloat = 15.0
    window_frames: PositiveInt = 2
    min_shot_frames: PositiveInt = 15


class KeyframeConfig(Section):
    """One keyframe for every `every_s` of a shot, at least one a shot."""

    every_s: PositiveFloat = 10.0
    candidate_every_s: PositiveFloat = 0.5
    max_side_px: PositiveInt = 640
    jpeg_quality: int = Field(default=95, ge=1, le=100)


class SceneConfig(Section):
    """A scene is a run of whole shots of at least `min_s`; a shot past `max_s` is divided."""

    min_s: PositiveFloat = 2.0
    max_s: PositiveFloat = 30.0


class VisualConfig(Section):
    engine: str = "conse"
    batch_size: PositiveInt = 16
    max_labels: PositiveInt = 5
    min_label_score: float = Field(default=0.25, ge=0, le=1)


class OcrConfig(Section):
    """`engine` "none" leaves screen text out."""

    engine: str = "rapidocr"
    min_score: float = Field(default=0.6, ge=0, le=1)


class VadConfig(Section):
    """Where speech may be: stretches are joined into utterances of at most `max_s`."""

    engine: str = "silero"
    threshold: float = Field(default=0.5, gt=0, lt=1)
    min_speech_s: PositiveFloat = 0.25
    min_silence_s: PositiveFloat = 0.5
    pad_s: float = Field(default=0.3, ge=0)
    max_s: float = Field(default=28.0, gt=1, le=30)


class SpeechConfig(Section):
    """`language` None: detected. What is below the thresholds is not believed."""

    engine: str = "faster-whisper"
    model: str = "whisper-tiny"
    compute_type: str = "int8"
    beam_size: PositiveInt = 5
    language: str | None = None
    min_avg_logprob: float = -1.2
    max_no_speech: float = Field(default=0.6, ge=0, le=1)
    max_compression_ratio: PositiveFloat = 2.4

    @field_validator("language", mode="before")
    @classmethod
    def _norwegian(cls, value: object) -> object:
        """YAML reads the code of Norwegian, ``no``, as False."""
        return "no" if value is False else value


class TextConfig(Section):
    """The model of text vectors, shared by ConSE, scenes and queries."""

    engine: str = "minilm"


class DescribeConfig(Section):
    engine: str = "smollm2"
    max_tokens: PositiveInt = 60


class AnswerConfig(Section):
    engine: str = "smollm2"
    max_tokens: PositiveInt = 60
    n_scenes: PositiveInt = 5


class Config(Section):
    """One run's configuration: all sections, each with its defaults."""

    sources: SourcesConfig = SourcesConfig()
    clips: ClipsConfig = ClipsConfig()
    limits: LimitsConfig = LimitsConfig()
    pools: Mapping[str, PoolConfig] = {}
    decode: DecodeConfig = DecodeConfig()
    cut: CutConfig = CutConfig()
    keyframes: KeyframeConfig = KeyframeConfig()
    scene: SceneConfig = SceneConfig()
    visual: VisualConfig = VisualConfig()
    ocr: OcrConfig = OcrConfig()
    vad: VadConfig = VadConfig()
    speech: SpeechConfig = SpeechConfig()
    text: TextConfig = TextConfig()
    describe: DescribeConfig = DescribeConfig()
    answer: AnswerConfig = AnswerConfig()
    strict: bool = False


FAMILIES: Mapping[str, tuple[str, ...]] = {
    "cut": ("decode", "cut", "keyframes", "scene"),
    "visual": ("keyframes", "visual", "text"),
    "ocr": ("keyframes", "ocr"),
    "speech": ("vad", "speech"),
    "describe": ("describe", "text"),
}
"""Column family -> the sections of the configuration that shape it."""


def family_hashes(config: Config, revisions: Mapping[str, str]) -> dict[str, str]:
    """Hash of all that shapes each column family.

    Args:
        revisions: column family -> what else shapes it: model revisions, prompt hash.
    """
    sections = config.model_dump(mode="json")
    return {
        family: _hash({"sections": [sections[n] for n in names], "by": revisions.get(family, "")})
        for family, names in FAMILIES.items()
    }


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
