"""Signatures: something small is computed from each content once, in threads, and kept."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from curator.api import Item, Signature
from curator.catalog.selection import of_media, pages_of, taken
from curator.embedding.embedder import Embedder
from curator.embedding.vector_writer import COMMIT_SECONDS
from curator.errors import CuratorError
from curator.kit.reading import Unreadable, reading
from curator.media import decode
from curator.media.files import BadContent, BadPages
from curator.media.prefetch import ordered_map
from curator.reporter import count
from curator.store.derived import UNREAD

CHUNK = 1_000


class Signatures:
    """Computes and keeps them. Whose they are and what they mean is the plugin's business."""

    def __init__(self, encoding: Embedder) -> None:
        self.encoding = encoding
        self.derived = encoding.derived

    def of(self, signature: Signature, items: Sequence[Item]) -> Iterator[tuple[Item, bytes]]:
        """Each item of the modality with its signature, in order; those that cannot have one are left out."""
        items = of_media(items, [signature.modality])
        known = self._fill(signature, items)
        for start in range(0, len(items), CHUNK):
            chunk = list(items[start : start + CHUNK])
            kept = self._read(signature, [item.hash for item in chunk], known)
            yield from ((item, kept[item.hash]) for item in chunk if item.hash in kept)

    def values(self, signature: Signature, items: Sequence[Item]) -> Iterator[tuple[int, bytes]]:
        """The same by the id of each item, of which none is made."""
        items = of_media(items, [signature.modality])
        known = self._fill(signature, items)
        for page in pages_of(items, CHUNK):
            kept = self._read(signature, list(page.values()), known)
            yield from ((number, kept[hash_]) for number, hash_ in page.items() if hash_ in kept)

    def _read(self, signature: Signature, hashes: Sequence[str], known: dict[str, bytes]) -> dict[str, bytes]:
        """What is kept, of which some is known."""
        kept = {hash_: known[hash_] for hash_ in hashes if hash_ in known}
        if len(kept) < len(hashes):
            kept |= self._kept(signature, [hash_ for hash_ in hashes if hash_ not in kept])[0]
        return kept

    def _kept(self, signature: Signature, hashes: Sequence[str]) -> tuple[dict[str, bytes], int]:
        """What is kept by hash, and of how many something is that cannot be what the plugin once gave."""
        kept = dict(self.derived.signatures(signature.name, hashes))
        if signature.whole is None:
            return kept, 0
        whole = {hash_: value for hash_, value in kept.items() if signature.whole(value)}
        return whole, len(kept) - len(whole)

    def _fill(self, signature: Signature, items: Sequence[Item]) -> dict[str, bytes]:
        """Make what is missing; returns what was kept of the last of them by hash, so that it is not read twice."""
        self.encoding.settle_profiles(items)
        missing, damaged, kept = set[int](), 0, dict[str, bytes]()
        for page in pages_of(items, CHUNK):
            hashes = list(page.values())
            kept, broken = self._kept(signature, hashes)
            done = kept.keys() | self.derived.failures(signature.name, hashes).keys()
            missing.update(number for number, hash_ in page.items() if hash_ not in done)
            damaged += broken
        if damaged:
            what = count(damaged, signature.modality)
            self.encoding.reporter.say(f"what {self.derived.database.path.name} kept of {what} is damaged: made anew")
        self._make(signature, taken(items, missing))
        return kept

    def _make(self, signature: Signature, missing: Sequence[Item]) -> None:
        if not missing:
            return
        if self.encoding.read_only:
            what = count(len(missing), signature.modality)
            self.encoding.reporter.say(f"{what} not yet looked at, and the workspace is read-only: left out")
            return
        self.encoding.take_turn()
        pending: list[tuple[str, bytes]] = []
        kept_at = time.monotonic()
        with self.encoding.reporter.progress("looking at " + signature.modality + "s", len(missing)) as advance:
            try:
                for item, value in self._computed(signature, missing):
                    if isinstance(value, bytes):
                        pending.append((item.hash, value))
                    else:
                        self.derived.put_failure(*value)
                    advance(1)
                    if time.monotonic() - kept_at > COMMIT_SECONDS:
                        self.derived.put_signatures(signature.name, pending)
                        pending, kept_at = [], time.monotonic()
            finally:
                self.derived.put_signatures(signature.name, pending)

    def _computed(
        self, signature: Signature, items: Sequence[Item]
    ) -> Iterator[tuple[Item, bytes | tuple[str, str, str]]]:
        """Each item with its signature, or with the failure to record."""

        def compute(located: tuple[Item, str | BadContent]) -> bytes | tuple[str, str, str]:
            item, path = located
            if isinstance(path, BadContent):
                return UNREAD, item.hash, str(path)
            try:
                if item.modality == "text":
                    return self._made(signature, item, item.text)
                with decode.picture(path, signature.longest) as picture:
                    return self._made(signature, item, picture)
            except BadContent as error:
                # An encoder sees the first page alone, and may well read what is damaged further on.
                of = signature.name if isinstance(error, BadPages) else ""
                return (UNREAD if error.may_pass else of), item.hash, str(error)

        unchanged = self.encoding.places.unchanged_path
        located = ((item, "" if item.modality == "text" else unchanged(item.id)) for item in items)
        for (item, _), value in ordered_map(compute, located):
            yield item, value

    @staticmethod
    def _made(signature: Signature, item: Item, content: Any) -> bytes | tuple[str, str, str]:
        """The signature, or the failure of the plugin's code at a content that it did not expect."""
        try:
            with reading():
                return signature.compute(content)
        except (Unreadable, CuratorError) as error:
            found = UNREAD if isinstance(error.__cause__, MemoryError) else signature.name
            return found, item.hash, f"{signature.name}: {error}"
