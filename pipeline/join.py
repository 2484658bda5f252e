"""The step that puts a film's clips together again: its time line, its scenes in parts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from scenelake.pipeline.storing.lake_access import LakeAccess
from scenelake.pipeline.storing.recall import Recall
from scenelake.schemas.clips import Heard, Piece
from scenelake.schemas.config import Config
from scenelake.schemas.errors import InputError
from scenelake.schemas.film import Source
from scenelake.schemas.flow import Facts, Part, Ready, Receipt
from scenelake.schemas.rows import Keyframe, Scene, Shot, Word
from scenelake.schemas.story import Gathered
from scenelake.workers.align import Outline, build_scene, by_scene, outline, scene_spans
from scenelake.workers.stage import Resources
from scenelake.workers.tracks import is_empty, warnings


class Join:
    """Clips to parts: some minutes of scenes, each with all that was seen and heard in it.

    Every clip is staged. The worker that stages a film's last one lays the time line and
    gives the parts one by one, holding the pictures of one at a time.

    Args:
        by_scene: the describer makes parts of one scene each of those that it is given.
    """

    resources = Resources(cpus=0.2)

    def __init__(self, config: Config, lake: LakeAccess, *, by_scene: bool = False) -> None:
        self._config = config
        self._lake = lake
        self._by_scene = by_scene

    def setup(self) -> None:
        """Nothing to load."""

    def process(self, item: Heard | Ready) -> Iterator[Part | Gathered | Receipt]:
        """Stage a clip, or take a film all of whose clips are staged.

        Errors:
            InputError: nothing of the film decodes; or, if `strict`, not all of it.
        """
        source = item.clip.source if isinstance(item, Heard) else item.source
        receipt = self._lake.receipt(source)
        if receipt is not None:
            yield receipt
        elif isinstance(item, Heard):
            yield from self._add(item)
        elif item.n_clips:
            yield from self._join(source, item.n_clips)
        elif item.is_described:
            yield Gathered(source, Recall(self._lake.folder, source).facts(), n_parts=0)
        else:
            yield from self._described_anew(source)

    def _add(self, heard: Heard) -> Iterator[Part | Gathered]:
        staging, clip = self._lake.staging, heard.clip
        video_id = clip.source.video_id
        staging.put_clip(video_id, clip.index, heard.piece)
        if len(staging.clips(video_id)) < clip.count:
            return
        if staging.win(video_id, "joined", token=f"{self._lake.run.run_id} {clip.index}"):
            yield from self._join(clip.source, clip.count)

    def _join(self, source: Source, count: int) -> Iterator[Part | Gathered]:
        staging = self._lake.staging
        pieces = [staging.outline(source.video_id, index) for index in range(count)]
        told = self._checked_warnings(source, pieces)
        line = outline(pieces, duration_s=source.duration_s)
        film = _StagedFilm(self._lake, source, pieces)
        spans = scene_spans(line.shots, line.words, self._config.scene)
        facts = Facts(len(spans), line.cuts_s, line.language, told)
        bounds = [(span[0].start_s, span[-1].end_s) for span in spans]

        def scenes(first: int, end: int) -> Iterator[Scene]:
            return self._scenes(line, spans, film, range(first, end))

        yield from self._parts(source, facts, bounds, scenes)

    def _described_anew(self, source: Source) -> Iterator[Part | Gathered]:
        """Parts of a committed film: all is known of it but what is to be written."""
        recall = Recall(self._lake.folder, source)
        bounds = recall.spans()

        def scenes(first: int, end: int) -> Iterator[Scene]:
            return recall.scenes(bounds[first][0], bounds[end - 1][1])

        yield from self._parts(source, recall.facts(), bounds, scenes)

    def _parts(
        self,
        source: Source,
        facts: Facts,
        bounds: Sequence[tuple[float, float]],
        scenes: Callable[[int, int], Iterable[Scene]],
    ) -> Iterator[Part | Gathered]:
        """The parts that are not described yet; where all are, that they are."""
        groups = list(_groups(bounds, length_s=self._config.clips.length_s))
        staged = [set(range(*g)) if self._by_scene else {i} for i, g in enumerate(groups)]
        done = self._lake.staging.parts(source.video_id)
        missing = [index for index, parts in enumerate(staged) if not parts <= done]
        if not missing:
            yield Gathered(source, facts, n_parts=sum(map(len, staged)))
        for index in missing:
            yield Part(source, index, len(groups), tuple(scenes(*groups[index])), facts)

    def _checked_warnings(self, source: Source, pieces: Sequence[Piece]) -> tuple[str, ...]:
        tracks = [track for piece in pieces for track in piece.tracks]
        problem = None
        if is_empty(tracks):
            problem = "no picture and no sound of it can be decoded"
        told = warnings(source, tracks)
        if told and self._config.strict:
            problem = "; ".join(told)
        if problem is not None:
            self._lake.staging.clear(source.video_id)
            raise InputError(f"{source.uri}: {problem}", error_type="corrupt")
        return told

    def _scenes(
        self, line: Outline, spans: Sequence[Sequence[Shot]], film: _StagedFilm, indices: range
    ) -> Iterator[Scene]:
        ours = [spans[index] for index in indices]
        edges_s = [span[0].start_s for span in ours]
        start_s, end_s = edges_s[0], ours[-1][-1].end_s
        since_s = -math.inf if indices.start == 0 else start_s
        until_s = math.inf if indices.stop == len(spans) else end_s
        keyframes = film.keyframes(start_s, end_s)
        dealt = zip(
            indices,
            ours,
            _said(line.words, since_s, until_s, edges_s),
            _said(line.translation, since_s, until_s, edges_s),
            by_scene(keyframes, lambda keyframe: keyframe.time_s, edges_s),
            strict=True,
        )
        for index, span, said, translated, seen in dealt:
            yield build_scene(
                index,
                span,
                said,
                seen,
                video_id=film.source.video_id,
                language=line.language_at(span[0].start_s),
                max_labels=self._config.visual.max_labels,
                translation=translated,
            )


@dataclass(frozen=True, slots=True)
class _StagedFilm:
    """The pictures of a film's staged clips."""

    lake: LakeAccess
    source: Source
    outlines: Sequence[Piece]

    def keyframes(self, start_s: float, end_s: float) -> list[Keyframe]:
        """Keyframes in a stretch; where two clips overlap, the earlier one's."""
        found: list[Keyframe] = []
        covered_s = 0.0
        for index, piece in enumerate(self.outlines):
            from_s = max(covered_s, start_s)
            if any(from_s <= k.time_s < end_s for k in piece.keyframes):
                whole = self.lake.staging.piece(self.source.video_id, index)
                found += [k for k in whole.keyframes if from_s <= k.time_s < end_s]
            covered_s = max(covered_s, piece.pictures_end_s)
        return found


def _said(
    words: Sequence[Word], since_s: float, until_s: float, edges_s: Sequence[float]
) -> list[list[Word]]:
    """The words of a stretch by the scenes, beginning at `edges_s`, that hold their middles."""
    ours = [word for word in words if since_s <= word.middle_s < until_s]
    return by_scene(ours, lambda word: word.middle_s, edges_s)


def _groups(bounds: Sequence[tuple[float, float]], *, length_s: float) -> Iterator[tuple[int, int]]:
    """Runs of scenes that last about `length_s`: the first's index, and one past the last's."""
    first = 0
    for index, (_, end_s) in enumerate(bounds):
        if end_s - bounds[first][0] >= length_s or index == len(bounds) - 1:
            yield first, index + 1
            first = index + 1
