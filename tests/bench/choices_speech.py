"""One compute type and beam over the sonnet. Prints JSON.

python tests/bench/choices_speech.py COMPUTE_TYPE BEAM
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path

from common import say
from films import packages, speech  # puts tests/media on the path

from scenelake.schemas.config import SpeechConfig, VadConfig
from scenelake.schemas.media import AudioChunk
from scenelake.workers import weights
from scenelake.workers.speech import FasterWhisper
from scenelake.workers.vad import SileroVad


def main() -> None:
    config = SpeechConfig(compute_type=sys.argv[1], beam_size=int(sys.argv[2]))
    vad = SileroVad(VadConfig())
    vad.setup()
    sound = AudioChunk(speech.read_samples(packages.sonnet_audio()), 16_000, 0.0)
    utterances = list(vad.utterances([sound]))
    before_mib, engine = rss_mib(), FasterWhisper(config)
    engine.setup()
    engine.transcribe(utterances[:1])
    held_mib = rss_mib() - before_mib
    start_s = time.perf_counter()
    words = engine.transcribe(utterances).words
    folder = weights.locate(config.model)
    document = {
        "listened_s": time.perf_counter() - start_s,
        "rss_mib": held_mib,
        "on_disk_mb": sum(file.stat().st_size for file in folder.iterdir()) / 1e6,
        "text": plain(" ".join(word.text for word in words)),
        "truth": plain(packages.sonnet_text().read_text("utf-8")),
    }
    say(json.dumps(document))


def rss_mib() -> float:
    """Memory that this process has in use."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def plain(text: str) -> str:
    """Words alone: no verse numbers, no case, no punctuation."""
    return " ".join(re.findall(r"[a-z]+(?:'[a-z]+)*", text.lower().replace("\u2019", "'")))


if __name__ == "__main__":
    main()
