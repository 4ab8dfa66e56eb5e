import hashlib
import io
import tarfile
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from eo_data.download import Archive, fetch, untar, unzip

CONTENT = bytes(range(256)) * 4096  # 1 MiB
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Sends CONTENT; `drops` says after how many bytes each of the first connections breaks."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.drops, self.ranges, self.requests, self.status = [], True, [], None

    @property
    def archive(self):
        return Archive(f"http://127.0.0.1:{self.server_port}/images.zip?download=1", sha256=SHA256)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.requests.append(self.headers.get("Range"))
        if server.status:
            self.send_error(server.status)
            return
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1]) if server.ranges else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        end = start + server.drops.pop(0) if server.drops else len(CONTENT)
        self.wfile.write(CONTENT[start:end])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr("eo_data.download.time.sleep", lambda seconds: None)
    with Server() as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def test_a_file_comes_whole_under_its_own_name(server, tmp_path):
    path = fetch(server.archive, tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "images.zip"
    assert path.read_bytes() == CONTENT
    assert [entry.name for entry in path.parent.iterdir()] == ["images.zip"]


def test_a_dropped_connection_is_taken_up_where_it_broke_off(server, tmp_path):
    server.drops = [300_000, 0, 200_000]
    assert fetch(server.archive, tmp_path).read_bytes() == CONTENT
    assert server.requests == [None, "bytes=300000-", "bytes=300000-", "bytes=500000-"]


def test_the_next_call_resumes_what_a_killed_one_left(server, tmp_path):
    (tmp_path / "images.zip.part").write_bytes(CONTENT[:700_000])
    assert fetch(server.archive, tmp_path).read_bytes() == CONTENT
    assert server.requests == ["bytes=700000-"]


def test_a_complete_part_is_only_checked(server, tmp_path):
    (tmp_path / "images.zip.part").write_bytes(CONTENT)
    assert fetch(server.archive, tmp_path).read_bytes() == CONTENT


def test_a_server_that_knows_no_ranges_starts_again(server, tmp_path):
    server.ranges = False
    (tmp_path / "images.zip.part").write_bytes(b"something else")
    assert fetch(server.archive, tmp_path).read_bytes() == CONTENT


def test_giving_up_keeps_what_came_and_says_how_to_go_on(server, tmp_path):
    server.drops = [400_000] + [0] * 10
    with pytest.raises(ConnectionError, match=r"broke off at byte 400000 3 times in a row .*; run again to resume"):
        fetch(server.archive, tmp_path, attempts=3)
    assert (tmp_path / "images.zip.part").stat().st_size == 400_000
    assert not (tmp_path / "images.zip").exists()


def test_a_refusal_is_not_repeated(server, tmp_path):
    server.status = 404
    with pytest.raises(ConnectionError, match="answers 404"):
        fetch(server.archive, tmp_path)
    assert len(server.requests) == 1


def test_a_server_in_trouble_is_asked_again(server, tmp_path):
    server.status = 503
    with pytest.raises(ConnectionError, match=r"broke off at byte 0 2 times in a row .*503"):
        fetch(server.archive, tmp_path, attempts=2)
    assert len(server.requests) == 2


def test_no_server_at_all(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(ConnectionError, match="run again to resume"):
        fetch(Archive("http://127.0.0.1:9/images.zip", sha256=SHA256), tmp_path, attempts=1)


@pytest.mark.parametrize("name", ["sha256", "md5"])
def test_wrong_bytes_are_thrown_away(server, tmp_path, name):
    archive = Archive(server.archive.url, **{name: "0" * 32})
    with pytest.raises(ValueError, match=f"has {name} [0-9a-f]+, its publisher says 0+; delete it and fetch it again"):
        fetch(archive, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_checked_and_not_fetched(server, tmp_path):
    (tmp_path / "images.zip").write_bytes(CONTENT)
    fetch(server.archive, tmp_path)
    (tmp_path / "images.zip").write_bytes(CONTENT[:-1])
    with pytest.raises(ValueError, match=r"images\.zip has sha256"):
        fetch(server.archive, tmp_path)
    assert server.requests == []


def test_an_archive_without_a_hash_is_refused():
    with pytest.raises(ValueError, match="needs a sha256 or an md5"):
        Archive("http://example.org/images.zip")


def make_zip(path, entries):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def test_unzip_keeps_files_that_are_there(tmp_path):
    path = make_zip(
        tmp_path / "images.zip", {"2750/": "", "2750/River/River_1.jpg": "new", "2750/River/River_2.jpg": "b"}
    )
    (tmp_path / "2750" / "River").mkdir(parents=True)
    (tmp_path / "2750" / "River" / "River_1.jpg").write_text("old")
    unzip(path, tmp_path)
    files = {file.name: file.read_text() for file in (tmp_path / "2750" / "River").iterdir()}
    assert files == {"River_1.jpg": "old", "River_2.jpg": "b"}


@pytest.mark.parametrize(
    "name", ["../outside.txt", "/outside.txt", "a/../../outside.txt", "..\\outside.txt", "C:/outside.txt"]
)
def test_unzip_refuses_entries_that_land_outside(tmp_path, name):
    folder = tmp_path / "root"
    path = make_zip(tmp_path / "images.zip", {"inside.txt": "a", name: "b"})
    with pytest.raises(ValueError, match=r"would land outside .*; do not trust this archive"):
        unzip(path, folder)
    assert not folder.exists()


def test_unzip_refuses_links(tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    path = make_zip(tmp_path / "images.zip", {link: "/etc"})
    with pytest.raises(ValueError, match="'link', which would land outside"):
        unzip(path, tmp_path / "root")


def test_unzip_names_a_broken_archive(tmp_path):
    path = make_zip(tmp_path / "images.zip", {"a.txt": "a" * 5000})
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ValueError, match=r"images\.zip is not a whole zip archive"):
        unzip(path, tmp_path / "root")


def test_unzip_leaves_no_half_file_under_its_name(tmp_path):
    path = make_zip(tmp_path / "images.zip", {"a.txt": "a" * 5000})
    content = bytearray(path.read_bytes())
    content[2000] = ord("b")  # the archive's own checksum finds it
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not a whole zip archive"):
        unzip(path, tmp_path / "root")
    assert not (tmp_path / "root" / "a.txt").exists()


def make_tar(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def test_untar_joins_parts_and_keeps_what_is_there(tmp_path):
    whole = make_tar(tmp_path / "a.tar.gz", {"a/one.txt": b"1" * 3000, "a/two.txt": b"2"}).read_bytes()
    parts = [tmp_path / f"a.tar.gz{ending}" for ending in ("aa", "ab", "ac")]
    for number, part in enumerate(parts):
        part.write_bytes(whole[number * 40 : (number + 1) * 40 if number < 2 else None])
    (tmp_path / "root" / "a").mkdir(parents=True)
    (tmp_path / "root" / "a" / "two.txt").write_text("old")
    untar(parts, tmp_path / "root")
    assert (tmp_path / "root" / "a" / "one.txt").read_text() == "1" * 3000
    assert (tmp_path / "root" / "a" / "two.txt").read_text() == "old"


def test_untar_refuses_what_lands_outside_and_what_is_cut_short(tmp_path):
    path = make_tar(tmp_path / "a.tar.gz", {"../outside.txt": b"x"})
    with pytest.raises(ValueError, match=r"would land outside .*; do not trust this archive"):
        untar([path], tmp_path / "root")
    assert not (tmp_path / "outside.txt").exists()
    whole = make_tar(tmp_path / "b.tar.gz", {"big.bin": hashlib.sha256(b"").digest() * 9999})
    whole.write_bytes(whole.read_bytes()[:200])
    with pytest.raises(ValueError, match="b.tar.gz is not a whole tar archive .*; delete it and fetch it again"):
        untar([whole], tmp_path / "root")
    assert not (tmp_path / "root" / "big.bin").exists()
