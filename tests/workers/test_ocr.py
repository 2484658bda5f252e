"""Text in pictures: what every reader does, and what RapidOCR reads."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from scenelake.schemas.config import OcrConfig
from scenelake.schemas.media import FrameBatch
from scenelake.workers import registry
from scenelake.workers.devices import release_memory
from scenelake.workers.engines import TextReader
from scenelake.workers.ocr import NoOcr, RapidOcr

Picture = NDArray[np.uint8]
Photographs = dict[str, Picture]


@pytest.fixture(scope="module", params=registry.names("ocr"))
def reader(request: pytest.FixtureRequest) -> TextReader:
    engine: TextReader = registry.load("ocr", request.param)(OcrConfig(engine=request.param))
    engine.setup()
    return engine


@pytest.fixture(scope="module")
def rapid() -> RapidOcr:
    engine = RapidOcr(OcrConfig())
    engine.setup()
    return engine


def test_every_picture_has_its_own_lines_and_time(
    reader: TextReader, photographs: Photographs
) -> None:
    signed = _signed(photographs["cat"], {(40, 300): "Meet Chelsea"})
    plain = _signed(photographs["cat"], {})
    read = reader.read(FrameBatch(np.stack([signed, plain, signed]), np.array([1.0, 2.5, 4.0])))

    assert len(read) == 3
    assert read[1] == ()
    assert {line.time_s for line in read[0]} <= {1.0}
    assert {line.time_s for line in read[2]} <= {4.0}
    assert [line.text for line in read[0]] == [line.text for line in read[2]]


def test_no_pictures_have_no_text(reader: TextReader) -> None:
    assert reader.read(FrameBatch(np.zeros((0, 36, 64, 3), np.uint8), np.zeros(0))) == []


@pytest.mark.parametrize("shape", [(1, 1), (8, 400), (400, 8), (36, 64)])
def test_an_empty_picture_of_any_shape_is_read(reader: TextReader, shape: tuple[int, int]) -> None:
    assert reader.read(FrameBatch(np.full((1, *shape, 3), 60, np.uint8), np.zeros(1))) == [()]


@pytest.mark.parametrize("photograph", ["astronaut", "cat", "coffee", "rocket", "motorcycle"])
@pytest.mark.parametrize("text", ["The eruption began", "24 March 1944", "1,250 euros"])
def test_a_caption_on_a_photograph_is_read(
    rapid: RapidOcr, photographs: Photographs, photograph: str, text: str
) -> None:
    lines = _read(rapid, _signed(photographs[photograph], {(40, 300): text}))

    assert _letters(text) in _letters("".join(lines))


def test_lines_are_read_from_top_to_bottom(rapid: RapidOcr, photographs: Photographs) -> None:
    places = {(60, 300): "lava flows", (380, 60): "Vesuvius", (40, 160): "Campania"}
    lines = _read(rapid, _signed(photographs["coffee"], places))

    assert [_letters(line) for line in lines] == ["vesuvius", "campania", "lavaflows"]


def test_colours_are_not_swapped(rapid: RapidOcr) -> None:
    card = Image.new("RGB", (640, 360), (0, 0, 150))
    ImageDraw.Draw(card).text((60, 150), "Arrivals", (255, 90, 0), ImageFont.load_default(size=30))

    assert _read(rapid, np.asarray(card)) == ["Arrivals"]


@pytest.mark.parametrize("photograph", ["cat", "coffee", "rocket"])
def test_a_photograph_without_text_is_not_read(
    rapid: RapidOcr, photographs: Photographs, photograph: str
) -> None:
    assert _read(rapid, photographs[photograph]) == []


def test_what_it_is_less_sure_of_is_left_out(photographs: Photographs) -> None:
    sure = RapidOcr(OcrConfig(min_score=1.0))
    sure.setup()

    assert _read(sure, _signed(photographs["cat"], {(40, 300): "Meet Chelsea"})) == []


def test_scores_are_at_least_the_lowest_believed(rapid: RapidOcr, photographs: Photographs) -> None:
    picture = _signed(photographs["cat"], {(40, 300): "Meet Chelsea"})
    (lines,) = rapid.read(FrameBatch(picture[None], np.zeros(1)))

    assert all(OcrConfig().min_score <= line.score <= 1 for line in lines)


def test_memory_is_kept_from_picture_to_picture(rapid: RapidOcr, photographs: Photographs) -> None:
    picture = _signed(photographs["rocket"], {(40, 300): "Apollo"})
    for _ in range(2):
        _read(rapid, picture)
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
    _read(rapid, picture)
    pages = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before

    assert pages * resource.getpagesize() < 24 << 20  # a reading uses over 80 MiB


def test_what_a_wide_picture_took_is_given_back(rapid: RapidOcr, photographs: Photographs) -> None:
    usual = _signed(photographs["rocket"], {(40, 300): "Apollo"})
    _read(rapid, usual)
    before = _held_bytes()
    _read(rapid, np.asarray(Image.fromarray(usual).resize((640, 90))))

    assert _held_bytes() - before < 32 << 20  # 350 MiB would stay


def test_reads_without_a_word_to_the_terminal(
    photographs: Photographs, capfd: pytest.CaptureFixture[str]
) -> None:
    engine = RapidOcr(OcrConfig())
    engine.setup()
    _read(engine, _signed(photographs["cat"], {(40, 300): "Meet Chelsea"}))

    assert capfd.readouterr() == ("", "")


def test_no_reader_reads_nothing(photographs: Photographs) -> None:
    engine = NoOcr(OcrConfig(engine="none"))
    engine.setup()

    assert _letters("".join(_read(engine, _signed(photographs["cat"], {(9, 9): "Hello"})))) == ""


def _held_bytes() -> int:
    """Memory of this process that is no file's, after what is free was given back."""
    release_memory()
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("RssAnon:"))
    return int(line.split()[1]) << 10


def _signed(picture: Picture, places: dict[tuple[int, int], str]) -> Picture:
    """The photograph as a 640x360 frame with captions, white with a dark edge, at (x, y)."""
    frame = Image.fromarray(picture).resize((640, 360))
    draw, font = ImageDraw.Draw(frame), ImageFont.load_default(size=24)
    for place, text in places.items():
        draw.text(place, text, fill="white", font=font, stroke_width=2, stroke_fill="black")
    return np.asarray(frame)


def _read(reader: TextReader, picture: Picture) -> list[str]:
    (lines,) = reader.read(FrameBatch(picture[None], np.zeros(1)))
    return [line.text for line in lines]


def _letters(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())
