"""Clips of several films taken at once come out as each would alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scenelake.pipeline.build import build
from scenelake.pipeline.plan import plan_clips
from scenelake.pipeline.storing.folder import folder_at
from scenelake.schemas.clips import Footage, Seen
from scenelake.schemas.config import Config, PoolConfig
from scenelake.schemas.errors import UsageError
from scenelake.schemas.film import Source
from scenelake.workers.decode import Decode
from scenelake.workers.encode import See
from tests.media import films

SourceOf = Callable[..., Source]


def footage_of(path: Path, source_of: SourceOf, config: Config) -> Footage:
    decode = Decode(config)
    decode.setup()
    (clip,) = plan_clips(replace(source_of(path), uri=str(path)), length_s=1e6)
    (footage,) = decode.process(clip)
    decode.close()
    return footage


def test_pictures_of_several_films_fill_one_batch_and_go_back_to_their_films(
    media_dir: Path, source_of: SourceOf
) -> None:
    config = Config()
    paths = [
        films.hard_cuts(media_dir / f"together_{n}.mp4", cuts_s=cuts_s, duration_s=4.0).path
        for n, cuts_s in enumerate([(2.0,), (1.5, 3.0)])
    ] + [films.audio_only(media_dir / "together_sound.mkv", duration_s=2.0).path]
    clips = [footage_of(path, source_of, config) for path in paths]
    see = See(config)
    see.setup()

    together = see.process_all(clips)

    for item, seen in zip(clips, together, strict=True):
        (alone,) = see.process(item)
        assert_same(seen, alone)
    assert len(together[2].encoding.vectors) == 0


def assert_same(seen: Seen, alone: Seen) -> None:
    assert seen.footage is alone.footage
    assert seen.encoding.time_s.tolist() == alone.encoding.time_s.tolist()
    np.testing.assert_allclose(seen.encoding.vectors, alone.encoding.vectors, atol=1e-4)
    assert seen.encoding.labels == alone.encoding.labels


def test_a_step_that_takes_one_at_a_time_says_so(tmp_path: Path) -> None:
    config = Config(pools={"decode": PoolConfig(together=4)})
    with pytest.raises(UsageError, match=r"pools\.decode\.together: decode takes one clip at a"):
        build(config, folder=folder_at(tmp_path), run_id="run")
