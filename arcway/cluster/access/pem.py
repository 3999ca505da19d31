"""PEM as Go reads it, which is how kubectl and Helm read a kubeconfig (encoding/pem, crypto/tls, crypto/x509).

What is between the blocks is comment, in whatever encoding; lines may have any length and end in any way; a block that
is damaged is passed over. OpenSSL is stricter about each of these, so its input is written again.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_BEGIN, _END, _DASHES = b"-----BEGIN ", b"-----END ", b"-----"
_LINE_ENDS = re.compile(r"[\r\n]")
_BLANKS = re.compile(rb"[ \t\r\n]")
_COLUMNS = 64


@dataclass(frozen=True, slots=True)
class Block:
    """One block of PEM. Its text form shows no content."""

    kind: str
    data: bytes = field(repr=False)
    has_headers: bool

    def text(self) -> str:
        """The block in the form that every reader accepts."""
        encoded = base64.b64encode(self.data).decode()
        lines = [encoded[start : start + _COLUMNS] for start in range(0, len(encoded), _COLUMNS)]
        return "\n".join([f"-----BEGIN {self.kind}-----", *lines, f"-----END {self.kind}-----", ""])


def from_base64(encoded: object) -> bytes:
    """Decode base64 with any line breaks (Go's StdEncoding). Raises `ValueError`."""
    if not isinstance(encoded, str):
        raise ValueError("no text")
    try:
        return base64.b64decode(_LINE_ENDS.sub("", encoded), validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error


def certificates(data: bytes) -> str:
    """All certificates in the data; the data unchanged when there are none, so that they are not taken for nothing."""
    pem_blocks = [block.text() for block in blocks(data) if block.kind == "CERTIFICATE" and not block.has_headers]
    return "".join(pem_blocks) or data.decode("ascii", errors="replace")


def private_key(data: bytes) -> str:
    """The first private key in the data, as the data have it when it is encrypted or there is none."""
    for block in blocks(data):
        if block.kind == "PRIVATE KEY" or block.kind.endswith(" PRIVATE KEY"):
            return data.decode("ascii", errors="replace") if block.has_headers else block.text()
    return data.decode("ascii", errors="replace")


def blocks(data: bytes) -> Iterator[Block]:
    """The valid blocks in the data; damaged ones are skipped."""
    at = 0
    while (begin := data.find(_BEGIN, at)) >= 0:
        at = begin + len(_BEGIN)
        line_end = data.find(b"\n", at)
        end = data.find(b"\n" + _END, at)
        if end < 0 or line_end < 0:
            return
        if begin and data[begin - 1 : begin] != b"\n":
            continue
        label = data[at:line_end].rstrip()
        if not label.endswith(_DASHES) or not data.startswith(label, end + 1 + len(_END)):
            continue
        kind = label.removesuffix(_DASHES).decode("ascii", errors="replace")
        headers, body = _split(data[line_end + 1 : max(end, line_end + 1)])
        try:
            yield Block(kind, base64.b64decode(_BLANKS.sub(b"", body), validate=True), bool(headers))
        except binascii.Error:
            continue
        at = end + 1


def _split(inner: bytes) -> tuple[list[bytes], bytes]:
    """The headers of a block and its body."""
    lines = inner.split(b"\n")
    headers = []
    while lines and b":" in lines[0]:
        headers.append(lines.pop(0))
    return headers, b"\n".join(lines)
