"""The order of steps, written once. Both engines run this list.

plan -> decode -> visual -> ocr -> speech -> align -> describe -> text -> commit
"""

from __future__ import annotations

from functools import partial
from importlib.metadata import version
from pathlib import Path

from scenelake.pipeline.plan import Commit, Plan, RunInfo
from scenelake.pipeline.steps import Step
from scenelake.schemas.config import Config, family_hashes
from scenelake.workers.align import Align
from scenelake.workers.decode import Decode
from scenelake.workers.encode import Listen, ReadScreen, See
from scenelake.workers.write import Describe, EmbedText


def build(config: Config, *, lake: Path, run_id: str) -> tuple[list[Step], RunInfo]:
    """The steps of a run, and what its rows will say of their origin.

    Errors:
        UsageError: the configuration names an engine that nobody has.
    """
    see, embed, describe = See(config), EmbedText(config), Describe(config)
    models = {
        **Decode(config).models,
        **see.models,
        **ReadScreen(config).models,
        **Listen(config).models,
        **describe.models,
        **embed.models,
    }
    run = RunInfo(
        run_id=run_id,
        version=version("scenelake"),
        configs=family_hashes(config, _revisions(models, prompt_hash=describe.prompt_hash)),
        models=models,
        prompt_hash=describe.prompt_hash,
    )
    dims = {"visual_dim": see.dim, "text_dim": embed.dim}
    steps = [
        Step("plan", partial(Plan, lake, run), Plan.resources),
        Step("decode", partial(Decode, config), Decode.resources),
        Step("visual", partial(See, config), See.resources),
        Step("ocr", partial(ReadScreen, config), ReadScreen.resources),
        Step("speech", partial(Listen, config), Listen.resources),
        Step("align", partial(Align, config), Align.resources),
        Step("describe", partial(Describe, config), Describe.resources),
        Step("text", partial(EmbedText, config), EmbedText.resources),
        Step("commit", partial(Commit, lake, run, **dims), Commit.resources),
    ]
    return steps, run


def _revisions(models: dict[str, str], *, prompt_hash: str) -> dict[str, str]:
    """Column family -> what shapes it besides the configuration."""
    return {
        "cut": models["cut"],
        "visual": models["visual"],
        "ocr": models["ocr"],
        "speech": f"{models['vad']} {models['speech']}",
        "describe": f"{models['describe']} {models['text']} {prompt_hash}",
    }
