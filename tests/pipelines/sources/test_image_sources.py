"""Sources of images: folders and MOTChallenge sequences."""

import cv2
import numpy as np
import pytest

from helpers.pipelines.videos import noise_image, write_images, write_video
from mvot_pipelines.sources import open_source
from mvot_plugin.errors import InputError


def test_the_images_of_a_folder_run_at_25_frames_per_second(tmp_path):
    images = write_images(tmp_path / "shots", ["2.png", "10.png", "11.png"])
    with open_source(tmp_path / "shots") as source:
        assert (source.name, source.length, source.frame_rate) == ("shots", 3, 25)
        frames = list(source)
    for frame, original in zip(frames, images, strict=True):
        np.testing.assert_array_equal(frame.image, original)
    assert [frame.timestamp for frame in frames] == pytest.approx([0, 0.04, 0.08])


@pytest.mark.parametrize(("start", "stride", "count"), [(0.2, 3, 2), (0.21, 2, None), (9, 1, 1)])
def test_images_outside_of_a_part_are_not_read(tmp_path, start, stride, count):
    images = write_images(tmp_path, [f"{n:02}.png" for n in range(12)])
    wanted = [index for index in range(12) if index / 25 >= start][::stride][:count]
    for index in set(range(1, 12)) - set(wanted):
        (tmp_path / f"{index:02}.png").write_bytes(b"no image")
    with open_source(tmp_path) as source:
        for _ in range(2):
            frames = list(source.select(start=start, stride=stride, count=count))
            assert [frame.index for frame in frames] == wanted
    for frame in frames:
        np.testing.assert_array_equal(frame.image, images[frame.index])
        assert frame.timestamp == frame.index / 25


def test_an_image_of_another_size_is_named(tmp_path):
    write_images(tmp_path, ["1.png", "2.png"])
    cv2.imwrite(str(tmp_path / "3.png"), noise_image(0, size=(32, 32)))
    source = open_source(tmp_path)
    with pytest.raises(InputError, match=r"3\.png is \(32, 32\) pixels and .*1\.png is \(64, 48\)"):
        list(source)


def test_the_sequence_description_governs_rate_and_length_of_images(tmp_path):
    write_images(tmp_path / "frames", [f"{n:06}.jpg" for n in range(1, 7)])
    ini = "[Sequence]\nname=x\nimDir=frames\nframeRate=5\nseqLength=4\n"
    (tmp_path / "seqinfo.ini").write_text(ini)
    with open_source(tmp_path) as source:
        assert (source.name, source.length, source.frame_rate) == (tmp_path.name, 4, 5)
        assert [frame.timestamp for frame in source] == pytest.approx([0, 0.2, 0.4, 0.6])


def test_the_sequence_description_governs_rate_and_length_of_a_video(tmp_path):
    write_video(tmp_path / "clip.avi", rate=25)
    ini = "[Sequence]\nvideo=clip.avi\nframeRate=4\nseqLength=3\n"
    (tmp_path / "seqinfo.ini").write_text(ini)
    with open_source(tmp_path) as source:
        assert (source.name, source.length, source.frame_rate) == (tmp_path.name, 3, 4)
        assert [frame.timestamp for frame in source] == [0, 0.25, 0.5]
    with open_source(tmp_path, frame_rate=2.0) as source:
        assert [frame.timestamp for frame in source] == [0, 0.5, 1]


def test_a_folder_with_img1_needs_no_description(tmp_path):
    write_images(tmp_path / "img1", ["000001.jpg", "000002.jpg"])
    with open_source(tmp_path) as source:
        assert (source.name, source.length, source.frame_rate) == (tmp_path.name, 2, 25)


@pytest.mark.parametrize(
    ("ini", "message"),
    [
        ("nonsense", "seqinfo.ini does not describe a MOT sequence"),
        ("[Other]\nx=1", "does not describe a MOT sequence: No section: 'Sequence'; correct"),
        ("[Sequence]\nframeRate=fast", "seqinfo.ini does not describe a MOT sequence"),
        ("[Sequence]\nframeRate=0", "seqinfo.ini: frameRate must be 0.001 to 10000"),
        ("[Sequence]\nframeRate=1e9", "seqinfo.ini: frameRate must be 0.001 to 10000"),
        ("[Sequence]\nframeRate=nan", "seqinfo.ini: frameRate must be 0.001 to 10000"),
        ("[Sequence]\nseqLength=0", "seqinfo.ini: seqLength must be 1 to"),
        (f"[Sequence]\nseqLength={'9' * 5000}", "does not describe a MOT sequence"),
        ("[Sequence]\nimDir=../img1", "seqinfo.ini names '../img1', which is not in its folder"),
        ("[Sequence]\nvideo=a/../../b.avi", "which is not in its folder: put the images"),
        ("[Sequence]\nimDir=/etc", "seqinfo.ini names '/etc', which is not in its folder"),
        ("[Sequence]\nimDir=a\0b", "cannot be the name of a file"),
        ("[Sequence]\n" + "#" * 2**16, "seqinfo.ini has more than 65536 bytes"),
        ("[Sequence]\na" + " " * 50_000 + "b", "line 2 has more than 1000 characters; correct"),
        ("[Sequence]\nvideo=gone.avi", "gone.avi: no such file"),
        ("[Sequence]\nframeRate=30", "img1: no such file"),
    ],
)
def test_a_bad_sequence_description_is_named(tmp_path, ini, message):
    (tmp_path / "seqinfo.ini").write_text(ini)
    with pytest.raises(InputError, match=message):
        open_source(tmp_path)


def test_one_image_is_a_source_of_one_frame(tmp_path):
    images = write_images(tmp_path, ["1.png", "2.png"])
    with open_source(tmp_path / "2.png") as source:
        assert (source.name, source.length) == ("2.png", 1)
        (frame,) = source
    np.testing.assert_array_equal(frame.image, images[1])


def test_an_animation_keeps_all_its_frames(tmp_path):
    animation = cv2.Animation()
    animation.frames, animation.durations = [noise_image(n) for n in range(20)], [40] * 20
    cv2.imwriteanimation(str(tmp_path / "1.png"), animation)
    with open_source(tmp_path / "1.png") as source:
        assert len(list(source)) == 20


@pytest.mark.parametrize(("ending", "kept"), [(".png", -12), (".jpg", -1000), (".hdr", None)])
def test_one_image_that_is_not_whole_or_of_a_rare_kind_is_read_as_a_video(tmp_path, ending, kept):
    write_images(tmp_path, ["1.png", "2.png"])
    image = noise_image(0).astype(np.float32) / 255 if ending == ".hdr" else noise_image(0)
    (tmp_path / "1.png").write_bytes(cv2.imencode(ending, image)[1].tobytes()[:kept])
    with open_source(tmp_path / "1.png") as source:
        assert (len(list(source)), source.size) == (1, (64, 48))


def test_one_image_that_nothing_reads_is_named_and_its_neighbours_are_not_read(tmp_path):
    write_images(tmp_path, ["1.png", "2.png"])
    (tmp_path / "1.png").write_bytes(bytes(1000))
    with pytest.raises(InputError, match=r"1\.png cannot be read as an image: its content"):
        open_source(tmp_path / "1.png")
