"""Records of TensorFlow's `tf.train.Example`, read without TensorFlow.

A file is a row of: length (8 bytes), its checksum (4), that many bytes, their checksum (4). The
bytes are a protocol buffer: features by name, each a list of byte strings, floats or integers.
Checksums are not compared; a file that ends too early is refused.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isthmus.errors import InputError

Feature = npt.NDArray[Any] | list[bytes]
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def read_examples(path: Path) -> Iterator[dict[str, Feature]]:
    """The examples of a file: float32 or int64 arrays, or lists of byte strings, by name.

    Raises:
        InputError: The file is absent, ends too early, or holds something else.
    """
    try:
        content = memoryview(path.read_bytes())
    except OSError as error:
        raise InputError(
            path, f"cannot be read ({error.strerror})", mend="check the path"
        ) from None
    place, number = 0, 0
    while place < len(content):
        try:
            (length,) = struct.unpack_from("<Q", content, place)
            body = content[place + 12 : place + 12 + length]
            if place + 16 + length > len(content):
                raise ValueError("the file ends inside it")
            yield _example(body)
        except (ValueError, IndexError, struct.error, UnicodeDecodeError) as error:
            raise InputError(
                path, f"is no example ({error})", field=f"record {number}", mend="fetch it again"
            ) from None
        place, number = place + 16 + length, number + 1


def _example(body: memoryview) -> dict[str, Feature]:
    found: dict[str, Feature] = {}
    for features in _inside(body, 1):
        for entry in _inside(features, 1):
            (name,), (feature,) = _inside(entry, 1), _inside(entry, 2)
            found[bytes(name).decode()] = _feature(feature)
    return found


def _feature(feature: memoryview) -> Feature:
    for kind, content in _fields(feature):
        values = [value for number, value in _fields(content) if number == 1]
        if kind == 1:
            return [bytes(value) for value in values]
        if kind == 2:
            return np.concatenate([np.frombuffer(value, "<f4") for value in values])
        if kind == 3:
            return np.array([n for value in values for n in _integers(value)], np.int64)
    return []


def _inside(body: memoryview, number: int) -> list[memoryview]:
    return [value for each, value in _fields(body) if each == number and not isinstance(value, int)]


def _fields(body: memoryview) -> Iterator[tuple[int, Any]]:
    """Number and content of the fields of a message."""
    place = 0
    while place < len(body):
        key, place = _varint(body, place)
        wire = key & 7
        if wire == _VARINT:
            value, place = _varint(body, place)
            yield key >> 3, value
            continue
        size = {_FIXED64: 8, _FIXED32: 4}.get(wire)
        if size is None:
            if wire != _BYTES:
                raise ValueError(f"wire type {wire}")
            size, place = _varint(body, place)
        if place + size > len(body):
            raise ValueError("a field is cut off")
        yield key >> 3, body[place : place + size]
        place += size


def _integers(value: int | memoryview) -> Iterator[int]:
    """The integers of one field, packed or alone; two's complement of 64 bits."""
    place = 0
    numbers = [value] if isinstance(value, int) else []
    while not isinstance(value, int) and place < len(value):
        number, place = _varint(value, place)
        numbers.append(number)
    for number in numbers:
        yield number - (1 << 64) if number >> 63 else number


def _varint(body: memoryview, place: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = body[place]
        number |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return number, place
        if shift > 63:
            raise ValueError("a number is too long")
