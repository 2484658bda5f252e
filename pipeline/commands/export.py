"""The command that writes a lake's films as files for other programs."""

from __future__ import annotations

from pathlib import Path

import click

from scenelake.pipeline.commands.options import as_json, lake_argument, print_json
from scenelake.pipeline.names import printable

_FORMATS = ("srt", "vtt", "chapters", "ffmetadata", "jsonl", "html", "webdataset")
_SOME_FAILED = 3


@click.command()
@lake_argument
@click.option("--format", "format_", type=click.Choice(_FORMATS), required=True)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="The folder for the files."
)
@click.option("--video", help="Only this film (its id or file name).")
@click.option("--vectors", is_flag=True, help="Embeddings too (jsonl, webdataset).")
@click.option("--translated", is_flag=True, help="Subtitles in English (srt, vtt).")
@click.option("--overwrite", is_flag=True, help="Replace files that no export wrote.")
@as_json
def export(
    *,
    lake: str,
    format_: str,
    out: Path,
    video: str | None,
    vectors: bool,
    translated: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write subtitles, chapters, JSON, pages or a data set for training.

    Files are called as their film is; those of an earlier export are replaced.
    """
    from scenelake.pipeline.export.job import export as export_films
    from scenelake.pipeline.lake import Lake

    done = export_films(
        Lake(lake),
        format_,
        out,
        video=video,
        vectors=vectors,
        translated=translated,
        overwrite=overwrite,
    )
    for note in (*done.notes, *done.failures):
        click.echo(printable(f"{note.uri}: {note.message}"), err=True)
    if as_json:
        print_json(done.to_json())
    else:
        click.echo("\n".join(done.files), nl=bool(done.files))
    if done.failures:
        raise SystemExit(_SOME_FAILED)
