"""Byte-level BPE, trained on the corpus: any text in, the same text out, whatever its language.

Byte pair encoding of Sennrich et al. 2016 ("Neural machine translation of rare words with subword units") over UTF-8
bytes, as in GPT-2 (Radford et al. 2019), with the `tokenizers` library. A piece is a sequence of bytes, and may begin
or end inside a character: a rare Chinese character or an emoji is two to four pieces. `Vocabulary.pending` follows
what of a character is still missing.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from curator.errors import BadInput
from curator.kit.reading import Unreadable, reading

END = "<|end|>"
"""The piece in front of a text and behind it; its number is 0."""

BYTES = 256
LEAST, MOST = 512, 16_000
GROWTH = 12  # times the root of the characters (Heaps' law): 1,200 pieces for 10,000 of them, 12,000 for a million
PART = 1_000  # characters; what the trainer counts as one word is never longer


def size_for(characters: int) -> int:
    """How many pieces a corpus of so many characters can teach."""
    return max(LEAST, min(MOST, round(GROWTH * math.sqrt(characters))))


def train(texts: Sequence[str], size: int) -> Vocabulary:
    """A vocabulary of at most `size` pieces; the 256 bytes and the end are always among them.

    Pieces that would be seen once are not made, so a small corpus has fewer.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=max(size, BYTES + 1),
        min_frequency=2,
        special_tokens=[END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_parts(texts), trainer)
    return Vocabulary(tokenizer)


def _parts(texts: Sequence[str]) -> Iterator[str]:
    """The texts in parts: a Chinese text without marks is one word to the trainer, whose time grows with its length."""
    for text in texts:
        for start in range(0, len(text), PART):
            yield text[start : start + PART]


LARGEST_FILE = 256 << 20
"""Bytes: a vocabulary as large as may be has less, and a file may say of itself that it has any number."""


def read(path: Path) -> Vocabulary:
    """The vocabulary in a `tokenizer.json`; raises `BadInput` where there is none of ours."""
    try:
        with reading():
            if path.stat().st_size > LARGEST_FILE:
                raise Unreadable(f"it has {path.stat().st_size:,} bytes")
            tokenizer = Tokenizer.from_file(str(path))
    except Unreadable as error:
        raise BadInput(f"{str(path)!r} holds no tokenizer: {error}") from error
    if tokenizer.token_to_id(END) != 0:
        raise BadInput(f"{str(path)!r} is not a tokenizer of lstm-clm: its first piece is not {END}")
    return Vocabulary(tokenizer)


class Vocabulary:
    """Texts to numbers of pieces and back."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        # A text that spells the end piece out must not become it.
        tokenizer.encode_special_tokens = True
        self.tokenizer = tokenizer
        self.size = int(tokenizer.get_vocab_size())

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The numbers of each text's pieces; none for an empty text, and the end is not added.

        What no UTF-8 can say (half of a surrogate pair, as broken JSON brings it) becomes a question mark.
        """
        sound = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        return [list(found.ids) for found in self.tokenizer.encode_batch(sound)]

    @functools.cached_property
    def pieces(self) -> list[bytes]:
        """The bytes of each piece; none for the end."""
        byte = _bytes()
        names = [self.tokenizer.id_to_token(number) or "" for number in range(self.size)]
        return [b"", *(bytes(byte[character] for character in name) for name in names[1:])]

    @functools.cached_property
    def shapes(self) -> list[tuple[int, int]]:
        """For each piece: how many bytes of a begun character it has in front, and how many are missing behind it.

        (2, 0) finishes a character that lacked two bytes. (-1, -1): its bytes are no part of any UTF-8.
        """
        return [_shape(piece) for piece in self.pieces]

    def follows(self, missing: int, number: int) -> int | None:
        """How many bytes are missing after this piece, where `missing` were before; None where it cannot follow.

        The end cannot follow half a character.
        """
        front, behind = self.shapes[number]
        if front < 0:
            return None
        piece = self.pieces[number]
        if front == len(piece):  # continuation bytes alone, or the end
            rest = missing - front
            return rest if rest >= 0 and (front > 0 or missing == 0) else None
        return behind if front == missing else None

    def save(self, path: Path) -> None:
        """Write `tokenizer.json`."""
        self.tokenizer.save(str(path))


def _bytes() -> dict[str, int]:
    """The byte behind each of the 256 visible characters that byte-level BPE writes bytes as (Radford et al. 2019)."""
    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(BYTES) if byte not in visible]
    return {chr(byte): byte for byte in visible} | {chr(BYTES + index): byte for index, byte in enumerate(hidden)}


def _shape(piece: bytes) -> tuple[int, int]:
    front = 0
    while front < len(piece) and 0x80 <= piece[front] < 0xC0:
        front += 1
    rest = piece[front:]
    for behind in range(4):
        # The shortest tail of continuation bytes that makes the rest whole; a character has no single such tail, but
        # how many bytes it lacks is settled by its first.
        if _whole(rest, behind):
            return front, behind
    return -1, -1


def _whole(rest: bytes, behind: int) -> bool:
    """Whether some `behind` continuation bytes make it whole characters."""
    if not behind:
        tails: Sequence[bytes] = (b"",)
    else:
        # After E0, ED, F0 and F4 only a part of the continuation bytes may come: try both ends of the range.
        tails = (b"\x80" * behind, b"\xbf" * behind, b"\x90" + b"\x80" * (behind - 1))
    for tail in tails:
        try:
            (rest + tail).decode("utf-8")
            return True
        except UnicodeDecodeError:
            continue
    return False
