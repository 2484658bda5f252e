"""Ray Data's own language model processor (`ray.data.llm`), between two steps of ours.

A dataset of parcels goes in and comes out. Of each row that asks something the processor
makes a reply; all others pass by, marked as what the processor leaves alone: rows whose error
column is filled. Rows hold a Python object among their values, so that Arrow takes each as
a whole and does not try to make columns of messages that differ.

Replies become `Told` here, rows that failed too, so that one bad prompt costs one scene.
"""

from __future__ import annotations

import json
import logging
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import ray
from ray.data.llm import (
    HttpRequestProcessorConfig,
    ProcessorConfig,
    build_processor,
    vLLMEngineProcessorConfig,
)
from ray.exceptions import RayError

from scenelake.pipeline.parcels import Parcel
from scenelake.schemas.config import DescribeConfig
from scenelake.schemas.errors import SceneLakeError, UsageError
from scenelake.workers import weights
from scenelake.workers.chat import ChatError, Prompt, Usage
from scenelake.workers.chat_json import Raw, with_schema
from scenelake.workers.chat_messages import messages
from scenelake.workers.chat_server import SEED, ServerChat
from scenelake.workers.chat_session import REPLY, Reply, Sessions
from scenelake.workers.describe_rows import Asked, Told

logger = logging.getLogger(__name__)

_STAGE = "MapBatches("
"""In Ray's names of the processor's own stages; ours are called FlatMap."""

_ERROR = "__inference_error__"
_PASSES = "asks nothing"

Row = dict[str, Any]


def through_model(dataset: Any, config: DescribeConfig, *, cpus: float, next_cpus: float) -> Any:
    """The dataset with a reply to each `Asked`, as rows for `parcel_of`.

    Args:
        cpus: for a worker of each of the processor's own small stages.
        next_cpus: what the step that comes next asks for; Ray then has it unpack the replies,
            and starts no processes for that.

    Errors:
        UsageError: Ray does not take the configuration.
    """
    kind = _KINDS[config.ray.processor]
    processor = build_processor(
        kind.configure(config, cpus),
        preprocess=partial(_request, config, kind),
        postprocess=partial(_told, config, kind),
        preprocess_map_kwargs={"num_cpus": cpus},
        postprocess_map_kwargs={"num_cpus": next_cpus},
    )
    return processor(dataset)


def parcel_of(row: Row) -> Parcel | SceneLakeError:
    """The parcel that a row of `through_model` holds."""
    parcel: Parcel | SceneLakeError = row["parcel"]
    if isinstance(parcel, Parcel) and isinstance(parcel.item, Asked):
        return replace(parcel, item=Told(parcel.item, ChatError(str(row[_ERROR]))))
    return parcel


def check_gpus(config: DescribeConfig, *, is_local: bool) -> None:
    """See that vLLM will find a GPU: Ray would wait for one without end, and say nothing.

    A cluster may bring one up when it is asked for, so there it is only told.

    Errors:
        UsageError: this machine has none.
    """
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    if config.ray.processor != "vllm" or resources.get("GPU"):
        return
    if is_local:
        raise UsageError(
            "describe.ray.processor vllm needs a GPU, and Ray finds none on this machine: give "
            "--address of a cluster that has one, or a server's base_url with processor http"
        )
    logger.warning("the cluster has no GPU for vLLM yet: descriptions wait for one")


def meaning(error: RayError) -> Exception:
    """What stopped a stage of Ray's processor, in a line; another error as it is."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not any(_STAGE in line for line in lines):
        return error
    return UsageError(f"describe.engine ray-llm: Ray's processor stopped: {lines[-1]}")


@dataclass(frozen=True, slots=True)
class _Kind:
    """One of Ray's processors.

    Attributes:
        columns: what it wants in a row.
        reply: what it has made of that.
    """

    configure: Callable[[DescribeConfig, float], ProcessorConfig]
    columns: Callable[[DescribeConfig, Prompt], Row]
    reply: Callable[[DescribeConfig, Row], Reply]


def _request(config: DescribeConfig, kind: _Kind, row: Row) -> Row:
    """A row as the processor wants it; what cannot be sent passes by with the reason."""
    parcel: Parcel | SceneLakeError = pickle.loads(row["parcel"])
    if not isinstance(parcel, Parcel) or not isinstance(parcel.item, Asked):
        return {"parcel": parcel, _ERROR: _PASSES}
    sent = replace(parcel, item=parcel.item.sent())
    try:
        return {"parcel": sent, _ERROR: "", **kind.columns(config, parcel.item.prompt)}
    except ChatError as error:
        return {"parcel": sent, _ERROR: str(error)}


def _told(config: DescribeConfig, kind: _Kind, row: Row) -> Row:
    parcel: Parcel = row["parcel"]
    return {"parcel": replace(parcel, item=Told(parcel.item, kind.reply(config, row)))}


def _http(config: DescribeConfig, cpus: float) -> ProcessorConfig:
    return HttpRequestProcessorConfig(
        url=config.base_url,
        session_factory=Sessions(config),
        http_request_stage={"num_cpus": cpus},
        **_shared(config),
    )


def _http_columns(config: DescribeConfig, prompt: Prompt) -> Row:
    return {"payload": ServerChat(config).body(prompt)}


def _http_reply(_config: DescribeConfig, row: Row) -> Reply:
    reply: Reply = row["http_response"][REPLY]
    return reply


def _vllm(config: DescribeConfig, cpus: float) -> ProcessorConfig:
    """The configuration of vLLM engines, with what ours tells them already."""
    ray, small = config.ray, {"enabled": True, "num_cpus": cpus}
    engine_kwargs = {
        "max_model_len": config.context_tokens,
        "dtype": config.dtype,
        **({"limit_mm_per_prompt": {"image": config.max_frames}} if config.sees else {}),
    }
    return vLLMEngineProcessorConfig(
        model_source=str(weights.locate(config.model)),
        engine_kwargs={**engine_kwargs, **ray.engine_kwargs},
        max_concurrent_batches=ray.batches_in_flight,
        accelerator_type=ray.accelerator or None,
        runtime_env=dict(ray.runtime_env) or None,
        should_continue_on_error=True,
        prepare_multimodal_stage={
            **small,
            "enabled": config.sees,
            # Templates then put pictures where the film has them, among its words.
            "chat_template_content_format": "openai",
            "apply_sys_msg_formatting": True,
        },
        chat_template_stage=small,
        tokenize_stage=small,
        detokenize_stage=small,
        **_shared(config),
    )


def _vllm_columns(config: DescribeConfig, prompt: Prompt) -> Row:
    told = prompt if config.structured == "schema" else with_schema(prompt)
    bound: Mapping[str, Row] = {
        "schema": {"structured_outputs": {"json": json.dumps(prompt.json_schema)}},
        "json": {"structured_outputs": {"json_object": True}},
        "none": {},
    }
    sampling: Row = {"temperature": 0.0, "max_tokens": prompt.max_tokens, "seed": SEED}
    return {"messages": messages(told), "sampling_params": sampling | bound[config.structured]}


def _vllm_reply(config: DescribeConfig, row: Row) -> Reply:
    usage = Usage(
        n_prompt_tokens=int(row["num_input_tokens"]),
        n_reply_tokens=int(row["num_generated_tokens"]),
        wait_s=float(row["time_taken_llm"]),
    )
    is_cut = usage.n_reply_tokens >= config.max_tokens
    return Raw(str(row["generated_text"]).strip(), is_cut=is_cut, usage=usage)


def _shared(config: DescribeConfig) -> dict[str, Any]:
    workers = (config.ray.min_workers, config.ray.max_workers)
    return {"batch_size": config.ray.batch_size, "concurrency": workers}


_KINDS: Mapping[str, _Kind] = {
    "vllm": _Kind(_vllm, _vllm_columns, _vllm_reply),
    "http": _Kind(_http, _http_columns, _http_reply),
}
