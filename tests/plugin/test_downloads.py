"""Files that are fetched, checked and kept."""

import hashlib
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mvot_plugin.downloads import cache_folder, fetch
from mvot_plugin.errors import InputError

CONTENT = b"weights" * 1000
SHA = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append(self.path)
        if self.path == "/missing":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[: 50 if self.path == "/cut" else None])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    """A server with one file at every address; "/missing" has none, "/cut" breaks off."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        served.requests = []
        threading.Thread(target=served.serve_forever, args=(0.01,), daemon=True).start()
        yield served
        served.shutdown()


def address(server, name):
    return f"http://127.0.0.1:{server.server_port}/{name}"


def test_a_file_is_fetched_once(server, tmp_path):
    path = tmp_path / "new" / "folder" / "file.bin"
    for _ in range(2):
        assert fetch(address(server, "file"), path, SHA) == path
        assert path.read_bytes() == CONTENT
    assert server.requests == ["/file"]
    assert list(path.parent.iterdir()) == [path]


def test_a_damaged_file_is_fetched_again(server, tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(CONTENT[:-1])
    fetch(address(server, "file"), path, SHA)
    assert path.read_bytes() == CONTENT


def test_another_content_is_not_kept(server, tmp_path):
    with pytest.raises(InputError, match=r"/file: has another content than was expected"):
        fetch(address(server, "file"), tmp_path / "file.bin", "0" * 64)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["missing", "cut"])
def test_what_cannot_be_fetched_is_not_kept(name, server, tmp_path):
    with pytest.raises(InputError, match=f"/{name}: could not be fetched: "):
        fetch(address(server, name), tmp_path / "file.bin", SHA)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x", "nonsense", "file:///nowhere/x"])
def test_an_address_without_an_answer_is_one_sentence(url, tmp_path):
    with pytest.raises(InputError, match="could not be fetched") as caught:
        fetch(url, tmp_path / "file.bin", SHA)
    assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_written_is_named(server, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(InputError, match=r"file/x\.bin: could not be written"):
        fetch(address(server, "file"), tmp_path / "file" / "x.bin", SHA)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="has caches of its own")
def test_the_cache_is_the_user_s(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "mvot_plugin"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "mvot_plugin"
