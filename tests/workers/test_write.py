"""What is written about scenes can be found again, and silence about them cannot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scenelake.schemas.config import Config
from scenelake.schemas.film import Source, Stream
from scenelake.schemas.flow import Facts, Part
from scenelake.schemas.rows import Scene, ScreenText, Shot, Word
from scenelake.workers.evidence import compose
from scenelake.workers.write import EmbedText

VIDEO = Stream(index=0, kind="video", codec="h264", start_s=0, end_s=6, n_packets=150, rate=25)
SOURCE = Source("film", "/film.mp4", "mp4", 6.0, 0.0, (VIDEO,), n_bytes=1)


def part(*scenes: Scene) -> Part:
    facts = Facts(n_scenes=len(scenes), cuts_s=(), language=None, warnings=())
    return Part(SOURCE, 0, 1, tuple(compose(scene) for scene in scenes), facts)


def test_scenes_have_vectors_of_their_text_and_empty_ones_have_none() -> None:
    empty = Scene("film", 0, 0.0, 3.0, (Shot(0.0, 3.0),))
    spoken = replace(empty, index=1, words=(Word("Elephants", 0.1, 0.5, 0.9),))
    shown = replace(empty, index=2, ocr=(ScreenText("Elephants", 0.9, 1.0),))
    step = EmbedText(Config())
    step.setup()
    (embedded,) = step.process(part(empty, spoken, shown))
    nothing, said, read = (np.asarray(s.text_embedding) for s in embedded.scenes)
    assert not nothing.any()
    assert np.linalg.norm(said) > 0.99
    assert float(said @ read) > 0.5
