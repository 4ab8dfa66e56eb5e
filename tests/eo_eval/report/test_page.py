import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

from eo_eval import Setup, evaluate, save, write_report


class Outline(HTMLParser):
    """Headings, and whatever a browser would fetch."""

    def __init__(self, page):
        super().__init__()
        self.headings, self.fetched, self.open = [], [], None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.open = tag
        self.fetched += [value for name, value in attributes if name in ("src", "href", "srcset", "data")]

    def handle_data(self, data):
        if self.open in ("h1", "h2") and data.strip():
            self.headings.append(data.strip())


def outside(page):
    fetched = Outline(page).fetched + re.findall(r"url\((.*?)\)", page) + re.findall(r"@import (.*)", page)
    return [address for address in fetched if not address.startswith("data:")]


def test_the_page_of_a_run_has_every_part(scored):
    path = write_report(scored)
    page = path.read_text()
    assert path == scored / "report.html"
    assert Outline(page).headings == [
        "myrun", "Pretraining", "Class by class", "Map of the embeddings", "Nearest neighbours", "How it was measured",
        "Where it was trained",
    ]  # fmt: skip
    assert page.count('<svg class="chart"') == 5  # four curves and the choice of C
    assert page.count('class="at pic') == 30
    assert page.count('class="strip"') == 3
    assert "points</b> against random weights" in page
    assert "tiny, random weights" in page
    assert "simclr_eurosat" in page
    assert "2.15.0" in page


def test_the_page_needs_nothing_but_itself(scored):
    page = write_report(scored).read_text()
    assert outside(page) == []
    assert "default-src 'none'" in page


def test_many_labels(tiny, places, tmp_path):
    model = tiny(("B02", "B03", "B04"), "sentinel2-l1c")
    save(evaluate(model, "ssl4eo_s12_ml", places, method="linear", setup=Setup(bootstrap=20)), tmp_path)
    page = write_report(tmp_path).read_text()
    assert "micro mAP" in page
    assert "How a class moves the scores" in page
    assert "coloured by the rarest of their classes" in page
    assert "snow and ice" in page


def test_several_runs_and_rows_stand_on_one_page(scored, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(scored, other)
    rows = scored / "eval/made-val-knn5.json"
    page = write_report([scored, other, rows], tmp_path / "all.html").read_text()
    assert "myrun and other and 1 more" in Outline(page).headings
    assert page.count('<svg class="chart"') == 4 + 2
    assert page.count('class="curve"') == 4 * 2 + 2
    assert Outline(page).headings.count("Map of the embeddings") == 2


def test_a_run_that_nobody_has_scored(run):
    headings = Outline(write_report(run).read_text()).headings
    assert headings == ["myrun", "Pretraining", "Where it was trained"]


def test_names_are_text_not_markup(scored, tmp_path):
    odd = tmp_path / "<b>bold & run"
    shutil.copytree(scored, odd)
    page = write_report(odd).read_text()
    assert "<b>bold" not in page
    assert "&lt;b&gt;bold &amp; run" in page


def test_where_to_write_must_be_said_for_several(scored, tmp_path):
    with pytest.raises(ValueError, match="say where to write: output= may only be left out for a single run"):
        write_report([scored, scored / "eval/made-val-linear.json"])


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
def test_a_browser_shows_it_without_complaint(scored, tmp_path):
    page = write_report(scored)
    command = [
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr", "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "Map of the embeddings" in shown.stdout
    assert "CONSOLE" not in shown.stderr
