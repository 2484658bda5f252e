"""Which decoder is the default: PyAV against decord, over every frame, as `decode` uses them.

    python tests/bench/decode.py

Every frame goes to the cut detector's size, two a second to a keyframe's size. Prints the
seconds of film read per second and per second of CPU, each the best of three in one run,
and PyAV's over decord's. decord decodes on all cores; PyAV shares slices of a frame only,
so most films take one core, and the other steps of a run have the rest.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from scenelake.workers.probe import probe
from scenelake.workers.video import open_video, upright_size

BACKENDS = ("pyav", "decord")
SIZES = ("320x180", "640x360", "1280x720", "1920x1080")
CODECS = {
    "mp4 h264": ("mp4", ["-c:v", "libx264", "-preset", "veryfast"]),
    "mkv h265": ("mkv", ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=0"]),
    "webm vp9": ("webm", ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"]),
    "mpg mpeg2": ("mpg", ["-c:v", "mpeg2video", "-q:v", "4"]),
    "avi mpeg4": ("avi", ["-c:v", "mpeg4", "-q:v", "4"]),
}
FILM_S = 8
REPEATS = 3
KEYFRAME_EVERY = 12
MAX_SIDE_PX = 640


def main() -> None:
    say("| container and codec | size | pyav | decord | ratio | pyav, CPU | decord, CPU | ratio |")
    say("| --- | --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for name, (suffix, options) in CODECS.items():
            for size in SIZES:
                film = Path(folder) / f"film.{suffix}"
                make(film, size, options)
                say(f"| {name} | {size} | {' | '.join(compare(film))} |")


def compare(film: Path) -> Iterator[str]:
    """PyAV, decord and their ratio, by the clock and then by CPU time."""
    rows = [[read(film, backend) for _ in range(REPEATS)] for backend in BACKENDS]
    for kind in range(2):
        pyav, decord = (FILM_S / min(run[kind] for run in runs) for runs in rows)
        yield from (f"{pyav:.1f}", f"{decord:.1f}", f"{pyav / decord:.2f}")


def make(film: Path, size: str, options: list[str]) -> None:
    """Moving, noisy pictures, so that the codec has work."""
    pictures = f"testsrc2=size={size}:rate=25:duration={FILM_S},noise=alls=8:allf=t"
    command = ["ffmpeg", "-v", "fatal", "-y", "-f", "lavfi", "-i", pictures, *options]
    subprocess.run([*command, "-pix_fmt", "yuv420p", str(film)], check=True)


def read(film: Path, backend: str) -> tuple[float, float]:
    """Seconds, and seconds of CPU."""
    source = probe(film, uri=str(film), video_id="bench")
    small = upright_size(source, max_side_px=256)
    large = upright_size(source, max_side_px=MAX_SIDE_PX)
    start_s, start_cpu_s = time.perf_counter(), time.process_time()
    reader = open_video(film, source, backend=backend, max_side_px=MAX_SIDE_PX)
    for index, frame in enumerate(reader.frames()):
        frame.picture(*small)
        if index % KEYFRAME_EVERY == 0:
            frame.picture(*large)
    return time.perf_counter() - start_s, time.process_time() - start_cpu_s


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
