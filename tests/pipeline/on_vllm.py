"""The describing steps of a run by Ray's vLLM stages; run as a script.

``python -m tests.pipeline.on_vllm MODEL LAKE``, with a `vllm` on PYTHONPATH: Ray is told of a
GPU that is not there. Prints what came of the scenes of three films, and what was counted.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import ray

from scenelake.pipeline.build import build
from scenelake.pipeline.parcels import Event, Parcel
from scenelake.pipeline.ray_engine import run_on_ray
from scenelake.pipeline.storing.folder_local import LocalFolder
from scenelake.schemas.config import Config
from scenelake.schemas.flow import Part
from tests.pipeline.test_ray_llm import FAILED, FILMS, named, parts


def main(model: str, lake: str) -> None:
    ray.init(num_cpus=2, num_gpus=1, include_dashboard=False, log_to_driver=False)
    describe = {"engine": "ray-llm", "model": model, "max_tokens": 300, "ray": {"batch_size": 5}}
    config = Config.model_validate({"describe": describe})
    steps, _ = build(config, folder=LocalFolder(Path(lake)), run_id="run-1")
    describing = [step for step in steps if step.name in ("ask", "describe")]
    asked = [Parcel(f"{film}.mp4", "run-1", part) for film in FILMS for part in parts(film)]
    events: list[Event] = []
    out = list(run_on_ray(describing, [*asked, Parcel("bad.mp4", "run-1", FAILED)], events.append))
    counted = Counter[str]()
    for event in events:
        counted.update(event.counts)
    scenes = [scene for p in out if isinstance(p.item, Part) for scene in p.item.scenes]
    told = {named(s): [s.title, s.description, s.grounded] for s in scenes}
    passed = [parcel.uri for parcel in out if not isinstance(parcel.item, Part)]
    document = {"scenes": told, "n": len(scenes), "passed": passed, "counted": counted}
    print(json.dumps(document))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
