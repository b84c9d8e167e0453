from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers.paths import DATA
from mvot_plugin.errors import InputError
from mvot_plugin.motfile import read_mot

PUBLIC = sorted([*DATA.glob("val/*/*/*t.txt"), *DATA.glob("fixture/*/*/*/*/*t.txt")])

GOOD = "1,-1,10,20,30,40,0.5\n"
separators = st.sampled_from([",", " ", "\t", ", ", " , ", "  "])
coordinates = st.integers(-5000, 5000).map(lambda quarter: quarter / 4)
rows = st.tuples(
    st.integers(1, 10**6),
    st.integers(-1, 10**6),
    *[coordinates] * 4,
    st.floats(-100, 100, width=32),
)


def write_rows(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "det.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@given(
    table=st.lists(rows, unique=True, max_size=8),
    separator=separators,
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    bom=st.sampled_from([b"", b"\xef\xbb\xbf"]),
    between=st.sampled_from(["", "\n", "# a comment, with commas,,\n", "  \n"]),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_written_in_any_form_are_read_back(tmp_path, table, separator, line_end, bom, between):
    lines = [between + separator.join(map(repr, row)) + "\n" for row in table]
    path = write_rows(tmp_path, bom + "".join(lines).replace("\n", line_end).encode())
    read = read_mot(path)
    frame, ident, left, top, width, height, score = np.array(table).reshape(-1, 7).T
    assert read.frame.tolist() == (frame - 1).tolist()
    assert read.id.tolist() == ident.tolist()
    corners = np.stack([left - 1, top - 1, left - 1 + width, top - 1 + height], 1)
    assert np.array_equal(read.xyxy, corners.astype(np.float32))
    assert np.array_equal(read.score, score.astype(np.float32))
    assert read.duplicates == 0


def test_frames_and_pixels_count_from_0_inside(tmp_path):
    read = read_mot(write_rows(tmp_path, "3,7,1,1,10,20,0.25\n"))
    assert (read.frame.tolist(), read.id.tolist()) == ([2], [7])
    assert read.xyxy.tolist() == [[0, 0, 10, 20]]
    assert (read.xyxy.dtype, read.frame.dtype) == (np.float32, np.int64)


def test_six_columns_have_score_1(tmp_path):
    assert read_mot(write_rows(tmp_path, "1 -1 5 5 5 5\n")).score.tolist() == [1]


def test_only_nine_columns_have_class_and_visibility(tmp_path):
    nine = read_mot(write_rows(tmp_path, "1,2,5,5,5,5,0,7,0.5\n"))
    assert (nine.class_id.tolist(), nine.visibility.tolist()) == ([7], [0.5])
    ten = read_mot(write_rows(tmp_path, "1,-1,5,5,5,5,50.5,-5.33,12.25,0.694\n"))
    assert (ten.class_id.tolist(), ten.visibility.tolist()) == ([-1], [1])


def test_exact_repetitions_are_read_once_and_counted(tmp_path):
    read = read_mot(write_rows(tmp_path, GOOD * 2 + "2,-1,1,1,1,1,1\n" + GOOD))
    assert (len(read), read.duplicates) == (2, 2)
    assert read.frame.tolist() == [0, 1]


def test_boxes_that_are_no_boxes_are_read_as_they_are(tmp_path):
    read = read_mot(write_rows(tmp_path, "1,-1,nan,1,0,-5,1\n1,-1,1,1,1e300,inf,nan\n"))
    assert np.isnan(read.xyxy[0, 0])
    assert read.xyxy[0, 3] == -5
    assert np.isinf(read.xyxy[1, 2:]).all()
    assert np.isnan(read.score[1])


@pytest.mark.parametrize("content", ["", "\n\n", "# nothing\n", b"\xef\xbb\xbf"])
def test_an_empty_file_has_no_rows(tmp_path, content):
    read = read_mot(write_rows(tmp_path, content))
    assert len(read) == 0
    assert read.xyxy.shape == (0, 4)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("2,-1,1,1,many,1,1", "width 'many' is not a number"),
        ("2,-1,1,,1,1,1", "top is empty"),
        (",2,-1,1,1,1,1", "frame is empty"),
        ("2,-1,1,1,1_0,1,1", "width '1_0' is not a number"),
        ("2,-1,1,1", "4 columns are too few"),
        ("2,-1,1,1,1,1", "6 columns, where the first row has 7"),
        ("0,-1,1,1,1,1,1", "frame '0' is not a whole number in range"),
        ("1.5,-1,1,1,1,1,1", "frame '1.5' is not a whole number in range"),
        ("nan,-1,1,1,1,1,1", "frame 'nan' is not a whole number in range"),
        ("1e300,-1,1,1,1,1,1", "frame '1e300' is not a whole number in range"),
        ("1,0.5,1,1,1,1,1", "id '0.5' is not a whole number in range"),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_bad_row_is_named_by_its_line(tmp_path, line, fault, line_end):
    content = f"# heading\n\n{GOOD}{GOOD}{line}\n{GOOD}".replace("\n", line_end)
    with pytest.raises(InputError) as caught:
        read_mot(write_rows(tmp_path, content))
    assert f"det.txt, line 5: {fault}; expected frame,id,left" in str(caught.value)


def test_a_heading_and_a_class_that_is_no_number_are_bad_rows(tmp_path):
    with pytest.raises(InputError, match=r"line 1: frame 'frame' is not a number"):
        read_mot(write_rows(tmp_path, "frame,id,x,y,w,h\n" + GOOD))
    with pytest.raises(InputError, match=r"line 2: class '1\.5' is not a whole number"):
        read_mot(write_rows(tmp_path, "1,1,1,1,1,1,1,1,1\n1,1,1,1,1,1,1,1.5,1\n"))
    with pytest.raises(InputError, match=r"line 1: 3 columns are too few"):
        read_mot(write_rows(tmp_path, "1,1,1\n"))


def test_the_first_of_many_bad_rows_is_found_in_a_long_file(tmp_path):
    rows = [f"{k},-1,1,1,5,5,0.5\n" for k in range(1, 3001)]
    for bad in (2999, 2500, 701):
        rows[bad] = "1,-1,1,1,,5,0.5\n"
        with pytest.raises(InputError, match=f"line {bad + 1}: width is empty"):
            read_mot(write_rows(tmp_path, "".join(rows)))


def test_lines_and_numbers_that_are_too_long_are_not_repeated(tmp_path):
    for line in (GOOD + "1," * 6000, GOOD + "9" * 5000 + ",1,1,1,1,1,1"):
        with pytest.raises(InputError, match="line 2: ") as caught:
            read_mot(write_rows(tmp_path, line))
        assert len(str(caught.value)) < 400


def test_files_that_are_no_text_files_get_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"missing\.txt does not exist; give"):
        read_mot(tmp_path / "missing.txt")
    with pytest.raises(InputError, match="is a folder; give the MOT text file inside it"):
        read_mot(tmp_path)
    for binary in [b"\x89PNG\r\n\x1a\n\0\0\0", b"\xff\xfe1\0,\0", b"\xff\xd8\xff\xe0"]:
        with pytest.raises(InputError, match="is not a text file; expected frame"):
            read_mot(write_rows(tmp_path, binary))


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")
@pytest.mark.parametrize("path", PUBLIC, ids=lambda path: "/".join(path.parts[-4:]))
def test_public_files_are_read_whole(path):
    read = read_mot(path)
    assert len(read) + read.duplicates == len(path.read_text().splitlines())
    assert (read.xyxy[:, 2:] > read.xyxy[:, :2]).all()
    assert (read.class_id >= 1).all() == ("mot17" in str(path) and path.name == "gt.txt")
