"""The order of steps, written once. Both engines run this list.

plan -> decode -> visual -> ocr -> speech -> join -> describe -> text -> summarise -> commit

Where Ray Data runs the describer's model, `ask` comes before `describe`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import Any

from scenelake.pipeline.by_row import Ask, Hear
from scenelake.pipeline.commit import Commit
from scenelake.pipeline.join import Join
from scenelake.pipeline.plan import Plan
from scenelake.pipeline.steps import Step
from scenelake.pipeline.storing.folder import Folder
from scenelake.pipeline.storing.lake_access import SUMMARISE, LakeAccess, RunInfo
from scenelake.pipeline.summarise import Summarise
from scenelake.schemas.clips import Clip, Footage, Heard, Read, Seen
from scenelake.schemas.config import Config, PoolConfig, family_hashes
from scenelake.schemas.errors import UsageError
from scenelake.schemas.flow import Part, Ready
from scenelake.schemas.story import Gathered, Summed
from scenelake.workers import registry
from scenelake.workers.decode import Decode
from scenelake.workers.describe_rows import Told
from scenelake.workers.encode import Listen, ReadScreen, See
from scenelake.workers.engines import Summariser
from scenelake.workers.stage import Resources
from scenelake.workers.write import Describe, EmbedText


def build(config: Config, *, folder: Folder, run_id: str) -> tuple[list[Step], RunInfo]:
    """The steps of a run, and what its rows will say of their origin.

    Errors:
        UsageError: the configuration names an engine or a step that nobody has.
    """
    see, embed, describe = See(config), EmbedText(config), Describe(config)
    summariser: Summariser = registry.make(SUMMARISE, config.summarise)
    models = {
        **Decode(config).models,
        **see.models,
        **ReadScreen(config).models,
        **Listen(config).models,
        **describe.models,
        **embed.models,
        SUMMARISE: summariser.model,
    }
    prompts = {"describe": describe.prompt_hash, "summary": summariser.prompt_hash}
    run = RunInfo(
        run_id=run_id,
        version=version("scenelake"),
        configs=family_hashes(config, _revisions(models, prompts)),
        models=models,
        prompt_hash=describe.prompt_hash,
    )
    lake = LakeAccess(folder, run, config.clips.length_s)
    join = partial(Join, config, lake, by_scene=describe.by_row)
    dims = {"visual_dim": see.dim, "text_dim": embed.dim}
    summarise = partial(Summarise, config, lake, **dims)
    steps = [
        _step("plan", partial(Plan, config, lake), Plan, (str,), config),
        _step("decode", partial(Decode, config), Decode, (Clip,), config),
        _step("visual", partial(See, config), See, (Footage,), config),
        _step("ocr", partial(ReadScreen, config), ReadScreen, (Seen,), config),
        _step("speech", partial(Listen, config), Listen, (Read,), config),
        _step("align", join, Join, (Heard, Ready), config),
        *(_asking(config, lake) if describe.by_row else [_describing(config, describe)]),
        _step("text", partial(EmbedText, config), EmbedText, (Part,), config),
        _step(SUMMARISE, summarise, summarise(), (Part, Gathered), config),
        _step("commit", partial(Commit, lake, **dims), Commit, (Summed,), config),
    ]
    _check_pools(config, {step.name for step in steps})
    return steps, run


def _describing(config: Config, describe: Describe) -> Step:
    return _step("describe", partial(Describe, config), describe, (Part,), config)


def _asking(config: Config, lake: LakeAccess) -> list[Step]:
    """The step `describe` of a model that Ray Data runs."""
    ask = _step("ask", partial(Ask, config, lake), Ask, (Part,), config)
    hear = _step("describe", partial(Hear, config), Hear, (Told,), config)
    # Hearing the same reply once more does not mend it.
    return [ask, replace(hear, model=config.describe, attempts=1)]


def _step(
    name: str, make: Callable[[], Any], kind: Any, takes: tuple[type, ...], config: Config
) -> Step:
    pool = config.pools.get(name, _DEFAULT_POOLS.get(name, PoolConfig()))
    if pool.together > 1 and not hasattr(kind, "process_all"):
        raise UsageError(
            f"configuration: pools.{name}.together: {name} takes one clip at a time; "
            "visual and speech can take several"
        )
    own: Resources = kind.resources
    return Step(
        name=name,
        make=make,
        resources=Resources(
            cpus=own.cpus if pool.cpus is None else pool.cpus,
            gpus=own.gpus if pool.gpus is None else pool.gpus,
            memory_bytes=pool.memory_bytes or own.memory_bytes,
        ),
        takes=takes,
        families=getattr(kind, "families", frozenset()),
        pool=pool,
        attempts=config.limits.attempts,
        admits=kind is Decode,
    )


_DEFAULT_POOLS: Mapping[str, PoolConfig] = {"plan": PoolConfig(min=2)}
"""Two films are open at once, so that the clips of a long one do not hold others back."""


def _check_pools(config: Config, known: set[str]) -> None:
    unknown = sorted(set(config.pools) - known)
    if unknown:
        raise UsageError(
            f"configuration: pools.{unknown[0]}: no step has this name; "
            f"known: {', '.join(sorted(known))}"
        )


def _revisions(models: Mapping[str, str], prompts: Mapping[str, str]) -> dict[str, str]:
    """Column family -> what shapes it besides the configuration."""
    return {
        "cut": models["cut"],
        "visual": models["visual"],
        "ocr": models["ocr"],
        "speech": f"{models['vad']} {models['speech']}",
        "describe": f"{models['describe']} {models['text']} {prompts['describe']}",
        "summary": f"{models[SUMMARISE]} {models['text']} {prompts['summary']}",
    }
