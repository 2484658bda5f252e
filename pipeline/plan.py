"""The first step: what an input is, whether it needs work, and which clips of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import ceil
from pathlib import Path

from scenelake.pipeline.storing.known_files import KnownFiles
from scenelake.pipeline.storing.lake_access import LakeAccess
from scenelake.pipeline.storing.recall import Recall
from scenelake.schemas.clips import EVERYTHING, Clip
from scenelake.schemas.config import OF_FILMS, Config
from scenelake.schemas.errors import InputError
from scenelake.schemas.film import Source
from scenelake.schemas.flow import Busy, Ready, Skipped
from scenelake.workers.files import forget_copy, local_copy
from scenelake.workers.probe import check_readable, content_id
from scenelake.workers.sandbox import Sandbox, SandboxError
from scenelake.workers.stage import Resources

_PROBE = "scenelake.workers.probe:probe_film"
_BYTES_PER_S = 2e6
"""A film is scanned at least this fast, or the scan is stopped."""
_ENTRIES_PER_CLIP = 16
_LONGER = 0.1
"""What a clip may be longer than configured, as a share, before it becomes two."""
_PICTURES = frozenset({"cut", "visual", "ocr"})


class Plan:
    """An address to clips; or to nothing, where the lake has it all already."""

    resources = Resources(cpus=0.5)

    def __init__(self, config: Config, lake: LakeAccess) -> None:
        self._config = config
        self._lake = lake
        self._sandbox = Sandbox(
            memory_bytes=config.limits.decode_memory_bytes, attempts=config.limits.attempts
        )

    def setup(self) -> None:
        """Nothing to load."""

    def close(self) -> None:
        """End the child process."""
        self._sandbox.close()

    def process(self, item: str) -> Iterator[Clip | Ready | Skipped | Busy]:
        """Look at one input.

        Errors:
            InputError: it cannot be read or holds no film.
        """
        known = KnownFiles(self._lake.folder, self._config.sources.trust_marks)
        mark = known.mark(item)
        known_id = known.video_id(item, mark)
        if known_id is not None and self._lake.is_committed(known_id):
            yield self._skipped(known_id, uri=item)
            return
        with local_copy(item) as path:
            check_readable(path, uri=item)
            video_id = known_id or content_id(path)
            if known_id is None:
                known.remember(item, mark, video_id)
            idle = self._no_work(video_id, uri=item)
            source = None if idle else self._claimed_source(path, video_id, uri=item)
        if idle:
            forget_copy(item)
            yield idle
        if source is not None:
            yield from self._work(source)

    def _no_work(self, video_id: str, *, uri: str) -> Skipped | Busy | None:
        """Why there is nothing to do; None where there is, and the film is claimed."""
        if self._lake.is_committed(video_id):
            return self._skipped(video_id, uri=uri)
        holder = self._lake.claims.take(video_id, uri=uri)
        if holder is None:
            if not self._lake.is_committed(video_id):
                return None
            self._lake.claims.release(video_id)  # another run was done with it just then
            return self._skipped(video_id, uri=uri)
        run_id, other = holder
        if run_id == self._lake.run.run_id:
            return Skipped(video_id, uri, f"same content as {other}")
        return Busy(video_id, uri, run_id)

    def _skipped(self, video_id: str, *, uri: str) -> Skipped:
        if self._lake.claims.is_free(video_id):
            self._lake.staging.clear(video_id)  # what a run killed after its commit left
        return Skipped(video_id, uri, "already committed with this configuration")

    def _claimed_source(self, path: Path, video_id: str, *, uri: str) -> Source:
        try:
            return self._probe(path, video_id, uri=uri)
        except BaseException:
            self._lake.claims.release(video_id)
            raise

    def _probe(self, path: Path, video_id: str, *, uri: str) -> Source:
        timeout_s = self._config.limits.decode_timeout_s + path.stat().st_size / _BYTES_PER_S
        try:
            source: Source = self._sandbox.call(
                _PROBE, str(path), uri, video_id, timeout_s=timeout_s
            )
        except SandboxError as error:
            raise InputError(
                f"{uri}: looking through it: {error}", error_type=error.error_type
            ) from error
        return source

    def _work(self, source: Source) -> Iterator[Clip | Ready]:
        """What of a film is still to be made, clip by clip."""
        staging, video_id = self._lake.staging, source.video_id
        staging.forget_races(video_id)
        clips = plan_clips(source, length_s=self._config.clips.length_s)
        done = staging.clips(video_id)
        if len(done) == len(clips):
            yield Ready(source, len(clips))
            return
        committed = self._lake.store.committed_configs(video_id)
        makes = to_make(committed, self._lake.run.configs)
        if not makes:
            yield Ready(source, 0, is_described(committed, self._lake.run.configs))
            return
        recall = Recall(self._lake.folder, source)
        for clip in clips:
            if clip.index not in done:
                known = recall.piece(clip.start_s, clip.end_s) if makes < EVERYTHING else None
                yield replace(clip, makes=makes, known=known)


def plan_clips(source: Source, *, length_s: float) -> list[Clip]:
    """A film as the fewest clips of equal length, none much longer than `length_s`.

    Rather two short ones than a long one: a film that comes alone keeps two cores busy then.
    Where they end is settled when they are read.
    """
    count = max(1, ceil(source.duration_s / length_s - _LONGER))
    step_s = source.duration_s / count
    edges_s = [index * step_s for index in range(count)] + [source.duration_s]
    return [
        Clip(_lighter(source, edges_s[index]), index, count, edges_s[index], edges_s[index + 1])
        for index in range(count)
    ]


def to_make(committed: Mapping[str, str] | None, wanted: Mapping[str, str]) -> frozenset[str]:
    """The column families that a film lacks; without descriptions, which are always made.

    Pictures are of a cut, so a change of cuts makes all of theirs anew. Cuts and speech
    both changed, or speech and what is seen, is everything.
    """
    if committed is None:
        return EVERYTHING
    changed = {family for family in EVERYTHING if committed.get(family) != wanted[family]}
    if "cut" in changed:
        changed |= _PICTURES
    if "speech" in changed and changed & _PICTURES:
        return EVERYTHING
    return frozenset(changed)


def is_described(committed: Mapping[str, str] | None, wanted: Mapping[str, str]) -> bool:
    """Whether a film's scenes are as wanted: nothing lacks but what its own row says."""
    scenes = wanted.keys() - OF_FILMS
    return committed is not None and all(committed.get(f) == wanted[f] for f in scenes)


def _lighter(source: Source, start_s: float) -> Source:
    """The source with the entries that a reader who begins near `start_s` may need."""
    before = [entry for entry in source.entries if entry.time_s <= start_s]
    return replace(source, entries=tuple(before[-_ENTRIES_PER_CLIP:]))
