import hashlib
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import torch

from eo_models import create_model, get_weights
from eo_models.download import download_weights
from eo_models.weights import Drive, Hub, Url

REVISION = "0123456789abcdef0123456789abcdef01234567"


class Server(ThreadingHTTPServer):
    """Sends `content` as a plain address does, and as the Hub does; `drops` says where the first connections break."""

    def __init__(self, content):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.sha256 = content, hashlib.sha256(content).hexdigest()
        self.drops, self.status, self.requests = [], None, []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        start = self.answer()
        if start is None:
            return
        drops, content = self.server.drops, self.server.content
        self.wfile.write(content[start : start + drops.pop(0) if drops else len(content)])

    def answer(self):
        server, asked = self.server, self.headers.get("Range")
        server.requests.append((self.command, self.path, asked))
        if server.status:
            self.send_error(server.status)
            return None
        start = int(asked[6:].split("-")[0]) if asked else 0
        if start >= len(server.content):
            self.send_error(416)
            return None
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(server.content) - start))
        self.send_header("ETag", f'"{server.sha256}"')
        self.send_header("X-Repo-Commit", REVISION)
        self.end_headers()
        return start

    def log_message(self, *_):
        pass


@pytest.fixture
def server(golden, monkeypatch, tmp_path):
    content = golden.file("softcon", "B2_rn50_softcon").read_bytes()
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("EO_MODELS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("eo_models.download.time.sleep", lambda seconds: None)
    with Server(content) as server:
        address = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", address)
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def of(monkeypatch, server):
    """The facts of SoftCon's SAR ResNet-50, as if it lay elsewhere; `create_model` is told so too."""

    def moved(source):
        weights = replace(get_weights("resnet50.softcon_s1"), source=source)
        monkeypatch.setattr("eo_models.request.get_weights", lambda name: weights)
        return weights

    return moved


@pytest.fixture
def by_url(of, server):
    return of(Url(url=f"{server.url}/{'B2_rn50_softcon.pth'}?download=1", md5=hashlib.md5(server.content).hexdigest()))


@pytest.fixture
def by_hub(of, server):
    return of(Hub(repo_id="someone/softcon", revision=REVISION, sha256=server.sha256))


def files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.stat().st_size > 1000)


def test_pretrained_fetches_verifies_and_keeps_a_file_of_an_address(server, by_url, tmp_path):
    server.drops = [300_000, 0, 200_000]
    model = create_model("resnet50.softcon_s1", pretrained=True)
    assert not model.training
    assert [asked for _, _, asked in server.requests] == [None, "bytes=300000-", "bytes=300000-", "bytes=500000-"]
    server.status, server.requests = 500, []
    again = create_model("resnet50.softcon_s1", pretrained=True)  # offline now
    assert torch.equal(again.first_layer.weight, model.first_layer.weight)
    assert server.requests == []
    assert files(tmp_path / "cache") == ["B2_rn50_softcon.pth"]


def test_pretrained_fetches_verifies_and_keeps_a_file_of_the_hub(server, by_hub, monkeypatch):
    path = download_weights(by_hub)
    assert path.read_bytes() == server.content
    assert server.requests[0][:2] == ("HEAD", f"/someone/softcon/resolve/{REVISION}/B2_rn50_softcon.pth")
    server.status, server.requests = 500, []
    assert download_weights(by_hub) == path  # a pinned revision needs no network
    assert server.requests == []


@pytest.mark.parametrize("kind", ["by_url", "by_hub"])
def test_other_bytes_than_published_are_thrown_away(server, kind, request, tmp_path):
    weights = request.getfixturevalue(kind)
    content, server.content = server.content, bytes(len(server.content))
    with pytest.raises(ValueError, match=r"has (md5|sha256) [0-9a-f]+, resnet50.softcon_s1 was published with"):
        create_model(weights.name, pretrained=True)
    assert files(tmp_path) == []
    server.content = content
    assert download_weights(weights).read_bytes() == content


@pytest.mark.parametrize("kind", ["by_url", "by_hub"])
def test_a_dead_link_names_the_file_and_the_way_out(server, kind, request, tmp_path):
    weights = request.getfixturevalue(kind)
    server.status = 404
    with pytest.raises(ConnectionError, match=r"B2_rn50_softcon.pth.*404.*pass checkpoint=FILE"):
        create_model(weights.name, pretrained=True)
    assert files(tmp_path) == []


@pytest.mark.parametrize("kind", ["by_url", "by_hub"])
def test_no_network_says_so(server, kind, request):
    weights = request.getfixturevalue(kind)
    server.shutdown()
    server.server_close()
    with pytest.raises(ConnectionError, match=r"B2_rn50_softcon.pth.* check the network"):
        download_weights(weights, attempts=2)


def test_a_killed_download_is_resumed_and_never_trusted(server, by_url, tmp_path):
    server.drops = [400_000, 0]
    with pytest.raises(ConnectionError, match="400000 bytes are kept"):
        download_weights(by_url, attempts=1)
    assert files(tmp_path / "cache") == ["B2_rn50_softcon.pth.part"]
    assert download_weights(by_url).read_bytes() == server.content
    assert server.requests[-1][2] == "bytes=400000-"


def test_a_file_of_a_shared_drive_says_where_to_get_it(server, of):
    of(Drive(where="https://drive.example/abc"))
    with pytest.raises(
        FileNotFoundError, match=r"get B2_rn50_softcon.pth from https://drive.example/abc and pass check"
    ):
        create_model("resnet50.softcon_s1", pretrained=True)
    with pytest.raises(ValueError, match="was published without a hash; leave verify out"):
        create_model("resnet50.softcon_s1", checkpoint="x.pth", verify=True)
