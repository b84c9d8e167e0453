import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from mvot_pipelines.sources import LiveSource, Source, TruncatedError, open_source
from mvot_plugin.errors import InputError, UsageError

DATA = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"
WIDTH, HEIGHT = 64, 48


def shared(relative: str) -> Path:
    path = DATA / relative
    if not path.exists():
        pytest.skip(f"{relative} is not on this machine")
    return path


def noise(seed: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), np.uint8)


def make_video(path: Path, frames: int = 12, codec: str = "MJPG", rate: float = 10) -> Path:
    fourcc = cv2.VideoWriter.fourcc(*codec)
    writer = cv2.VideoWriter(str(path), fourcc, rate, (WIDTH, HEIGHT))
    for index in range(frames):
        writer.write(noise(index))
    writer.release()
    return path


def make_variable_rate_video(path: Path, ticks: list[int]) -> Path:
    """An mkv whose frames are shown at these hundredths of a second."""
    raw = [cv2.VIDEOWRITER_PROP_RAW_VIDEO, 1]
    fourcc = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, fourcc, 100.0, (WIDTH, HEIGHT), raw)
    for tick in ticks:
        writer.set(cv2.VIDEOWRITER_PROP_PTS, tick)
        writer.write(cv2.imencode(".jpg", noise(tick))[1])
    writer.release()
    return path


def make_images(folder: Path, names: list[str]) -> list[np.ndarray]:
    folder.mkdir(parents=True, exist_ok=True)
    images = [noise(seed) for seed in range(len(names))]
    for name, image in zip(names, images, strict=True):
        cv2.imwrite(str(folder / name), image)
    return images


def cut(path: Path, share: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def read_until_error(source: Source) -> tuple[list[int], str]:
    seen: list[int] = []
    with pytest.raises(TruncatedError) as caught:
        seen.extend(frame.index for frame in source)  # extend keeps what came before the error
    return seen, str(caught.value)


@pytest.mark.parametrize(("suffix", "codec"), [("mp4", "mp4v"), ("avi", "MJPG"), ("mkv", "MJPG")])
def test_a_video_gives_all_its_frames_with_their_times(tmp_path, suffix, codec):
    path = make_video(tmp_path / f"clip.{suffix}", codec=codec)
    with open_source(str(path)) as source:
        assert (source.name, source.size, source.length) == (path.name, (WIDTH, HEIGHT), 12)
        assert source.frame_rate == pytest.approx(10)
        frames = list(source)
    assert [frame.index for frame in frames] == list(range(12))
    assert [frame.timestamp for frame in frames] == pytest.approx(np.arange(12) / 10)
    assert np.abs(frames[5].image.astype(int) - noise(5)).mean() < 60
    assert frames[0].size == source.size


def test_every_iteration_starts_at_the_first_frame(tmp_path):
    with open_source(make_video(tmp_path / "clip.avi")) as source:
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
    with open_source(make_variable_rate_video(tmp_path / "phone.mkv", ticks)) as source:
        assert source.length == 62, "the container's guess, far above the seven frames"
        times = [frame.timestamp for frame in source]
    assert times == pytest.approx(np.array(ticks) / 100)


def test_a_given_frame_rate_overrides_the_file(tmp_path):
    path = make_variable_rate_video(tmp_path / "phone.mkv", [0, 4, 8, 20])
    with open_source(path, frame_rate=50) as source:
        assert source.frame_rate == 50
        assert [frame.timestamp for frame in source] == [0, 0.02, 0.04, 0.06]


@pytest.mark.parametrize("rate", [0, 0.0, -1.0, float("nan"), float("inf")])
def test_an_impossible_frame_rate_is_refused(rate):
    with pytest.raises(UsageError, match="must be a positive number"):
        open_source("clip.mp4", frame_rate=rate)


@pytest.mark.parametrize(("suffix", "codec"), [("avi", "MJPG"), ("avi", "XVID"), ("mkv", "mp4v")])
def test_a_truncated_video_gives_its_good_frames_and_then_says_so(tmp_path, suffix, codec):
    path = cut(make_video(tmp_path / f"clip.{suffix}", frames=40, codec=codec), 0.6)
    with open_source(path) as source:
        seen, message = read_until_error(source)
    assert 10 < len(seen) < 36
    assert seen == list(range(len(seen)))
    assert str(path) in message
    assert f"only {len(seen)} of 40 frames" in message


def test_frames_after_a_damaged_stretch_keep_their_numbers_and_times(tmp_path):
    path = make_video(tmp_path / "clip.mp4", frames=40, codec="mp4v")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 9000] = bytes(9000)
    path.write_bytes(data)
    times: dict[int, float] = {}
    with pytest.raises(TruncatedError, match=r"only \d+ of 40 frames"), open_source(path) as source:
        times.update((frame.index, frame.timestamp) for frame in source)
    assert max(times) == 39
    assert len(times) < 38
    assert list(times.values()) == pytest.approx([index / 10 for index in times])


def test_a_shortfall_of_two_frames_is_tolerated(tmp_path):
    path = make_video(tmp_path / "clip.avi")
    source = open_source(path)
    for promised in (13, 14):
        source.length = promised
        assert len(list(source)) == 12
    source.length = 15
    assert read_until_error(source)[1].startswith(f"{path} is damaged or cut short")


def test_an_mp4_cut_before_its_index_is_no_video_or_cut_short(tmp_path):
    path = cut(make_video(tmp_path / "clip.mp4", codec="mp4v"), 0.6)
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
    path = make_video(tmp_path / "clip.avi")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match=r"clip\.avi cannot be read: Permission denied; check"):
        open_source(path)


def test_the_images_of_a_folder_run_at_25_frames_per_second(tmp_path):
    images = make_images(tmp_path / "shots", ["2.png", "10.png", "11.png"])
    with open_source(tmp_path / "shots") as source:
        assert (source.name, source.length, source.frame_rate) == ("shots", 3, 25)
        frames = list(source)
    for frame, original in zip(frames, images, strict=True):
        np.testing.assert_array_equal(frame.image, original)
    assert [frame.timestamp for frame in frames] == pytest.approx([0, 0.04, 0.08])


def test_an_image_of_another_size_is_named(tmp_path):
    make_images(tmp_path, ["1.png", "2.png"])
    cv2.imwrite(str(tmp_path / "3.png"), noise(0, size=(32, 32)))
    source = open_source(tmp_path)
    with pytest.raises(InputError, match=r"3\.png is \(32, 32\) pixels and .*1\.png is \(64, 48\)"):
        list(source)


def test_the_sequence_description_governs_rate_and_length_of_images(tmp_path):
    make_images(tmp_path / "frames", [f"{n:06}.jpg" for n in range(1, 7)])
    ini = "[Sequence]\nname=x\nimDir=frames\nframeRate=5\nseqLength=4\n"
    (tmp_path / "seqinfo.ini").write_text(ini)
    with open_source(tmp_path) as source:
        assert (source.name, source.length, source.frame_rate) == (tmp_path.name, 4, 5)
        assert [frame.timestamp for frame in source] == pytest.approx([0, 0.2, 0.4, 0.6])


def test_the_sequence_description_governs_rate_and_length_of_a_video(tmp_path):
    make_video(tmp_path / "clip.avi", rate=25)
    ini = "[Sequence]\nvideo=clip.avi\nframeRate=4\nseqLength=3\n"
    (tmp_path / "seqinfo.ini").write_text(ini)
    with open_source(tmp_path) as source:
        assert (source.name, source.length, source.frame_rate) == (tmp_path.name, 3, 4)
        assert [frame.timestamp for frame in source] == [0, 0.25, 0.5]
    with open_source(tmp_path, frame_rate=2.0) as source:
        assert [frame.timestamp for frame in source] == [0, 0.5, 1]


def test_a_folder_with_img1_needs_no_description(tmp_path):
    make_images(tmp_path / "img1", ["000001.jpg", "000002.jpg"])
    with open_source(tmp_path) as source:
        assert (source.name, source.length, source.frame_rate) == (tmp_path.name, 2, 25)


@pytest.mark.parametrize(
    ("ini", "message"),
    [
        ("nonsense", "seqinfo.ini does not describe a MOT sequence"),
        ("[Other]\nx=1", "does not describe a MOT sequence: No section: 'Sequence'; correct"),
        ("[Sequence]\nframeRate=fast", "seqinfo.ini does not describe a MOT sequence"),
        ("[Sequence]\nframeRate=0", "must be positive"),
        ("[Sequence]\nseqLength=0", "must be positive"),
        ("[Sequence]\nvideo=gone.avi", "gone.avi: no such file"),
        ("[Sequence]\nframeRate=30", "img1: no such file"),
    ],
)
def test_a_bad_sequence_description_is_named(tmp_path, ini, message):
    (tmp_path / "seqinfo.ini").write_text(ini)
    with pytest.raises(InputError, match=message):
        open_source(tmp_path)


@pytest.mark.parametrize(
    ("sequence", "size", "rate", "length"),
    [("val/PETS09-S2L1", (768, 576), 7, 795), ("val/TUD-Campus", (640, 480), 25, 71)],
)
def test_real_sequences_open_with_the_facts_of_their_descriptions(sequence, size, rate, length):
    with open_source(shared(sequence)) as source:
        assert (source.size, source.frame_rate, source.length) == (size, rate, length)
        first, second = (frame for frame, _ in zip(source, range(2), strict=False))
    assert second.timestamp - first.timestamp == pytest.approx(1 / rate)


def test_a_real_short_video_is_read_to_its_end():
    with open_source(shared("val/TUD-Campus")) as source:
        assert sum(1 for _ in source) == 71


class StepClock:
    """Half a second passes with every look at it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        self.now += 0.5
        return self.now


def test_a_stream_is_timed_by_the_clock_and_simply_ends(tmp_path):
    stream = LiveSource(str(make_video(tmp_path / "clip.avi")), clock=StepClock())
    with stream as source:
        assert source.length is None
        frames = list(source)
    times = np.array([frame.timestamp for frame in frames])
    assert [frame.index for frame in frames] == list(range(11)), "the first one told the size"
    assert (np.diff(times) >= 0.5).all()
    source.close()


def test_a_stream_with_a_given_rate_is_timed_by_it(tmp_path):
    with LiveSource(str(make_video(tmp_path / "clip.avi")), frame_rate=4.0) as source:
        assert [frame.timestamp for frame in source][:3] == [0, 0.25, 0.5]


def test_a_camera_that_is_not_there_is_one_sentence(capfd):
    for spec in ("97", 97):
        with pytest.raises(InputError, match="camera 97 cannot be opened: check"):
            open_source(spec)
    if sys.platform == "linux":
        assert capfd.readouterr().err == ""


def test_a_stream_that_cannot_be_opened_does_not_tell_the_password():
    with pytest.raises(InputError) as caught:
        open_source("http://me:secret@127.0.0.1:9/live?token=abc")
    assert str(caught.value).startswith("http://127.0.0.1:9/live cannot be opened")
