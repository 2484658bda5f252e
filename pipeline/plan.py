"""First and last step: what an input is and whether it needs work; the film's commit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from scenelake.pipeline.store import Store
from scenelake.schemas.flow import Clip, Film, Receipt, Skipped
from scenelake.schemas.rows import Provenance, Scene, Video
from scenelake.workers.files import forget_copy, local_copy
from scenelake.workers.probe import check_readable, content_id, probe
from scenelake.workers.stage import Resources


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What every row of a run says of its origin."""

    run_id: str
    version: str
    configs: Mapping[str, str]
    models: Mapping[str, str]
    prompt_hash: str | None

    def provenance(self, *, frames_s: tuple[float, ...] = ()) -> Provenance:
        return Provenance(
            run_id=self.run_id,
            version=self.version,
            created_at=datetime.now(UTC),
            configs=self.configs,
            models=self.models,
            prompt_hash=self.prompt_hash,
            frames_s=frames_s,
        )


class Plan:
    """An address to a clip; or to nothing, where the lake has it already."""

    resources = Resources(cpus=0.5)

    def __init__(self, lake: Path, run: RunInfo) -> None:
        self._store = Store(lake)
        self._run = run

    def setup(self) -> None:
        """Nothing to load."""

    def process(self, item: str) -> Iterator[Clip | Skipped]:
        """Look at one input.

        Errors:
            InputError: it cannot be read or holds no film.
        """
        with local_copy(item, keep=True) as path:
            check_readable(path, uri=item)
            video_id = content_id(path)
            reason = self._reason_to_skip(video_id, uri=item)
            if reason:
                forget_copy(item)
                yield Skipped(video_id, item, reason)
                return
            try:
                source = probe(path, uri=item, video_id=video_id)
            except BaseException:
                self._store.release(video_id)
                raise
        yield Clip(source=source, index=0, count=1, start_s=0.0, end_s=source.duration_s)

    def _reason_to_skip(self, video_id: str, *, uri: str) -> str | None:
        if self._store.committed_configs(video_id) == dict(self._run.configs):
            return "already committed with this configuration"
        other = self._store.claim(video_id, run_id=self._run.run_id, uri=uri)
        return f"same content as {other}" if other else None


class Commit:
    """A described film into the lake."""

    resources = Resources(cpus=0.2)

    def __init__(self, lake: Path, run: RunInfo, *, visual_dim: int, text_dim: int) -> None:
        self._store = Store(lake)
        self._run = run
        self._dims = {"visual_dim": visual_dim, "text_dim": text_dim}

    def setup(self) -> None:
        """Nothing to load."""

    def process(self, item: Film) -> Iterator[Receipt]:
        """Write a film's tables.

        Errors:
            LakeError: the lake cannot be written.
        """
        source = item.clip.source
        scenes = [(scene, self._scene_provenance(scene)) for scene in item.scenes]
        self._store.commit(self._video(item), scenes, **self._dims)
        yield Receipt(source.video_id, source.uri, len(item.scenes), source.duration_s)

    def _scene_provenance(self, scene: Scene) -> Provenance:
        return self._run.provenance(frames_s=scene.frames_s)

    def _video(self, film: Film) -> Video:
        source = film.clip.source
        video, audio = source.video, source.audio
        return Video(
            video_id=source.video_id,
            uri=source.uri,
            container=source.container,
            duration_s=source.duration_s,
            width=video.width if video else None,
            height=video.height if video else None,
            fps=video.rate if video else None,
            rotation=video.rotation if video else 0,
            video_codec=video.codec if video else None,
            audio_codec=audio.codec if audio else None,
            language=film.language,
            n_scenes=len(film.scenes),
            n_bytes=source.n_bytes,
            warnings=film.warnings,
            provenance=self._run.provenance(),
        )
