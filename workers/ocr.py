"""Reads the text that pictures show: PP-OCRv4 run by RapidOCR, or no reading at all."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from scenelake.schemas.arrays import UInt8
from scenelake.schemas.config import OcrConfig
from scenelake.schemas.media import FrameBatch
from scenelake.schemas.rows import ScreenText

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

DETECTION_SIDE_PX = 544
"""Text is looked for in pictures whose shorter side is enlarged to this. RapidOCR's own 736
takes twice as long; of captions 16 to 30 pixels high in 640x360 it reads as many."""

_USUAL_SIZE = 3 * DETECTION_SIDE_PX * 1312
"""Numbers of a picture 2.4 times as wide as high, as the model is given it."""

MAX_TALLNESS = 8
"""A picture that many times as high as wide holds no line, and would be enlarged past memory."""


class RapidOcr:
    """A :class:`~scenelake.workers.engines.TextReader` for Latin and Chinese script.

    Source: https://github.com/RapidAI/RapidOCR, models of PaddleOCR, arXiv:2009.09941.
    """

    def __init__(self, config: OcrConfig) -> None:
        self._config = config
        self._engine: Any = None

    @property
    def model(self) -> str:
        return f"rapidocr-{DETECTION_SIDE_PX}px@{version('rapidocr-onnxruntime')}"

    def setup(self) -> None:
        from rapidocr_onnxruntime import RapidOCR

        self._engine = RapidOCR(
            text_score=self._config.min_score,
            det_limit_side_len=DETECTION_SIDE_PX,
            # It only finds lines that stand on their head, and costs a model call a line.
            use_cls=False,
            # One worker, one core: more threads wait by spinning, at other steps' cost.
            intra_op_num_threads=1,
            inter_op_num_threads=1,
        )
        for part in (self._engine.text_det.infer, self._engine.text_rec.session):
            part.session = _with_arena(part.session)

    def read(self, frames: FrameBatch) -> list[tuple[ScreenText, ...]]:
        """One tuple a picture: lines with a letter or digit, top to bottom, left to right."""
        return [
            tuple(ScreenText(text, score, time_s=float(time_s)) for text, score in self._lines(rgb))
            for rgb, time_s in zip(frames.data, frames.time_s, strict=True)
        ]

    def _lines(self, rgb: UInt8) -> list[tuple[str, float]]:
        assert self._engine is not None, "setup() comes first"
        if rgb.shape[0] > MAX_TALLNESS * rgb.shape[1]:
            return []
        found, _ = self._engine(np.ascontiguousarray(rgb[..., ::-1]))
        lines = [(text.strip(), float(score)) for _box, text, score in found or ()]
        return [(text, score) for text, score in lines if any(c.isalnum() for c in text)]


def _with_arena(session: InferenceSession) -> InferenceSession:
    """The same model, which keeps its memory from picture to picture.

    RapidOCR has every layer ask the C library for its result's memory and give it back, in
    pieces that go back to the system. In one process with the other steps' threads, a run of
    six films took a fifth more CPU by that. What is kept are 90 MiB for pictures of 16:9.
    Layouts of memory learnt for a size of picture are left out: they hold more, and save nothing.
    """
    import onnxruntime

    class Frugal(onnxruntime.InferenceSession):  # type: ignore[misc]
        """What a picture of unusual size took is given back after it."""

        def run(self, output_names: Any, input_feed: Any, run_options: Any = None) -> Any:
            if any(array.size > _USUAL_SIZE for array in input_feed.values()):
                run_options = onnxruntime.RunOptions()
                run_options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
            return super().run(output_names, input_feed, run_options)

    options = session.get_session_options()
    options.enable_cpu_mem_arena = True
    options.enable_mem_pattern = False
    return Frugal(session._model_path, options, providers=["CPUExecutionProvider"])


class NoOcr:
    """Reads nothing: for runs that leave screen text out."""

    def __init__(self, config: OcrConfig) -> None:
        self._config = config

    @property
    def model(self) -> str:
        return "none@1"

    def setup(self) -> None:
        """Has no weights."""

    def read(self, frames: FrameBatch) -> list[tuple[ScreenText, ...]]:
        return [() for _ in frames.time_s]
