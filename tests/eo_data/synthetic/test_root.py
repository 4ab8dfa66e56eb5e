import json
import re

import pytest

from eo_data.synthetic.root import build_root


def write(folder):
    (folder / "data.txt").write_text("complete")


def fail(folder):
    write(folder)
    raise KeyboardInterrupt


def test_a_new_root_holds_the_content_and_how_it_was_made(tmp_path):
    root = build_root(tmp_path / "a" / "world", {"seed": 1}, write)
    assert root == tmp_path / "a" / "world"
    assert (root / "data.txt").read_text() == "complete"
    assert json.loads((root / "synthetic.json").read_text())["seed"] == 1
    assert [path.name for path in root.parent.iterdir()] == ["world"]


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "world").mkdir()
    assert (build_root(tmp_path / "world", {}, write) / "data.txt").exists()


def test_an_interrupted_build_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        build_root(tmp_path / "world", {}, fail)
    assert list(tmp_path.iterdir()) == []


def test_the_same_again_is_left_as_it_is(tmp_path):
    build_root(tmp_path / "world", {"seed": 1}, write)
    assert build_root(tmp_path / "world", {"seed": 1}, fail) == tmp_path / "world"


def test_another_world_is_refused(tmp_path):
    build_root(tmp_path / "world", {"seed": 1}, write)
    with pytest.raises(FileExistsError, match="already holds .*'seed': 1.*, not .*'seed': 2.*; choose another folder"):
        build_root(tmp_path / "world", {"seed": 2}, write)


def test_foreign_files_are_refused_and_kept(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(FileExistsError, match=re.escape(f"{tmp_path} already holds something that was not made here")):
        build_root(tmp_path, {}, write)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "world").write_text("mine")
    with pytest.raises(FileExistsError, match="already holds"):
        build_root(tmp_path / "world", {}, write)
