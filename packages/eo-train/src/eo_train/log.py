"""Where the logged rows of a run go: `metrics.csv`, a bar for a person at a terminal, TensorBoard if wanted."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from eo_train.run import MetricsFile

Log = Callable[[Mapping[str, float | int]], None]


@contextmanager
def write_rows(folder: Path, console: Console, *, first: int, last: int, tensorboard: bool) -> Iterator[Log]:
    """A function that takes a row to all these places; the bar stays silent where the output is no terminal."""
    places: list[Log] = [MetricsFile(folder, first=first).write]
    if tensorboard:
        places.append(tensorboard_log(folder / "tensorboard"))
    with progress_bar(console, first=first, last=last) as follow:

        def log(row: Mapping[str, float | int]) -> None:
            for place in [*places, follow]:
                place(row)

        yield log


@contextmanager
def progress_bar(console: Console, *, first: int, last: int) -> Iterator[Log]:
    """A bar that follows the rows."""
    columns = (
        TextColumn("step"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[shown]}"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=last, completed=first, shown="")

        def follow(row: Mapping[str, float | int]) -> None:
            shown = f"loss {row['loss']:.3f}  {row['samples_per_s']:.0f} images/s"
            bar.update(task, completed=row["step"], shown=shown)

        yield follow


def tensorboard_log(folder: Path) -> Log:
    """A function that writes rows as TensorBoard events (extra `eo-train[tensorboard]`)."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ImportError("tensorboard: true wants the package tensorboard; install eo-train[tensorboard]") from error
    writer = SummaryWriter(str(folder))

    def log(row: Mapping[str, float | int]) -> None:
        for name, value in row.items():
            writer.add_scalar(name, value, row["step"])
        writer.flush()

    return log
