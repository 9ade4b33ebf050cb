"""Tokens as open_clip's `SimpleTokenizer` makes them, without open_clip, whose import takes seconds.

The byte-pair encoding of Radford et al. 2021. It is written down once by open_clip's own object, as a file of the
`tokenizers` library, behind a first line that says how texts are cleaned and cut into words.
"""

from __future__ import annotations

import html
import json
import string
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curator.errors import BadInput

CLEANINGS = {"_clean_lower": "lower", "_clean_whitespace": "whitespace", "_clean_canonicalize": "canonicalize"}
"""open_clip's functions and their names; see there."""


def serialise_tokenizer(tokenizer: Any) -> bytes:
    """A `SimpleTokenizer` as data. Raises `BadInput` for another one."""
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors

    cleaning = CLEANINGS.get(getattr(getattr(tokenizer, "clean_fn", None), "__name__", ""))
    if cleaning is None or tokenizer.reduction_fn is not None:
        raise BadInput(f"texts by a {type(tokenizer).__name__} with these options need open_clip")
    found = Tokenizer(models.BPE(tokenizer.encoder, list(tokenizer.bpe_ranks), end_of_word_suffix="</w>"))
    found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    begin, end = ((tokenizer.decoder[number], number) for number in (tokenizer.sot_token_id, tokenizer.eot_token_id))
    found.add_special_tokens([AddedToken(name, normalized=False, special=True) for name, _ in (begin, end)])
    found.post_processor = processors.TemplateProcessing(f"{begin[0]} $A {end[0]}", special_tokens=[begin, end])
    found.enable_truncation(tokenizer.context_length)
    found.enable_padding(length=tokenizer.context_length, pad_id=0, pad_token="!")
    head = json.dumps({"cleaning": cleaning, "pattern": tokenizer.pat.pattern})
    return f"{head}\n{found.to_str()}".encode()


def tokenized(tokenizer: bytes, texts: Sequence[str]) -> tuple[NDArray[np.int64], list[int]]:
    """(n, length) int64, and which rows lost their end."""
    import regex
    from tokenizers import Tokenizer

    head, _, data = tokenizer.decode().partition("\n")
    told = json.loads(head)
    # The expressions of `tokenizers` know the letters of another version of Unicode.
    words = regex.compile(told["pattern"], regex.IGNORECASE)
    split = [words.findall(_clean(text, told["cleaning"])) for text in texts]
    found = Tokenizer.from_str(data).encode_batch(split, is_pretokenized=True)
    rows = np.asarray([row.ids for row in found], dtype=np.int64)
    return rows, [number for number, row in enumerate(found) if row.overflowing]


def _clean(text: str, cleaning: str) -> str:
    import ftfy

    text = html.unescape(html.unescape(ftfy.fix_text(text)))
    if cleaning == "canonicalize":
        text = text.replace("_", " ").translate(str.maketrans("", "", string.punctuation))
    text = " ".join(text.split())
    return text if cleaning == "whitespace" else text.lower()
