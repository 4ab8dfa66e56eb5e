import json
import multiprocessing
import random
import shutil
import time

import pytest
import rasterio
import torch

from eo_data import SSL4EOS12, SeCo
from eo_data.collect import UnreachableError, collect
from eo_data.collect.manifest import Manifest


def content(folder):
    """Path to bytes of all files below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def processes():
    """Makes processes that can be killed, from one that has imported everything already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["eo_data.collect.stac"])
    return context


def test_a_collection_has_its_tree_its_manifest_and_nothing_else(undisturbed):
    assert (undisturbed.taken, undisturbed.dropped) == (4, 0)
    records = [json.loads(line) for line in (undisturbed.output / "manifest.jsonl").read_text().splitlines()]
    assert [record["place"] for record in records] == [0, 1, 2, 3]
    names = [(record["place"], image["folder"]) for record in records for image in record["images"]]
    folders = {f"seasonal_contrast_100k/{place:06d}/{name}" for place, name in names}
    files = set(content(undisturbed.output))
    assert {path.rpartition("/")[0] for path in files} - {""} == folders
    assert len(folders) == 20
    assert {path for path in files if "/" not in path} == {"manifest.jsonl", "collection.json", ".lock"}
    with rasterio.open(undisturbed.output / min(folders) / "B2.tif") as file:
        assert (file.shape, file.dtypes) == ((264, 264), ("uint8",))


def test_our_reader_reads_seco(undisturbed):
    dataset = SeCo(undisturbed.output)
    assert dataset.ids == ("000000", "000001", "000002", "000003")
    assert dataset[0]["image"].shape == (5, 12, 264, 264)
    assert dataset[0]["image"].dtype == torch.uint8


def test_our_reader_reads_ssl4eo(config):
    done = collect(config(layout="ssl4eo_s12", count=1))
    dataset = SSL4EOS12(done.output, product="s2a", bands=["B02", "B12", "B09"])
    assert dataset.ids == ("0000000",)
    assert dataset[0]["image"].shape == (4, 3, 264, 264)
    assert dataset[0]["image"].dtype == torch.uint16


def test_once_collected_nothing_is_asked_for_again_and_more_places_are_added(config, undisturbed, server):
    collect(config(count=1, workers=1))
    before, asked = content(config().output), len(server.requests)
    assert collect(config(count=1)).taken == 1
    assert content(config().output) == before
    assert len(server.requests) == asked
    assert collect(config(count=4)).taken == 4
    assert content(config().output) == content(undisturbed.output)  # whatever the number of threads


def kill_and_resume(processes, config, server, *, kills, requests, seed):
    """Start the collection so many times and kill it after a random number of requests, then let it end."""
    rng = random.Random(seed)
    for _ in range(kills):
        last = len(server.requests) + rng.randint(1, requests)
        process = processes.Process(target=collect, args=(config,))
        process.start()
        while process.is_alive() and len(server.requests) < last:
            time.sleep(0.001)
        process.kill()
        process.join()
        assert process.exitcode in (-9, 0)
    return collect(config)


def test_a_collection_killed_and_resumed_equals_an_undisturbed_one(config, processes, undisturbed, server):
    done = kill_and_resume(processes, config(), server, kills=3, requests=250, seed=0)
    assert content(done.output) == content(undisturbed.output)


@pytest.mark.slow
@pytest.mark.parametrize(("layout", "workers"), [("seco", 1), ("seco", 4), ("ssl4eo_s12", 2)])
def test_a_collection_killed_ten_times_equals_an_undisturbed_one(config, processes, tmp_path, server, layout, workers):
    undisturbed = collect(config(output=tmp_path / "undisturbed", layout=layout))
    server.faults = [("data", fault) for fault in (429, 500, "cut", "short")] * 5
    killed = config(output=tmp_path / "killed", layout=layout, workers=workers)
    done = kill_and_resume(processes, killed, server, kills=10, requests=100, seed=workers)
    assert content(done.output) == content(undisturbed.output)


def test_a_place_settled_but_not_yet_moved_is_moved_and_an_unsettled_one_is_forgotten(config, server, undisturbed):
    output = shutil.copytree(undisturbed.output, config().output)
    before, hidden = content(output), output / ".unfinished"
    for number in (0, 7):
        folder = f"seasonal_contrast_100k/{number:06d}"
        (hidden / str(number) / folder).parent.mkdir(parents=True)
        if number == 0:
            (output / folder).rename(hidden / "0" / folder)
        else:
            (hidden / "7" / folder).mkdir()
    collect(config())
    assert content(output) == before
    assert not server.requests
    assert not hidden.exists()


def test_a_source_that_fails_leaves_the_place_for_the_next_run(config, source_of, server):
    server.faults = [("SCL", 503)] * 4
    with pytest.raises(
        ConnectionError, match="1 places could not be fetched, such as place 0: .*SCL.tif did not answer"
    ):
        collect(config(count=2, workers=1), source=source_of())
    assert list(Manifest(config().output).records) == [1]
    assert collect(config(count=2), source=source_of()).taken == 2


def test_a_source_that_is_down_is_not_asked_for_every_place(config, tmp_path):
    class Down:
        name, products, asked = "down", ("s2a",), 0

        def search(self, product, point, window):
            self.asked += 1
            raise UnreachableError("down for today")

        def stop(self):
            pass

    down, many = Down(), config(places="cities", count=1000, draws=1, workers=2)
    with pytest.raises(
        ConnectionError, match="8 places could not be fetched, such as place [0-9]: down for today; run the"
    ):
        collect(many, source=down)
    assert down.asked < 20
    assert not Manifest(many.output).records


def test_dropped_places_are_settled_too(config, source_of, server):
    done = collect(config(count=1), source=source_of("cloudy"))
    assert (done.taken, done.dropped) == (0, 1)
    asked = len(server.requests)
    assert collect(config(count=1), source=source_of("cloudy")) == done
    assert len(server.requests) == asked


def test_another_collection_is_not_mixed_in(config, places_file, undisturbed):
    shutil.copytree(undisturbed.output, config().output)
    with pytest.raises(FileExistsError, match="is a collection with seed 0, not 1; choose another folder"):
        collect(config(count=1, seed=1))
    lines = places_file.read_text().splitlines()
    places_file.write_text("\n".join([lines[0], *lines[:1:-1]]) + "\n")
    with pytest.raises(FileExistsError, match="place 0 of .* lies at .*places.csv has none; choose another folder"):
        collect(config(count=1))


def test_the_end_date_of_the_first_run_is_kept(config, undisturbed, server):
    shutil.copytree(undisturbed.output, config().output)
    assert collect(config(until=None)).taken == 4
    assert not server.requests


def test_two_processes_do_not_share_a_folder(config):
    fcntl = pytest.importorskip("fcntl")
    output = config().output
    output.mkdir()
    with (output / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(FileExistsError, match="another process collects into .*; wait for it to end"):
            collect(config(count=1))


def test_a_product_that_the_source_does_not_have_is_refused(config):
    with pytest.raises(ValueError, match="earth-search has no s1 .only s2a.; name another source"):
        collect(config(layout="ssl4eo_s12", products=("s1",)))
    assert not config().output.exists()
