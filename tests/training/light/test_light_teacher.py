"""What NanoTrack teaches: its own answers, on crops that the student sees, too."""

import numpy as np
import pytest
import torch

from helpers.plugin.nanotrack_graphs import PUBLISHED
from mvot_plugin.errors import InputError
from mvot_training.light.teacher import NanoTrackTeacher

CPU = torch.device("cpu")


def random_images(count, side, seed=0):
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (count, side // 16, side // 16, 3), np.uint8)
    return torch.from_numpy(coarse.repeat(16, 1).repeat(16, 2))


def test_a_lesson_is_what_the_network_answers(published):
    teacher = NanoTrackTeacher(published, CPU)
    exemplars, searches = random_images(2, 192), random_images(2, 256, seed=1)
    lesson = teacher.teach(exemplars, searches)
    network = teacher.network
    kept = network.features(exemplars[:, 32:159, 32:159].contiguous())
    seen = network.features(searches[:, :255, :255].contiguous())
    logits, distances = network.compare(network.enroll(kept), seen)
    for found, expected in (
        (lesson.exemplars, kept),
        (lesson.searches, seen),
        (lesson.logits, logits),
        (lesson.distances, distances),
    ):
        assert found.dtype == torch.float32
        assert torch.allclose(found, expected.float(), atol=1e-3, rtol=1e-2)
    assert lesson.exemplars.shape == (2, 8, 8, teacher.channels)
    assert lesson.searches.shape == (2, 16, 16, teacher.channels)
    assert lesson.logits.shape == (2, 16, 16)
    assert lesson.distances.shape == (2, 4, 16, 16)


def test_a_lesson_does_not_depend_on_what_is_outside_of_the_exemplar(published):
    teacher = NanoTrackTeacher(published, CPU)
    exemplars, searches = random_images(1, 192), random_images(1, 256, seed=1)
    changed = exemplars.clone()
    changed[:, :32] = changed[:, :, 159:] = 0
    one, other = (teacher.teach(images, searches).logits for images in (exemplars, changed))
    assert torch.equal(one, other)
    changed[:, 90:100, 90:100] = 255
    assert not torch.equal(teacher.teach(changed, searches).logits, one)


def test_a_teacher_is_not_trained(published):
    teacher = NanoTrackTeacher(published, CPU)
    lesson = teacher.teach(random_images(1, 192), random_images(1, 256))
    assert not any(part.requires_grad for part in (lesson.logits, lesson.distances))


def test_a_folder_without_the_files_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nanotrack_backbone_sim\.onnx"):
        NanoTrackTeacher(tmp_path, CPU)


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="NanoTrack's published files are not here")
def test_the_published_teacher_finds_a_target_where_it_is():
    teacher = NanoTrackTeacher(PUBLISHED, CPU)
    image = random_images(1, 256, seed=3)
    image[:, 100:156, 100:156] = torch.from_numpy(
        np.random.default_rng(4).integers(0, 256, (7, 7, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    )
    lesson = teacher.teach(image[:, 32:224, 32:224].contiguous(), image)
    row, column = divmod(int(lesson.logits[0].argmax()), 16)
    assert abs(row - 8) <= 1
    assert abs(column - 8) <= 1
