"""Whole pictures are cut out of any stream, and nothing else is."""

import cv2
import numpy as np
import pytest

from kiosk.mjpeg import JpegSplitter


def jpeg(shade: int, width: int = 64, height: int = 48) -> bytes:
    rows = np.full((height, width), shade, np.uint8)
    rows[::7, ::5] ^= 0x55
    return cv2.imencode(".jpg", rows)[1].tobytes()


@pytest.mark.parametrize("chunk_bytes", [1, 2, 3, 100, 1_000_000])
def test_pictures_come_out_whole_however_the_stream_is_cut(chunk_bytes: int) -> None:
    pictures = [jpeg(30), jpeg(120), jpeg(250)]
    stream = b"".join(pictures)
    splitter = JpegSplitter()

    found = [one for at in range(0, len(stream), chunk_bytes) for one in splitter.feed(stream[at : at + chunk_bytes])]

    assert found == pictures
    assert splitter.broken == 0


def test_headers_of_a_multipart_stream_are_passed_over() -> None:
    splitter = JpegSplitter()

    found = splitter.feed(b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + jpeg(30) + b"\r\n--frame\r\n\r\n" + jpeg(90))

    assert found == [jpeg(30), jpeg(90)]
    assert splitter.broken == 0


def test_a_picture_that_is_cut_off_is_counted_and_the_next_one_comes() -> None:
    splitter = JpegSplitter()

    found = splitter.feed(jpeg(30) + jpeg(90)[:-40] + jpeg(200))

    assert found == [jpeg(30), jpeg(200)]
    assert splitter.broken == 1


def test_a_thumbnail_inside_a_picture_does_not_end_it() -> None:
    outer, thumbnail = jpeg(90), jpeg(30, 16, 16)
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2) + thumbnail
    whole = outer[:2] + segment + outer[2:]
    splitter = JpegSplitter()

    found = splitter.feed(whole + outer)

    assert found == [whole, outer]


def test_a_picture_without_end_is_dropped_at_the_limit() -> None:
    splitter = JpegSplitter(most_bytes=10_000)

    for _ in range(50):
        assert splitter.feed(b"\x12" * 1000 if splitter.broken else jpeg(30)[:-2] + b"\x12" * 1000) == []

    assert splitter.broken >= 1
    assert len(splitter._buffer) <= 11_000
    assert splitter.feed(jpeg(90)) == [jpeg(90)]


def test_garbage_full_of_starts_is_passed_over() -> None:
    splitter = JpegSplitter()

    found = splitter.feed(b"\xff\xd8" * 20_000 + jpeg(90))

    assert found == [jpeg(90)]


def test_a_header_that_claims_an_absurd_picture_is_broken() -> None:
    honest = jpeg(90)
    at = honest.index(b"\xff\xc0") + 5
    absurd = honest[:at] + (60_000).to_bytes(2) + (60_000).to_bytes(2) + honest[at + 4 :]
    splitter = JpegSplitter()

    found = splitter.feed(absurd + honest)

    assert found == [honest]
    assert splitter.broken == 1
