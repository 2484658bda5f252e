"""A run's configuration is a profile, overlaid by a file, overlaid by settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenelake.pipeline.settings import load_config, profiles
from scenelake.schemas.config import Config, family_hashes
from scenelake.schemas.errors import UsageError


def test_the_embedded_profile_is_the_default() -> None:
    assert "embedded" in profiles()
    assert load_config() == Config()
    assert load_config(profile="embedded") == Config()


@pytest.mark.parametrize("name", profiles())
def test_every_profile_that_ships_is_a_configuration(name: str) -> None:
    assert isinstance(load_config(profile=name), Config)


def test_a_file_overlays_the_profile_and_a_setting_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("scene: {min_s: 3, max_s: 20}\nspeech:\n  beam_size: 1\n", "utf-8")
    config = load_config(path=path, settings=["scene.max_s=15"])
    assert (config.scene.min_s, config.scene.max_s) == (3.0, 15.0)
    assert config.speech.beam_size == 1
    assert config.speech.model == Config().speech.model


def test_the_last_of_two_settings_of_one_key_counts() -> None:
    assert load_config(settings=["scene.max_s=15", "scene.max_s=16"]).scene.max_s == 16.0


@pytest.mark.parametrize(
    ("setting", "section", "key", "value"),
    [
        ("speech.beam_size=1", "speech", "beam_size", 1),
        ("speech.language=de", "speech", "language", "de"),
        ("speech.language=", "speech", "language", None),
        ("speech.min_avg_logprob=-0.5", "speech", "min_avg_logprob", -0.5),
        (" ocr.engine=none", "ocr", "engine", "none"),
        ("ocr={engine: none}", "ocr", "engine", "none"),
        ("decode.backend=decord", "decode", "backend", "decord"),
    ],
)
def test_a_setting_is_read_as_yaml(setting: str, section: str, key: str, value: object) -> None:
    assert getattr(getattr(load_config(settings=[setting]), section), key) == value


def test_a_setting_leaves_its_neighbours_alone() -> None:
    assert load_config(settings=["ocr={engine: none}"]).ocr.min_score == Config().ocr.min_score


def test_strict_is_an_option_of_its_own() -> None:
    assert load_config(strict=True).strict
    assert load_config(settings=["strict=true"]).strict
    assert not load_config().strict


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("speech.beamsize=1", "there is no key 'speech.beamsize'"),
        ("speach.beam_size=1", "there is no key 'speach'"),
        ("speech.beam_size=many", "speech.beam_size='many': input should be a valid integer"),
        ("speech.beam_size=0", "speech.beam_size=0: input should be greater than 0"),
        ("speech.max_no_speech=1.5", "speech.max_no_speech=1.5: input should be less than"),
        ("decode.backend=ffmpeg", "decode.backend='ffmpeg': input should be 'pyav' or 'decord'"),
        ("speech=5", "speech=5: "),
        ("speech.beam_size", "--set speech.beam_size: expected section.key=value"),
        ("=5", "--set =5: expected section.key=value"),
        ("speech.model=[1", "--set speech.model=[1: '[1' is not a YAML value"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_line(setting: str, message: str) -> None:
    check_refused(message, settings=[setting])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"speech: {beamsize: 1}", "there is no key 'speech.beamsize'"),
        (b"speech: [1, 2]", "speech=[1, 2]: "),
        (b"- speech\n- scene\n", "expected sections with keys, got list"),
        (b"speech: {beam_size: 1", "is not YAML: "),
        (b"speech: {model: caf\xe9}", "is not a text in UTF-8"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    check_refused(message, path=path)


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("# nothing yet\n", "utf-8")
    assert load_config(path=path) == Config()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    check_refused(f"--config {tmp_path / 'gone.yaml'}: no such file", path=tmp_path / "gone.yaml")
    check_refused(f"--config {tmp_path}: no such file", path=tmp_path)


def test_an_unknown_profile_names_those_there_are() -> None:
    check_refused("no profile is named 'huge'; known: embedded", profile="huge")


def test_a_setting_changes_the_hash_of_the_columns_it_shapes_and_no_other() -> None:
    plain = family_hashes(load_config(), {})
    other = family_hashes(load_config(settings=["speech.beam_size=1"]), {})
    assert {family for family in plain if plain[family] != other[family]} == {"speech"}


def test_the_order_in_which_settings_are_given_changes_no_hash() -> None:
    settings = ["speech.beam_size=1", "scene.min_s=3"]
    one, two = load_config(settings=settings), load_config(settings=settings[::-1])
    assert family_hashes(one, {}) == family_hashes(two, {})


def check_refused(message: str, **options: object) -> None:
    with pytest.raises(UsageError) as caught:
        load_config(**options)  # type: ignore[arg-type]
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
