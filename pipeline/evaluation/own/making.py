"""Makes the films of a seed, those that are not there yet."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from scenelake.pipeline.evaluation.own import photographs, truth
from scenelake.pipeline.evaluation.own.filming import film
from scenelake.pipeline.evaluation.own.script import VERSION, Script
from scenelake.pipeline.evaluation.own.truth import FilmTruth
from scenelake.pipeline.evaluation.own.voice import check_voice
from scenelake.schemas.errors import UsageError


def make(
    scripts: Sequence[Script], folder: Path, *, report: Callable[[str], None]
) -> list[FilmTruth]:
    """The films and their truth in a folder; one that lies there whole is not made again.

    Errors:
        UsageError: espeak-ng or photographs are missing, or the folder cannot be made.
    """
    made = {script.name: _made(script, folder) for script in scripts}
    wanted = [script for script in scripts if made[script.name] is None]
    if wanted:
        check_voice()
        photographs.check(scene.picture for script in wanted for scene in script.scenes)
    _make_folder(folder)
    for number, script in enumerate(wanted, start=1):
        report(f"filming {script.file} ({number}/{len(wanted)})")
        made[script.name] = _film(script, folder)
    return list(_there(made[script.name] for script in scripts))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out: cannot make {folder}: {error.strerror or error}") from error


def _film(script: Script, folder: Path) -> FilmTruth:
    """Film and truth appear whole, the truth last."""
    path = folder / script.file
    truth.truth_path(path).unlink(missing_ok=True)
    partial = path.with_name(f"part-{path.name}")
    known = film(script, partial, script_hash=_hash(script))
    partial.replace(path)
    truth.write(known, truth.truth_path(path))
    return known


def _made(script: Script, folder: Path) -> FilmTruth | None:
    """The truth of a film that was made of this very script."""
    path = folder / script.file
    if not (path.exists() and truth.truth_path(path).exists()):
        return None
    known = truth.read(truth.truth_path(path))
    return known if known.script == _hash(script) else None


def _there(films: Iterator[FilmTruth | None]) -> Iterator[FilmTruth]:
    for one in films:
        if one is None:
            raise AssertionError("a film was asked for and not made")
        yield one


def _hash(script: Script) -> str:
    return hashlib.blake2b(f"{VERSION} {script!r}".encode(), digest_size=8).hexdigest()
