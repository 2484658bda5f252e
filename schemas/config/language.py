"""What language models write: descriptions, summaries, answers; and how they are reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from scenelake.schemas.config.section import Dtype, EngineSection, Section


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
