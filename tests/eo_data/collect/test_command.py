import json

import pytest

from eo_data import cli
from eo_data.cli import main


@pytest.fixture
def words(server, tmp_path, places_file):
    """The command for the first of the four places."""
    given = {
        "output": tmp_path / "out",
        "places": places_file,
        "url": server.address,
        "until": "2021-09-22",
        "count": 1,
    }
    return ["collect", *(f"--{name}={value}" for name, value in given.items())]


def test_the_command_collects_and_says_so(words, tmp_path, capsys):
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert out == f"1 places in {tmp_path / 'out'}, 0 dropped (manifest.jsonl says why)\n"
    assert err == ""  # no bar where there is no terminal
    (record,) = map(json.loads, (tmp_path / "out" / "manifest.jsonl").read_text().splitlines())
    assert len(record["images"]) == 5


def test_what_the_user_can_mend_is_one_line(words, capsys):
    assert main([*words, "--layout=ssl4eo_s12", "--products=[s1,s2a]"]) == 2
    assert capsys.readouterr().err == "eo-data: earth-search has no s1 (only s2a); name another source\n"


def test_interrupting_says_how_to_go_on(tmp_path, capsys, monkeypatch):
    def interrupt(config):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "collect", interrupt)
    assert cli.collect_places({"output": tmp_path, "count": 1}) == 130
    assert "stopped; run the same command again" in capsys.readouterr().err


def test_help_explains_every_field(capsys):
    with pytest.raises(SystemExit):
        main(["collect", "--help"])
    out = " ".join(capsys.readouterr().out.split())
    for sentence in (
        "the same collection in it, unfinished or smaller, is continued",
        "Share of the square that may be",
    ):
        assert sentence in out
