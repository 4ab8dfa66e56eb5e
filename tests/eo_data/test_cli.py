import json

import pytest

from eo_data import STATISTICS
from eo_data.cli import COMMANDS, DATASETS, LAYOUTS, main


def run(capsys, *words):
    status = main([str(word) for word in words])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_info_on_pictures(capsys, eurosat_rgb):
    status, out, _ = run(capsys, "info", "eurosat", eurosat_rgb, "--split", "val")
    assert status == 0
    assert "val, 10 samples" in out
    assert "(3, 64, 64) uint8" in out
    assert "AnnualCrop, Forest" in out
    assert "0.665" in out


def test_info_on_two_sensors_with_labels(capsys, ssl4eo, ssl4eo_labels):
    bands = "{s2c: [B4, B8a]}"
    status, out, _ = run(capsys, "info", "ssl4eo-s12-ml", ssl4eo, "--product", "[s1,s2c]", "--bands", bands)
    assert status == 0
    assert "sentinel1-grd+sentinel2-l1c" in out
    assert "B8A" in out
    assert "does not know 4 of the" in " ".join(out.split())  # where lines break depends on the length of the path


def test_info_on_a_folder(capsys, eurosat_ms):
    bands = "[B1,B2,B3,B4,B5,B6,B7,B8,B9,B10,B11,B12,B8A]"
    status, out, _ = run(capsys, "info", "geotiff-folder", eurosat_ms, "--sensor", "sentinel2-l1c", "--bands", bands)
    assert status == 0
    assert "all, 40 samples" in out


def test_stats_prints_and_writes(capsys, eurosat_ms, tmp_path):
    output = tmp_path / "statistics.json"
    status, out, _ = run(capsys, "stats", "eurosat", eurosat_ms, "--images", "ms", "--samples", 3, "--output", output)
    assert status == 0
    assert "3 of 20 images" in out
    found = json.loads(output.read_text())
    assert found["mean"]["B8A"] == 1300
    assert found.keys() == STATISTICS["eurosat-ms"].keys()


def test_stats_of_two_sensors_are_kept_apart(capsys, ssl4eo, tmp_path):
    output = tmp_path / "statistics.json"
    assert run(capsys, "stats", "ssl4eo-s12", ssl4eo, "--product", "[s1,s2a]", "--output", output)[0] == 0
    found = json.loads(output.read_text())
    assert list(found) == ["s1", "s2"]
    assert list(found["s1"]["mean"]) == ["VV", "VH"]


def test_pack_writes_what_info_reads_and_verify_compares(capsys, eurosat_rgb, tmp_path):
    output = tmp_path / "packed"
    words = ("pack", "eurosat", eurosat_rgb, "--split", "val", "--output", output, "--processes", 1)
    assert run(capsys, *words) == (0, f"{output}\n", "")
    status, out, _ = run(capsys, "info", "packed", output)
    assert status == 0
    assert "val, 10 samples" in out
    assert run(capsys, *words, "--verify")[1].strip().endswith("are those of the source, bit by bit")
    (eurosat_rgb / "2750" / "Forest" / "Forest_3.jpg").write_bytes(
        (eurosat_rgb / "2750" / "River" / "River_3.jpg").read_bytes()
    )
    status, _, err = run(capsys, *words, "--verify")
    assert status == 2
    assert "Forest_3 differs from its source in image" in err


def test_synthesize_writes_what_info_reads(capsys, tmp_path):
    root = tmp_path / "earth"
    status, out, _ = run(capsys, "synthesize", "ssl4eo-s12-ml", root, "--locations", 1, "--size", 12, "--seasons", 1)
    assert (status, out.strip()) == (0, str(root))
    assert run(capsys, "info", "ssl4eo-s12-ml", root, "--seasons", 1)[0] == 0


def test_what_the_user_can_mend_is_one_line(capsys, tmp_path):
    status, out, err = run(capsys, "info", "eurosat", tmp_path)
    assert (status, out) == (2, "")
    assert err.startswith("eo-data: no EuroSAT images")
    assert err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_every_name_has_its_help(capsys, command):
    for name in LAYOUTS if command == "synthesize" else DATASETS:
        with pytest.raises(SystemExit, match="0"):
            main([command, name, "--help"])
        out = capsys.readouterr().out
        assert "root" in out
        assert "the folder" in out


def test_unknown_words_are_refused(capsys, tmp_path):
    for words in ([], ["inform"], ["info", "eurosatt", "x"], ["info", "eurosat", "x", "--imgs", "rgb"]):
        with pytest.raises(SystemExit, match="2"):
            main(words)


def test_pairs_of_sensors_by_command(capsys, tmp_path):
    root = tmp_path / "dfc"
    assert run(capsys, "synthesize", "dfc2020", root, "--validation", 2, "--test", 1, "--size", 12)[0] == 0
    status, out, _ = run(capsys, "info", "dfc2020", root, "--split", "test", "--target", "mask")
    assert status == 0
    assert "mask (12, 12) int64" in out
    assert run(capsys, "synthesize", "sen12ms", tmp_path / "sen", "--patches", 1, "--size", 12)[0] == 0
    assert "all, 8 samples" in run(capsys, "info", "sen12ms", tmp_path / "sen")[1]
    assert run(capsys, "synthesize", "meterml", tmp_path / "meter", "--places", "[1,0,0]", "--size", 12)[0] == 0
    assert "12, 12" in run(capsys, "info", "meterml", tmp_path / "meter")[1]
