import json

from eo_data.collect.manifest import Manifest, replace_text


def test_lines_are_kept_and_sorted_at_the_end(tmp_path):
    manifest = Manifest(tmp_path)
    for number in (2, 0, 1):
        manifest.append({"place": number, "status": "taken"})
    assert [json.loads(line)["place"] for line in manifest.path.read_text().splitlines()] == [2, 0, 1]
    manifest.sort()
    assert [json.loads(line)["place"] for line in manifest.path.read_text().splitlines()] == [0, 1, 2]
    assert Manifest(tmp_path).records == manifest.records
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.jsonl"]


def test_a_torn_line_is_cut_off_and_its_place_is_open_again(tmp_path):
    Manifest(tmp_path).append({"place": 0, "status": "taken"})
    with (tmp_path / "manifest.jsonl").open("a") as file:
        file.write('{"place": 1, "stat')
    manifest = Manifest(tmp_path)
    assert list(manifest.records) == [0]
    manifest.append({"place": 1, "status": "dropped"})
    assert list(Manifest(tmp_path).records) == [0, 1]


def test_text_is_replaced_in_one_step(tmp_path):
    path = tmp_path / "a.json"
    replace_text(path, "one")
    replace_text(path, "two")
    assert path.read_text() == "two"
    assert list(tmp_path.iterdir()) == [path]
