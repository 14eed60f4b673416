"""The artifact store, in a folder and behind URLs, S3 among them."""

from __future__ import annotations

import hashlib
import io
import socket
import subprocess
import sys
import tarfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import fsspec
import pytest
from moto.server import ThreadedMotoServer

from autoflow.errors import DataLoss, InvalidArgument, NotFound, Unavailable
from autoflow.store.artifacts import ArtifactStore

ABSENT = "sha256:" + "0" * 64


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """A server that speaks S3; one for all tests, each with a bucket of its own."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new bucket's URL; the process' environment says where it is."""
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
    }.items():
        monkeypatch.setenv(name, value)
    name = uuid.uuid4().hex
    fsspec.filesystem("s3", skip_instance_cache=True).mkdir(name)
    return f"s3://{name}"


@pytest.fixture(params=["folder", "file url", "memory", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        return f"{request.getfixturevalue('bucket')}/a prefix"
    folder = tmp_path / "with space" / "artifacts"
    return {
        "folder": str(folder),
        "file url": folder.as_uri().replace("%20", " "),
        "memory": f"memory://{uuid.uuid4().hex}",
    }[request.param]


@pytest.fixture
def store(url: str) -> ArtifactStore:
    return ArtifactStore(url)


def example(folder: Path) -> Path:
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "b.bin").write_bytes(bytes(range(256)))
    (folder / "a.txt").write_text("a")
    (folder / "empty").touch()
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def archive_of(*entries: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for entry in entries:
            archive.addfile(entry, io.BytesIO(b"x" * entry.size))
    return buffer.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type = kind
    made.linkname = target
    made.size = 1 if kind == tarfile.REGTYPE else 0
    return made


@pytest.mark.parametrize("data", [b"", b"text", bytes(1_000_000)])
def test_a_blob_comes_back_under_its_sha256(store: ArtifactStore, data: bytes) -> None:
    digest = store.put(data)

    assert digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert store.get(digest) == data


def test_another_store_at_the_same_place_has_it(store: ArtifactStore, url: str) -> None:
    assert ArtifactStore(url).get(store.put(b"x")) == b"x"


def test_storing_twice_is_harmless(store: ArtifactStore) -> None:
    assert store.put(b"x") == store.put(b"x")
    assert store.get(store.put(b"x")) == b"x"


def test_an_absent_blob_is_not_found(store: ArtifactStore) -> None:
    with pytest.raises(NotFound, match=ABSENT):
        store.get(ABSENT)


@pytest.mark.parametrize("digest", ["", "sha256:", "sha256:" + "A" * 64, "../../etc/passwd", ABSENT + "/.."])
def test_what_is_no_digest_is_refused(tmp_path: Path, digest: str) -> None:
    with pytest.raises(InvalidArgument):
        ArtifactStore(str(tmp_path)).get(digest)


def test_a_damaged_blob_is_not_returned(store: ArtifactStore, url: str) -> None:
    digest = store.put(b"right")
    files, root = fsspec.url_to_fs(url)
    (stored,) = files.find(root)
    files.pipe_file(stored, b"wrong")

    with pytest.raises(DataLoss):
        store.get(digest)


def test_a_store_that_is_away_is_unavailable(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    store = ArtifactStore(bucket)
    with pytest.raises(Unavailable):
        store.put(b"x")
    with pytest.raises(Unavailable):
        store.get(ABSENT)


def test_a_bucket_that_is_not_there_is_unavailable_and_not_made(bucket: str) -> None:
    absent = f"never-made-{uuid.uuid4().hex}"
    with pytest.raises(Unavailable):
        ArtifactStore(f"s3://{absent}/prefix").put(b"x")
    buckets = fsspec.filesystem("s3", skip_instance_cache=True).ls("")
    assert bucket.removeprefix("s3://") in buckets
    assert absent not in buckets


def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable):
        ArtifactStore(str(tmp_path / "file")).put(b"x")


def test_s3_without_its_extra_names_the_extra() -> None:
    code = (
        "import sys; sys.modules['s3fs'] = None\n"
        "from autoflow.store.artifacts import ArtifactStore\n"
        "ArtifactStore('s3://bucket')"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "SettingsError: artifacts in S3 need the extra `s3`" in ran.stderr


def test_many_who_store_the_same_blob_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    store, data = ArtifactStore(str(tmp_path)), bytes(200_000)
    barrier, digests = threading.Barrier(8), list[str]()

    def put() -> None:
        barrier.wait(timeout=30)
        digests.append(store.put(data))

    threads = [threading.Thread(target=put) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert len(digests) == 8
    assert store.get(digests[0]) == data
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1, "temporary files are left"


def test_a_folder_comes_back(store: ArtifactStore, tmp_path: Path) -> None:
    folder = example(tmp_path / "folder")

    fetched = store.fetch_folder(store.put_folder(folder), tmp_path / "deep" / "copy")

    assert fetched == tmp_path / "deep" / "copy"
    assert content(fetched) == content(folder)
    assert {path.name for path in fetched.parent.iterdir()} == {"copy"}, "temporary folders are left"


def test_equal_folders_have_equal_digests_whatever_their_times_and_modes(
    store: ArtifactStore, tmp_path: Path
) -> None:
    one, other = example(tmp_path / "one"), example(tmp_path / "other")
    (other / "a.txt").chmod(0o600)

    assert store.put_folder(one) == store.put_folder(other)
    (other / "a.txt").write_text("b")
    assert store.put_folder(one) != store.put_folder(other)


def test_a_folder_that_is_there_is_left_alone(store: ArtifactStore, tmp_path: Path) -> None:
    digest = store.put_folder(example(tmp_path / "folder"))
    there = tmp_path / "there"
    there.mkdir()

    assert store.fetch_folder(digest, there) == there
    assert content(there) == {}


def test_a_folder_with_a_link_is_not_stored(tmp_path: Path) -> None:
    store = ArtifactStore(str(tmp_path / "store"))
    folder = example(tmp_path / "folder")
    (folder / "link").symlink_to("/etc/passwd")

    with pytest.raises(ValueError, match="link is neither"):
        store.put_folder(folder)


@pytest.mark.parametrize(
    "hostile",
    [
        entry("../outside"),
        entry("inner/../../outside"),
        entry("/absolute"),
        entry("link", tarfile.SYMTYPE, "/etc/passwd"),
        entry("link", tarfile.LNKTYPE, "../outside"),
        entry("device", tarfile.CHRTYPE),
        entry("pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda hostile: f"{hostile.name} {hostile.type!r}",
)
def test_a_hostile_archive_writes_nothing(tmp_path: Path, hostile: tarfile.TarInfo) -> None:
    store = ArtifactStore(str(tmp_path / "store"))
    digest = store.put(archive_of(entry("harmless"), hostile))
    place = tmp_path / "place"

    with pytest.raises(DataLoss, match="something else than files"):
        store.fetch_folder(digest, place / "into")
    assert list(place.iterdir()) == []
    assert not (tmp_path / "outside").exists()


def test_a_blob_that_is_no_archive_is_no_folder(tmp_path: Path) -> None:
    store = ArtifactStore(str(tmp_path / "store"))
    with pytest.raises(DataLoss, match="is not a folder"):
        store.fetch_folder(store.put(b"no archive" * 100), tmp_path / "into")
    assert not (tmp_path / "into").exists()


def test_whether_a_blob_is_there_is_told(url: str) -> None:
    store = ArtifactStore(url)
    assert not store.has(ABSENT)
    assert store.has(store.put(b"here"))
    with pytest.raises(InvalidArgument, match="nonsense"):
        store.has("nonsense")


# Tells which files and folders are opened before a fetched folder takes its name, each for the last time.
WATCHED = """
import os, sys
from pathlib import Path
from autoflow.store.artifacts import ArtifactStore

home, seen = Path(sys.argv[1]), {}
def watch(event, args):
    if event == "open" and not isinstance(args[0], int):
        seen[str(args[0])] = "written" if args[2] & (os.O_WRONLY | os.O_RDWR) else "brought to the disk"
    if event == "os.rename" and str(args[1]) == str(home / "copy"):
        fresh = str(args[0])
        print(sorted((path[len(fresh):], how) for path, how in seen.items() if path.startswith(fresh)))

store = ArtifactStore(str(home / "artifacts"))
digest = store.put_folder(home / "folder")
sys.addaudithook(watch)
store.fetch_folder(digest, home / "copy")
"""


def test_a_folder_is_on_the_disk_before_it_takes_its_name(tmp_path: Path) -> None:
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    for name in ("one", "deep/two"):
        (tmp_path / "folder" / name).write_text(name)
    command = [sys.executable, "-c", WATCHED, str(tmp_path)]
    told = subprocess.run(command, check=True, capture_output=True, timeout=60, text=True).stdout
    wanted = [(path, "brought to the disk") for path in ("", "/deep", "/deep/two", "/one")]
    assert told.strip() == str(wanted)
