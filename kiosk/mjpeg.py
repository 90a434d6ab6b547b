"""Cuts a stream of bytes into whole JPEG pictures.

It never decodes one, and never holds more than one unfinished picture and one chunk.
"""

MOST_FRAME_BYTES = 8 * 1024 * 1024
MOST_FRAME_PIXELS = 64_000_000  # two flipped bits in a picture's header must not ask a small machine for gigabytes

# Markers of ITU-T T.81, table B.1. Segments are stepped over by their length: a thumbnail or a table may hold the bytes
# of an end.
START = b"\xff\xd8"
END = b"\xff\xd9"
SCAN = 0xDA
FILL = 0xFF
WITH_LENGTH = frozenset(range(0xC0, 0xFF)) - frozenset(range(0xD0, 0xDA))
FOLLOWED = WITH_LENGTH | {FILL}
FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
HEADER_BYTES = 9  # marker, length, precision, height and width of a frame header; no whole picture ends sooner


class JpegSplitter:
    """Whole pictures out of chunks of any size; what is cut off, senseless or too large is passed over and counted.

    Whatever lies between two pictures, such as the headers of a multipart stream, is passed over silently.
    """

    def __init__(self, most_bytes: int = MOST_FRAME_BYTES) -> None:
        self.broken = 0
        self._most_bytes = most_bytes
        self._buffer = bytearray()
        self._at = 0  # how far the picture at the buffer's start has been followed; 0: no start found yet
        self._in_scan = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """Takes the next bytes of the stream and returns the pictures they complete, oldest first."""
        self._buffer += chunk
        jpegs = []
        while self._find_start():
            length = self._measure()
            if length > 0:
                jpegs.append(bytes(self._buffer[:length]))
                self._cut(length)
            elif length < 0:
                self.broken += 1
                self._cut(-length)
            elif len(self._buffer) > self._most_bytes:
                self.broken += 1
                self._cut(len(self._buffer) - 1)
            else:
                break
        return jpegs

    def _find_start(self) -> bool:
        if self._at == 0:
            start = self._buffer.find(START)
            if start < 0:
                del self._buffer[:-1]  # the last byte may be half of a start
                return False
            del self._buffer[:start]
            self._at = len(START)
        return True

    def _measure(self) -> int:
        """Length of the picture at the buffer's start; 0: its end is not here yet; negative: broken, that far."""
        buffer = self._buffer
        while not self._in_scan:
            at = self._at
            if len(buffer) < at + HEADER_BYTES:
                return 0
            marker = buffer[at + 1]
            if buffer[at] != FILL or marker not in FOLLOWED or _is_absurd(buffer, at):
                return -at
            self._at += 1 if marker == FILL else 2 + int.from_bytes(buffer[at + 2 : at + 4])
            self._in_scan = marker == SCAN
        end = buffer.find(END, self._at)
        next_start = buffer.find(START, self._at, end if end >= 0 else len(buffer))
        if next_start >= 0:
            return -next_start
        if end >= 0:
            return end + len(END)
        self._at = max(self._at, len(buffer) - 1)
        return 0

    def _cut(self, length: int) -> None:
        del self._buffer[:length]
        self._at = 0
        self._in_scan = False


def _is_absurd(buffer: bytearray, at: int) -> bool:
    """Whether the segment at `at` is a frame header (T.81, B.2.2) that claims an absurd picture."""
    height, width = int.from_bytes(buffer[at + 5 : at + 7]), int.from_bytes(buffer[at + 7 : at + 9])
    return buffer[at + 1] in FRAME_HEADERS and height * width > MOST_FRAME_PIXELS
