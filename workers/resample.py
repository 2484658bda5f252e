"""Sound at the rate that a model wants."""

from __future__ import annotations

import numpy as np

from scenelake.schemas.arrays import Float32
from scenelake.schemas.media import Utterance


def samples_at(utterance: Utterance, rate: int, *, device: str) -> Float32:
    """(T,) float32 in -1..1 of an utterance, at `rate` samples per second.

    Decoded sound comes at the models' rate already; another rate is converted on the
    torch device, by the windowed sinc of torchaudio.functional.resample.
    """
    samples = np.divide(utterance.samples, 32768, dtype=np.float32)
    if utterance.sample_rate == rate:
        return samples
    return _converted(samples, utterance.sample_rate, rate, device)


def _converted(samples: Float32, from_rate: int, rate: int, device: str) -> Float32:
    import torch
    import torchaudio.functional

    sound = torch.from_numpy(samples).to(device)
    converted = torchaudio.functional.resample(sound, from_rate, rate)
    return np.asarray(converted.cpu().numpy(), np.float32)
