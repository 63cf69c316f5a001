from __future__ import annotations

from erasure_purge.parquet.segments import IN_MEMORY_BYTES, Copy, Put, SegmentList, SpooledPut


def test_neighbouring_ranges_and_neighbouring_new_bytes_are_one() -> None:
    out = SegmentList()
    out.put(b"ab")
    out.put(b"cd")
    out.copy(10, 5)
    out.copy(15, 5)
    out.copy(90, 0)
    out.put(b"")

    assert out.finished() == [Put(b"abcd"), Copy(10, 10)]
    assert out.position == 14


def test_many_new_bytes_wait_in_a_file_and_come_back() -> None:
    out = SegmentList()
    written = []
    for number in range(8):
        data = bytes([number]) * (IN_MEMORY_BYTES // 4)
        written.append(data)
        out.put(data)
        out.copy(number, 1)

    segments = [segment for segment in out.finished() if not isinstance(segment, Copy)]

    assert [segment.data for segment in segments] == written
    assert (
        sum(segment.length for segment in segments if isinstance(segment, Put)) <= IN_MEMORY_BYTES
    )
    assert any(isinstance(segment, SpooledPut) for segment in segments)
    assert "spool" not in repr(segments)
