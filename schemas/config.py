"""The configuration of a run. Its defaults are the `embedded` profile.

Every value that shapes a table is in here, so that the hash of a section, with the
revision of its model, says whether a stored column is still what the run would make.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

Dtype = Literal["auto", "float32", "float16", "bfloat16"]


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


class EngineSection(Section):
    """A section that names its step's engine.

    `options` are for engines of other packages; the built-in ones take none.
    """

    engine: str
    options: Mapping[str, Any] = {}


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


class ChatConfig(EngineSection):
    """A language model that writes, and how it is reached.

    Attributes:
        model: a name of the catalogue, a folder or GGUF file, a hub's
            ``owner/name@revision``, or the name by which a server knows it; "" for engines
            that come with one model.
        max_tokens: of one reply.
        context_tokens: of a prompt and its reply; what does not fit is left out.
        mmproj: the file that gives a GGUF model its eyes (llama.cpp).
        base_url: of an OpenAI-compatible server, ``http://127.0.0.1:8000/v1``.
        sees: False for a server's model that takes no pictures, which it cannot tell.
        api_key_env: the environment variable that holds the server's key.
        concurrency: requests in flight to a server, or prompts in a batch.
        timeout_s: of one request.
        attempts: at a request that a server turns away or breaks off.
        structured: whether the server is asked to keep to a JSON schema.
        dtype, device: for models in this process.
        quantization: of a model in this process, by torchao.
    """

    model: str = ""
    max_tokens: PositiveInt = 60
    context_tokens: PositiveInt = 4096
    mmproj: str = ""
    base_url: str = ""
    sees: bool = True
    api_key_env: str = "OPENAI_API_KEY"
    concurrency: PositiveInt = 8
    timeout_s: PositiveFloat = 120.0
    attempts: PositiveInt = 5
    structured: Literal["schema", "json", "none"] = "schema"
    dtype: Dtype = "auto"
    device: str = "auto"
    quantization: Literal["none", "int8", "int4"] = "none"


class FramesConfig(ChatConfig):
    """What of a scene's pictures a language model is shown.

    Attributes:
        max_frames: of a scene that the model is shown.
        frame_side_px: of a picture, at most.
        same_frame: frames more alike than this (cosine of their vectors) to the last one
            shown are left out; 1 leaves none out.
        dull_side_px: of pictures of a scene in which little changes, at most.
    """

    max_frames: PositiveInt = 8
    frame_side_px: PositiveInt = 448
    same_frame: float = Field(default=1.0, gt=0, le=1)
    dull_side_px: PositiveInt | None = None


class RayLlmConfig(Section):
    """How Ray Data's own processor (`ray.data.llm`) runs the model of engine "ray-llm".

    All of it is about how and where: other values make no description anew.

    Attributes:
        processor: "vllm": engines that Ray places on the cluster's GPUs; "http": a server at
            `base_url`.
        batch_size: scenes that are given to a worker at once.
        min_workers, max_workers: engines, or processes that talk to the server.
        batches_in_flight: of one engine.
        accelerator: GPUs of this kind only, as Ray names it ("H100").
        engine_kwargs: vLLM's own (``tensor_parallel_size``, ``gpu_memory_utilization``); what
            of them changes words (a quantisation) wants a model folder of its own.
        runtime_env: Ray's, for the workers that run vLLM.
    """

    processor: Literal["vllm", "http"] = "vllm"
    batch_size: PositiveInt = 16
    min_workers: PositiveInt = 1
    max_workers: PositiveInt = 1
    batches_in_flight: PositiveInt = 8
    accelerator: str = ""
    engine_kwargs: Mapping[str, Any] = {}
    runtime_env: Mapping[str, Any] = {}

    @model_validator(mode="after")
    def _ordered(self) -> RayLlmConfig:
        if self.max_workers < self.min_workers:
            raise ValueError(
                f"max_workers is {self.max_workers}, expected at least min_workers, "
                f"{self.min_workers}"
            )
        return self


class DescribeConfig(FramesConfig):
    """How a scene's title and description are written.

    Attributes:
        policy: "early": frames and words in time order in one prompt; "late": each frame
            told by itself, then all put together; "hybrid": what goes on around the scene
            summed up, then as early.
        n_neighbours: scenes before and after that the model is told about.
        ray: for engine "ray-llm".
    """

    engine: str = "smollm2"
    policy: str = "early"
    n_neighbours: int = Field(default=1, ge=0)
    ray: RayLlmConfig = RayLlmConfig()


class SummariseConfig(ChatConfig):
    """How a film's summary and its chapters' titles are written.

    Attributes:
        max_tokens: of one reply, of which a film has several.
        max_sentences: of a summary, however long the film is.
        max_chapters: of a film, however long it is.
    """

    engine: str = "extractive"
    max_tokens: PositiveInt = 400
    max_sentences: PositiveInt = 12
    max_chapters: PositiveInt = 60


class AnswerConfig(FramesConfig):
    """How questions are answered.

    Attributes:
        n_scenes: that are found for a question and may answer it.
        max_frames: of each of them that a model with eyes is shown.
    """

    engine: str = "extractive"
    n_scenes: PositiveInt = 8
    max_frames: PositiveInt = 2
    max_tokens: PositiveInt = 400


class RankingWeights(Section):
    """How much each ranking of a search counts; 0 leaves it out, and its model unloaded.

    What tells rankings apart is first how far each is trusted with a query. These weights are
    of films with 40 photographs and 18 stories, searched 300 times: with `seen` at 1, as often
    as not a scene that tells something vaguely like it stood before the one that shows it.

    Attributes:
        words: words that are there; what they leave open, the likenesses tell.
        told: likeness of text vectors to what is said, shown and described.
        seen: likeness of visual vectors to what is seen.
    """

    words: float = Field(default=2.5, ge=0)
    told: float = Field(default=1.0, ge=0)
    seen: float = Field(default=2.0, ge=0)


class FieldWeights(Section):
    """How much a word counts where it is said, shown on screen, told of a scene, or seen.

    What is told repeats much of what is said and seen, and counts half for that.
    """

    said: float = Field(default=1.0, ge=0)
    shown: float = Field(default=1.0, ge=0)
    told: float = Field(default=0.5, ge=0)
    seen: float = Field(default=1.0, ge=0)


class SearchConfig(Section):
    """How scenes are found. No column depends on it.

    Attributes:
        rank_offset: by how much less the tenth place counts than the first (Cormack's 60).
        depth: places of each ranking that count.
        fold_within_s: scenes of one film so near to each other that say and show the same
            are one hit; negative: never.
        fold_alike: cosine from which on they do.
    """

    weights: RankingWeights = RankingWeights()
    word_weights: FieldWeights = FieldWeights()
    rank_offset: PositiveFloat = 60.0
    depth: PositiveInt = 100
    fold_within_s: float = 5.0
    fold_alike: float = Field(default=0.95, gt=0, le=1)


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
    summarise: SummariseConfig = SummariseConfig()
    answer: AnswerConfig = AnswerConfig()
    search: SearchConfig = SearchConfig()
    strict: bool = False


FAMILIES: Mapping[str, tuple[str, ...]] = {
    "cut": ("decode", "cut", "keyframes", "scene"),
    "visual": ("keyframes", "visual", "text"),
    "ocr": ("keyframes", "ocr"),
    "speech": ("vad", "speech"),
    "describe": ("describe", "text"),
    "summary": ("summarise", "text"),
}
"""Column family -> the sections of the configuration that shape it."""

OF_FILMS = frozenset({"summary"})
"""The families whose columns are in a film's row alone: its scenes know nothing of them."""


_HOW = frozenset(
    "model mmproj align_model device compile batch_size".split()
    + "base_url api_key_env concurrency timeout_s attempts ray".split()
)
"""Keys of an engine's section that say how or where, not what: a lake made on a GPU is not
made again on a laptop. The models themselves count by their revision, not by their place."""


def family_hashes(config: Config, revisions: Mapping[str, str]) -> dict[str, str]:
    """Hash of all that shapes each column family.

    Args:
        revisions: column family -> what else shapes it: model revisions, prompt hash.
    """
    sections = {name: _shaping(section) for name, section in config}
    return {
        family: digest({"sections": [sections[n] for n in names], "by": revisions.get(family, "")})
        for family, names in FAMILIES.items()
    }


def _shaping(section: Any) -> Any:
    """What of a section shapes columns."""
    if not isinstance(section, Section):
        return section
    hidden = _HOW if isinstance(section, EngineSection) else frozenset[str]()
    return section.model_dump(mode="json", exclude=set(hidden))


def section_hash(section: EngineSection, *, by: str) -> str:
    """Hash of what of a section shapes what its engine makes, and of what else does."""
    return digest({"section": _shaping(section), "by": by})


def digest(value: Any) -> str:
    """Hash of a JSON value: 16 hex digits."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
