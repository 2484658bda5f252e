"""What is taken of a film: cuts, keyframes, scenes, what is seen, read and heard."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from scenelake.schemas.config.section import Dtype, EngineSection, Section


class DecodeConfig(Section):
    """`backend` is tried first; where it cannot start, the other one is."""

    backend: Literal["pyav", "decord"] = "pyav"
    analysis_width_px: PositiveInt = 256


class CutConfig(EngineSection):
    """PySceneDetect's AdaptiveDetector, with its own defaults.

    `transition_threshold` is TransNetV2's, with the default of its authors.
    """

    engine: str = "adaptive"
    transition_threshold: float = Field(default=0.5, gt=0, lt=1)
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


class VisualConfig(EngineSection):
    """How pictures become vectors.

    Attributes:
        model: a name of the catalogue, a folder, or a hub's ``owner/name@revision``;
            "" for engines that come with one model.
        batch_size: pictures at once. On a processor one at a time is fastest and smallest
            (EfficientNet-Lite0, 48 pictures: 3.3 s and 50 MiB, in batches of 16 4.5 s and
            490 MiB); a GPU wants dozens.
        dtype: "auto" is bfloat16 on a GPU and float32 elsewhere.
        device: "auto" is a GPU where there is one.
        compile: by torch.compile; the first batches then take longer.
        vocabulary: words to label pictures with, for models that also take texts.
    """

    engine: str = "conse"
    model: str = ""
    batch_size: PositiveInt = 1
    max_labels: PositiveInt = 5
    min_label_score: float = Field(default=0.25, ge=0, le=1)
    dtype: Dtype = "auto"
    device: str = "auto"
    compile: bool = False
    vocabulary: tuple[str, ...] = ()


class OcrConfig(EngineSection):
    """`engine` "none" leaves screen text out."""

    engine: str = "rapidocr"
    min_score: float = Field(default=0.6, ge=0, le=1)


class VadConfig(EngineSection):
    """Where speech may be: stretches are joined into utterances of at most `max_s`."""

    engine: str = "silero"
    threshold: float = Field(default=0.5, gt=0, lt=1)
    min_speech_s: PositiveFloat = 0.25
    min_silence_s: PositiveFloat = 0.5
    pad_s: float = Field(default=0.3, ge=0)
    max_s: float = Field(default=28.0, gt=1, le=30)


class SpeechConfig(EngineSection):
    """How speech becomes words. What is below the thresholds is not believed.

    Attributes:
        model: a name of the catalogue, a folder, or a hub's ``owner/name@revision``.
        compute_type: CTranslate2's ("int8", "float16", ...), for faster-whisper.
        dtype: of the other engines; "auto" is float16 on a GPU and float32 elsewhere.
        device: "auto" is a GPU where there is one.
        batch_size: utterances that are written down at once.
        language: ISO 639-1; None: detected.
        translate: into English too, beside the words as they were said.
        initial_prompt: text that the speech is taken to follow: names, spelling.
        hotwords: words to expect.
        align_model: CTC model by which times of words are taken, "" for Whisper's own.
    """

    engine: str = "faster-whisper"
    model: str = "whisper-tiny"
    compute_type: str = "int8"
    dtype: Dtype = "auto"
    device: str = "auto"
    batch_size: PositiveInt = 1
    beam_size: PositiveInt = 5
    language: str | None = None
    translate: bool = False
    initial_prompt: str | None = None
    hotwords: str | None = None
    align_model: str = ""
    min_avg_logprob: float = -1.2
    max_no_speech: float = Field(default=0.6, ge=0, le=1)
    max_compression_ratio: PositiveFloat = 2.4

    @field_validator("language", mode="before")
    @classmethod
    def _norwegian(cls, value: object) -> object:
        """YAML reads the code of Norwegian, ``no``, as False."""
        return "no" if value is False else value


class TextConfig(EngineSection):
    """The model of text vectors, shared by ConSE, scenes and queries."""

    engine: str = "minilm"
