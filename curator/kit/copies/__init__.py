"""What counts as a copy, for folds, for fine-tuning, for `dedupe` and for whichever plugin asks.

| module | for |
|---|---|
| `image_copies` | pictures of the same pixels, saved again or edited: candidates, and what proves them |
| `text_copies` | near copies of texts: candidates, and what proves them |
| `vectors` | vectors that are equal or nearly so in the measure of their space, and all that hang together by these |
| `kin` | texts of one original, for folds and whatever else must not be learnt from and measured on |
| `stars` | groups in which each that may go matches the one that stays |
| `neighbours` | pairs of items that are near each other in the space of an encoder |
| `hamming` | pairs of hashes that differ in few bits, of many |
| `image_sketches` | what is kept of a picture to compare it: perceptual hashes, keypoints, a thumbnail |
| `kept_sketches` | sketches as they are kept, of which only those that are wanted just now are in memory |
| `registration` | laying one picture over another (image registration), and how each block fits there |
| `verification` | whether two pictures that are laid on one another are of one capture |
| `close_look` | whether one file is the other saved again, and nothing in it is another |
| `planes` | the numbers of a picture, and how to show them so that most is seen |
| `numbers` | the numbers of a text, in digits, numerals or words |

Public. But for `numbers`, these modules import numpy at their top, and some OpenCV, SciPy or Pillow: a plugin imports
them where the function of its spec begins, not at its own top.
"""

from __future__ import annotations
