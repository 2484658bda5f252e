"""Which decoder is the default: PyAV against decord, over every frame, as `decode` uses them.

    python tests/bench/decode.py

Every frame goes to the cut detector's size, two a second to a keyframe's size. Prints
seconds of film per second, each the best of three in one run, and PyAV's pace over decord's.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
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
FILM_S = 12
REPEATS = 3
KEYFRAME_EVERY = 12
MAX_SIDE_PX = 640


def main() -> None:
    say("| container and codec | size | pyav | decord | pyav / decord |")
    say("| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for name, (suffix, options) in CODECS.items():
            for size in SIZES:
                film = Path(folder) / f"film.{suffix}"
                make(film, size, options)
                paces = {backend: pace(film, backend) for backend in BACKENDS}
                row = " | ".join(f"{paces[b]:.0f}x" for b in BACKENDS)
                say(f"| {name} | {size} | {row} | {paces['pyav'] / paces['decord']:.2f} |")


def make(film: Path, size: str, options: list[str]) -> None:
    """Moving, noisy pictures, so that the codec has work."""
    pictures = f"testsrc2=size={size}:rate=25:duration={FILM_S},noise=alls=8:allf=t"
    command = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", pictures, *options]
    subprocess.run([*command, "-pix_fmt", "yuv420p", str(film)], check=True)


def pace(film: Path, backend: str) -> float:
    """Seconds of film read per second."""
    return FILM_S / min(read(film, backend) for _ in range(REPEATS))


def read(film: Path, backend: str) -> float:
    source = probe(film, uri=str(film), video_id="bench")
    small = upright_size(source, max_side_px=256)
    large = upright_size(source, max_side_px=MAX_SIDE_PX)
    start_s = time.perf_counter()
    reader = open_video(film, source, backend=backend, max_side_px=MAX_SIDE_PX)
    for index, frame in enumerate(reader.frames()):
        frame.picture(*small)
        if index % KEYFRAME_EVERY == 0:
            frame.picture(*large)
    return time.perf_counter() - start_s


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
