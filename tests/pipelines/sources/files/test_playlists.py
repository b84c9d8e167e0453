"""The files that a playlist names."""

from pathlib import Path

import pytest

from mvot_pipelines.sources.files.playlists import list_files


def test_a_video_is_its_only_file(tmp_path):
    assert list_files(tmp_path / "a.mp4") == [tmp_path / "a.mp4"]


def test_lists_of_lists_are_followed_relative_to_each(tmp_path):
    (tmp_path / "low").mkdir()
    first, second = tmp_path / "all.m3u8", tmp_path / "low" / "list.m3u8"
    first.write_text("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow/list.m3u8\n/b/c.ts\n")
    second.write_text('#EXTM3U\r\n#EXT-X-MAP:URI="i.mp4"\r\n\r\nfile:a.m4s\r\n../all.m3u8\r\n')
    found = {path.resolve() for path in list_files(first)}
    parts = {tmp_path / "low" / "i.mp4", tmp_path / "low" / "a.m4s", Path("/b/c.ts")}
    assert found == {first, second, *parts}


def test_a_linked_list_is_relative_to_where_it_lies(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "list.m3u").write_text("a.ts\n")
    (tmp_path / "list.m3u").symlink_to("deep/list.m3u")
    assert list_files(tmp_path / "list.m3u") == [
        tmp_path / "list.m3u",
        tmp_path / "deep" / "a.ts",
    ]


@pytest.mark.parametrize(
    "content", [None, b"a\0b\n\0.m3u8\n\xff\n", b"list.m3u8\n./x/../list.m3u8\n"]
)
def test_lists_that_are_none_do_no_harm(content, tmp_path):
    if content is not None:
        (tmp_path / "list.m3u8").write_bytes(content)
    assert tmp_path / "list.m3u8" in list_files(tmp_path / "list.m3u8")
