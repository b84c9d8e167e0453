"""``mvot-bench report``."""

import argparse
from pathlib import Path

from mvot_benchmarks.commands.options import Commands
from mvot_pipelines.cli import print_error
from mvot_plugin.errors import InputError, MvotError, UsageError

__all__ = ["add_report"]

_DESCRIPTION = """\
Turn the files that --json wrote into something to read:
  mvot-bench report JSON... --output DIR
      tables, plots and one HTML page of these files
  mvot-bench report --documents README.md docs
      fill the marks in Markdown files (<!-- figure: quality results=NAME -->) with tables,
      pictures and values of benchmarks/results/NAME.json; --check only compares"""


def add_report(commands: Commands) -> None:
    """Add ``report``: stored runs as documents."""
    command = commands.add_parser(
        "report",
        help="tables, plots and an HTML page of the files that --json wrote, or of marks in "
        "documents",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("files", nargs="*", type=Path, metavar="JSON")
    command.add_argument("--output", type=Path, metavar="DIR", help="a report of these files")
    command.add_argument(
        "--documents",
        nargs="+",
        type=Path,
        metavar="PATH",
        help="fill the marks of these Markdown files, and of those in these folders, in place; "
        "pictures go into docs/images, and are drawn anew where the results are others",
    )
    command.add_argument(
        "--results",
        type=Path,
        metavar="DIR",
        help="the files of results for --documents (default: benchmarks/results)",
    )
    command.add_argument(
        "--check",
        action="store_true",
        help="write nothing; exit with 1 where --documents would change something, and say where",
    )
    command.set_defaults(command=_report)


def _report(options: argparse.Namespace) -> None:
    _check_options(options)
    if options.documents:
        _fill_documents(options)
        return
    from mvot_benchmarks.reporting.report import write_report

    for path in write_report(options.files, options.output):
        print(f"saved {path}")


def _check_options(options: argparse.Namespace) -> None:
    if options.documents and (options.files or options.output):
        raise UsageError("--documents excludes JSON files and --output; give one or the other")
    if not options.documents and not (options.files and options.output):
        raise UsageError("give JSON files and --output, or --documents")
    if not options.documents and (options.results or options.check):
        raise UsageError("--results and --check are of --documents; give that, too")


def _fill_documents(options: argparse.Namespace) -> None:
    from mvot_benchmarks.documents import documents, pictures

    folder = options.results or Path("benchmarks/results")
    found = documents.read_documents(options.documents, folder)
    _print_all(problems := [text for one in found for text in one.problems])
    if problems:
        raise InputError(f"marks that cannot be filled: {len(problems)}; nothing was written")
    if not options.check:
        for path in documents.write_documents(found):
            print(f"saved {path}")
        return
    different = [text for one in found for text in one.differences]
    for path, picture in documents.list_pictures(found).items():
        if not pictures.is_current(picture):
            different.append(f"{path}: is missing, or was drawn from other results")
    _print_all(different)
    if different:
        raise MvotError(
            f"places that differ from the results: {len(different)}; mvot-bench report "
            "--documents, without --check, fills them"
        )
    count = sum(one.count for one in found)
    print(f"{count} marks in {len(found)} files say what the results say")


def _print_all(lines: list[str]) -> None:
    for line in lines:
        print_error("mvot-bench report", line)
