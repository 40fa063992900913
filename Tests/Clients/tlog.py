"""Transparency logs by the letter of RFC 6962 and C2SP's signed-note, tlog-checkpoint, tlog-tiles and tlog-proof.

Nothing but SHA-256 and Ed25519 is taken from a library, and nothing from quotalog: whatever is said here is a second
opinion.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PROOF = "c2sp.org/tlog-proof@v1"
ED25519 = b"\x01"
EMPTY = hashlib.sha256(b"").digest()


class Refused(Exception):
    """What somebody sent does not show what it should."""


def require(condition, why: str) -> None:
    if not condition:
        raise Refused(why)


def leaf(record: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + record).digest()


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def root_by_inclusion(index: int, size: int, hash: bytes, path: list[bytes]) -> bytes:
    """The root that a leaf and its path lead to (RFC 6962, 2.1.1)."""
    require(0 <= index < size, "the leaf is not in the tree")
    if size == 1:
        require(not path, "the path is too long")
        return hash
    require(path, "the path is too short")
    left = split(size)
    if index < left:
        return node(root_by_inclusion(index, left, hash, path[:-1]), path[-1])
    return node(path[-1], root_by_inclusion(index - left, size - left, hash, path[:-1]))


def roots_by_consistency(old: int, new: int, old_root: bytes, path: list[bytes]) -> tuple[bytes, bytes]:
    """The two roots that a consistency proof leads to (RFC 6962, 2.1.2)."""

    def walk(old: int, new: int, path: list[bytes], is_whole: bool) -> tuple[bytes, bytes]:
        if old == new:
            require(len(path) == (not is_whole), "the path has another length")
            return (old_root, old_root) if is_whole else (path[0], path[0])
        require(path, "the path is too short")
        left = split(new)
        if old <= left:
            inner, outer = walk(old, left, path[:-1], is_whole)
            return inner, node(outer, path[-1])
        inner, outer = walk(old - left, new - left, path[:-1], False)
        return node(path[-1], inner), node(path[-1], outer)

    require(0 < old <= new, "the sizes are in the wrong order")
    return walk(old, new, path, True)


def decode(text: str) -> bytes:
    """Base64 as it is written, and in no other spelling."""
    try:
        bytes = b64decode(text, validate=True)
    except ValueError:
        raise Refused("not base64") from None
    require(b64encode(bytes).decode() == text, "not canonical base64")
    return bytes


def number(text: str) -> int:
    require(text.isascii() and text.isdigit() and str(int(text)) == text, "not a decimal number")
    return int(text)


@dataclass(frozen=True)
class Key:
    """The half of a key that checks signatures: NAME+ID+KEY."""

    name: str
    id: bytes
    public: bytes

    @classmethod
    def parse(cls, text: str) -> Key:
        name, id, rest = text.strip().split("+", 2)
        bytes = decode(rest)
        require(bytes[:1] == ED25519 and len(bytes) == 33, "not an Ed25519 key")
        key = cls(name, hashlib.sha256(name.encode() + b"\n" + bytes).digest()[:4], bytes[1:])
        require(key.id.hex() == id, "the id of the key is not that of the key")
        return key

    @classmethod
    def of(cls, name: str, private: Ed25519PrivateKey) -> Key:
        public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return cls(name, hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:4], public)

    @property
    def text(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(ED25519 + self.public).decode()}"


def sign(text: str, name: str, private: Ed25519PrivateKey) -> str:
    """A note with one signature."""
    signature = b64encode(Key.of(name, private).id + private.sign(text.encode())).decode()
    return f"{text}\n— {name} {signature}\n"


@dataclass(frozen=True)
class Checkpoint:
    origin: str
    size: int
    root: bytes

    @classmethod
    def verify(cls, note: str, key: Key) -> Checkpoint:
        """What the note says, if this key has signed it."""
        text, separator, signatures = note.rpartition("\n\n")
        require(separator and signatures.endswith("\n"), "not a signed note")
        text += "\n"
        found = False
        for line in signatures.splitlines():
            dash, name, signature = line.split(" ")
            require(dash == "—", "a signature begins with a dash")
            bytes = decode(signature)
            if (name, bytes[:4]) != (key.name, key.id):
                continue
            try:
                Ed25519PublicKey.from_public_bytes(key.public).verify(bytes[4:], text.encode())
            except InvalidSignature:
                raise Refused("the signature is not that of the key") from None
            found = True
        require(found, "the key has not signed")
        origin, size, root, *_ = text.splitlines()
        require(origin == key.name, "another log")
        return cls(origin, number(size), decode(root))


@dataclass(frozen=True)
class Proof:
    """A record and what shows that it is in a log."""

    record: bytes
    index: int
    checkpoint: Checkpoint

    @classmethod
    def verify(cls, text: str, key: Key) -> Proof:
        head, separator, note = text.partition("\n\n")
        require(separator, "no checkpoint")
        first, extra, index, *path = head.split("\n")
        require(first == PROOF, "not a proof")
        require(extra.startswith("extra ") and index.startswith("index "), "no record, or no index")
        checkpoint = Checkpoint.verify(note, key)
        record, place = decode(extra.removeprefix("extra ")), number(index.removeprefix("index "))
        root = root_by_inclusion(place, checkpoint.size, leaf(record), [decode(line) for line in path])
        require(root == checkpoint.root, "the path leads to another root")
        return cls(record, place, checkpoint)


def bundle(records: bytes) -> list[bytes]:
    """The records of an entry bundle: each behind its length."""
    found = []
    while records:
        length = int.from_bytes(records[:2])
        require(len(records) >= 2 + length, "the bundle ends within a record")
        found.append(records[2 : 2 + length])
        records = records[2 + length :]
    return found


def tile_name(index: int) -> str:
    """001234067 is x001/x234/067."""
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03d}")
    return "/".join(groups)
