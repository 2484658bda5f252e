"""A run on a Ray cluster of several nodes, one of which dies; run as a script.

``python -m tests.pipeline.on_a_cluster LAKE KILL_AFTER FILM...``: each node is processes of
its own. When `KILL_AFTER` clips are decoded, all processes of one node are killed; 0: none
are. Prints the run's JSON with a field for what was killed.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import Any

from ray.cluster_utils import Cluster

from scenelake.pipeline import run
from scenelake.pipeline.parcels import Event
from scenelake.pipeline.watching.watcher import Watcher
from scenelake.schemas.config import Config

CONFIG = Config.model_validate(
    {"describe": {"engine": "evidence"}, "clips": {"length_s": 2.5}, "ocr": {"engine": "none"}}
)
N_NODES = 3
_HEALTH = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_failure_threshold": 4,
}


@dataclass
class Killer(Watcher):
    """Kills a node after so many decoded clips."""

    cluster: Cluster
    node: Any
    after: int
    n_decoded: int = 0
    killed: list[int] = field(default_factory=list)

    def event(self, event: Event) -> None:
        if event.step != "decode" or event.kind != "finished":
            return
        self.n_decoded += 1
        if self.n_decoded == self.after:
            self.killed.append(self.n_decoded)
            self.cluster.remove_node(self.node, allow_graceful=False)


def main(lake: str, kill_after: str, *films: str) -> None:
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 2, "_system_config": _HEALTH}
    )
    nodes = [cluster.add_node(num_cpus=2) for _ in range(N_NODES - 1)]
    cluster.wait_for_nodes()
    killer = Killer(cluster, nodes[-1], int(kill_after))
    try:
        summary = run(films, lake, config=CONFIG, address=cluster.address, watcher=killer)
        sys.stdout.write(json.dumps({**summary.to_json(), "killed": killer.killed}) + "\n")
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main(*sys.argv[1:])
