"""Video files, and files that cannot be opened."""

from pathlib import Path

import numpy as np
import pytest

from helpers.paths import DATA
from helpers.pipelines.videos import (
    HEIGHT,
    WIDTH,
    noise_image,
    write_trimmed_video,
    write_variable_rate_video,
    write_video,
)
from mvot_pipelines.sources import Source, TruncatedError, open_source
from mvot_plugin.errors import InputError, UsageError


def shared_data(relative: str) -> Path:
    path = DATA / relative
    if not path.exists():
        pytest.skip(f"{relative} is not on this machine")
    return path


def truncate(path: Path, share: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def read_until_error(source: Source) -> tuple[list[int], str]:
    indices: list[int] = []
    with pytest.raises(TruncatedError) as caught:
        indices.extend(frame.index for frame in source)  # extend keeps what came before the error
    return indices, str(caught.value)


@pytest.mark.parametrize(("suffix", "codec"), [("mp4", "mp4v"), ("avi", "MJPG"), ("mkv", "MJPG")])
def test_a_video_gives_all_its_frames_with_their_times(tmp_path, suffix, codec):
    path = write_video(tmp_path / f"clip.{suffix}", codec=codec)
    with open_source(str(path)) as source:
        assert (source.name, source.size, source.length) == (path.name, (WIDTH, HEIGHT), 12)
        assert source.frame_rate == pytest.approx(10)
        frames = list(source)
    assert [frame.index for frame in frames] == list(range(12))
    assert [frame.timestamp for frame in frames] == pytest.approx(np.arange(12) / 10)
    assert np.abs(frames[5].image.astype(int) - noise_image(5)).mean() < 60
    assert frames[0].size == source.size


def test_every_iteration_starts_at_the_first_frame(tmp_path):
    with open_source(write_video(tmp_path / "clip.avi")) as source:
        abandoned = iter(source)
        assert [next(abandoned).index, next(abandoned).index] == [0, 1]
        assert len(list(source)) == 12
        assert list(abandoned) == []
        kept_open = iter(source)
        next(kept_open)
    assert list(kept_open) == []
    source.close()


def test_a_variable_frame_rate_is_kept_and_is_no_truncation(tmp_path):
    ticks = [0, 4, 8, 20, 24, 60, 61]
    with open_source(write_variable_rate_video(tmp_path / "phone.mkv", ticks)) as source:
        assert source.length == 62, "the container's guess, far above the seven frames"
        times = [frame.timestamp for frame in source]
    assert times == pytest.approx(np.array(ticks) / 100)


def test_a_given_frame_rate_overrides_the_file(tmp_path):
    path = write_variable_rate_video(tmp_path / "phone.mkv", [0, 4, 8, 20])
    with open_source(path, frame_rate=50) as source:
        assert source.frame_rate == 50
        assert [frame.timestamp for frame in source] == [0, 0.02, 0.04, 0.06]


@pytest.mark.parametrize("rate", [0, 0.0, -1.0, 1e-9, 1e9, float("nan"), float("inf")])
def test_an_impossible_frame_rate_is_refused(rate):
    with pytest.raises(UsageError, match=r"the frame rate must be .*, got"):
        open_source("clip.mp4", frame_rate=rate)


@pytest.mark.parametrize(("suffix", "codec"), [("avi", "MJPG"), ("avi", "XVID"), ("mkv", "mp4v")])
def test_a_truncated_video_yields_its_intact_frames_and_then_raises(tmp_path, suffix, codec):
    path = truncate(write_video(tmp_path / f"clip.{suffix}", frames=40, codec=codec), 0.6)
    with open_source(path) as source:
        indices, message = read_until_error(source)
    assert 10 < len(indices) < 36
    assert indices == list(range(len(indices)))
    assert str(path) in message
    assert f"only {len(indices)} of 40 frames" in message


def test_frames_after_a_damaged_stretch_keep_their_numbers_and_times(tmp_path):
    path = write_video(tmp_path / "clip.mp4", frames=40, codec="mp4v")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 9000] = bytes(9000)
    path.write_bytes(data)
    times: dict[int, float] = {}
    with pytest.raises(TruncatedError, match=r"only \d+ of 40 frames"), open_source(path) as source:
        times.update((frame.index, frame.timestamp) for frame in source)
    assert max(times) == 39
    assert len(times) < 38
    assert list(times.values()) == pytest.approx([index / 10 for index in times])


def test_a_trimmed_video_is_read_to_the_end_of_what_it_shows(tmp_path):
    path = write_trimmed_video(tmp_path / "phone.mp4", frames=40, shown=12)
    with open_source(path) as source:
        assert source.length == 40, "all that the file holds"
        times = [frame.timestamp for frame in source]
    assert times == pytest.approx(np.arange(12) / 10)


def test_a_shortfall_of_two_frames_is_tolerated(tmp_path):
    path = write_video(tmp_path / "clip.avi")
    source = open_source(path)
    for promised in (13, 14):
        source.length = promised
        assert len(list(source)) == 12
    source.length = 15
    assert read_until_error(source)[1].startswith(f"{path} is damaged or cut short")


def test_an_mp4_cut_before_its_index_is_no_video_or_cut_short(tmp_path):
    path = truncate(write_video(tmp_path / "clip.mp4", codec="mp4v"), 0.6)
    with pytest.raises(InputError, match=r"clip\.mp4 cannot be opened: .*not a video, or cut"):
        open_source(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.mp4", None, "missing.mp4: no such file or folder"),
        ("notes.txt", b"hello", "notes.txt is not a video but a text file"),
        ("empty.mp4", b"", "empty.mp4 cannot be opened"),
    ],
)
def test_a_file_that_is_no_video_is_named(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        open_source(tmp_path / name)


def test_a_file_without_permission_is_named_with_the_reason(tmp_path, monkeypatch):
    path = write_video(tmp_path / "clip.avi")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match=r"clip\.avi cannot be read: Permission denied; check"):
        open_source(path)


@pytest.mark.parametrize(
    ("sequence", "size", "rate", "length"),
    [("val/PETS09-S2L1", (768, 576), 7, 795), ("val/TUD-Campus", (640, 480), 25, 71)],
)
def test_real_sequences_have_the_properties_of_their_descriptions(sequence, size, rate, length):
    with open_source(shared_data(sequence)) as source:
        assert (source.size, source.frame_rate, source.length) == (size, rate, length)
        first, second = (frame for frame, _ in zip(source, range(2), strict=False))
    assert second.timestamp - first.timestamp == pytest.approx(1 / rate)


def test_a_real_short_video_is_read_to_its_end():
    with open_source(shared_data("val/TUD-Campus")) as source:
        assert sum(1 for _ in source) == 71
