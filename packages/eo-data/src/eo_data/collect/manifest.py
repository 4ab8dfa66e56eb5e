"""The record of a collection: one line of JSON per place, appended in one piece, sorted when all is done."""

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path

from eo_data.collect.place import Record

NAME = "manifest.jsonl"


class Manifest:
    """What became of each place, in the folder of the collection.

    A line is there or not: it is written in one call, and a torn one at the end, which a power failure may leave, is
    cut off before anything is added.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.records: dict[int, Record] = {}
        self._lock = threading.Lock()
        if self.path.exists():
            self._load()

    def append(self, record: Record) -> None:
        """Add the line of a place."""
        line = json.dumps(record).encode() + b"\n"
        with self._lock:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                os.write(descriptor, line)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            self.records[_number(record)] = record

    def sort(self) -> None:
        """Write the lines in order of their places, under a temporary name first."""
        text = "".join(json.dumps(self.records[number]) + "\n" for number in sorted(self.records))
        replace_text(self.path, text)

    def _load(self) -> None:
        content = self.path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            os.truncate(self.path, len(whole))
        for line in whole.splitlines():
            record = json.loads(line)
            self.records[_number(record)] = record


def replace_text(path: Path, text: str) -> None:
    """Give a file new content in one step."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text)
    part.replace(path)


def _number(record: Mapping[str, object]) -> int:
    number = record["place"]
    assert isinstance(number, int)
    return number
