"""Frames of noise, made or decoded, and a thread that makes them beside the device."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from on_gpu.measuring import UInt8

PICTURE = (360, 640)
"""Height and width of the frames, before they are resized."""


def made_frames(batch: int) -> Iterator[UInt8]:
    """Batches (N, H, W, 3) without end: noise, every pixel eight by eight."""
    rng, (height, width) = np.random.default_rng(0), PICTURE
    while True:
        small = rng.integers(0, 256, (batch, height // 8, width // 8, 3), dtype=np.uint8)
        yield small.repeat(8, axis=1).repeat(8, axis=2)


def write_film(path: Path, *, n_frames: int = 100) -> None:
    """Moving noise, by PyAV where it is and else by OpenCV.

    Errors:
        ImportError: neither is there.
    """
    pictures = (np.roll(picture, 3 * i, axis=1) for i, picture in enumerate(_stills(n_frames)))
    try:
        import av
    except ImportError:
        _write_by_opencv(path, pictures)
        return
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.height, stream.width = PICTURE
        stream.pix_fmt, stream.bit_rate = "yuv420p", 2_000_000
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def _stills(count: int) -> Iterator[UInt8]:
    (picture,) = next(made_frames(1))
    return itertools.repeat(picture, count)


def _write_by_opencv(path: Path, pictures: Iterator[UInt8]) -> None:
    import cv2

    height, width = PICTURE
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (width, height))
    for picture in pictures:
        writer.write(np.ascontiguousarray(picture[:, :, ::-1]))
    writer.release()


def decoded_by_av(film: Path) -> Iterator[UInt8]:
    """Frames (H, W, 3), again and again."""
    import av

    while True:
        with av.open(str(film)) as container:
            for frame in container.decode(video=0):
                yield frame.to_ndarray(format="rgb24")


def decoded_by_opencv(film: Path) -> Iterator[UInt8]:
    """Frames (H, W, 3), again and again.

    Errors:
        ValueError: not even one frame.
    """
    import cv2

    while True:
        reader = cv2.VideoCapture(str(film))
        found, picture = reader.read()
        if not found:
            raise ValueError(f"OpenCV reads no frame of {film.name}")
        while found:
            yield cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
            found, picture = reader.read()


def batched(frames: Iterator[UInt8], size: int) -> Iterator[UInt8]:
    """(N, H, W, 3) of so many frames each."""
    while True:
        yield np.stack(list(itertools.islice(frames, size)))


@contextmanager
def running(batches: Iterator[UInt8]) -> Iterator[queue.Queue[UInt8 | Exception]]:
    """A thread that puts batches into a queue of four until this is left."""
    waiting: queue.Queue[UInt8 | Exception] = queue.Queue(maxsize=4)
    stop = threading.Event()

    def put(item: UInt8 | Exception) -> None:
        while not stop.is_set():
            try:
                waiting.put(item, timeout=0.1)
            except queue.Full:
                continue
            return

    def make() -> None:
        try:
            while not stop.is_set():
                put(next(batches))
        except Exception as error:  # the other thread's to raise
            put(error)

    thread = threading.Thread(target=make, daemon=True)
    thread.start()
    try:
        yield waiting
    finally:
        stop.set()
        thread.join()


def taken(waiting: queue.Queue[UInt8 | Exception]) -> UInt8:
    """The next batch, or the error that the thread has met."""
    item = waiting.get(timeout=60)
    if isinstance(item, Exception):
        raise item
    return item
