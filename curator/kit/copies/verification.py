"""Whether two pictures are of one capture: one is laid over the other, then they are compared block by block.

How well blocks correlate depends on how much noise, compression and editing left of them, and no constant fits all. So
a block is asked whether it would fit better elsewhere: in a copy, however it was saved or edited, each block fits best
where it lies. In a photo of the same scene from elsewhere, what is near has moved against what is far.

A filter that paints draws each block anew, and hardly any fits. But outlines stay where they were, so of two that lie
whole on each other larger fields are asked whether their outlines fit where they lie. A step aside moves outlines by no
more than such a filter. But it takes nothing of what is fine; a filter takes more of it the less stands out there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from curator.kit.copies.image_sketches import ORIENTATIONS, Floats, Sketch, turned
from curator.kit.copies.registration import (
    Blocks,
    Doubles,
    Mask,
    by_keypoints,
    by_pixels,
    evened,
    laid,
    over_whole,
    stretch,
    unclipped,
)

__all__ = ["Agreement", "compare"]

FAINT_COUNTS = 0.3
"""How much such a block counts against a copy. Of 0.3 and 1, 0.3 finds 2 to 17 in 100 more of texts and vignettes."""
LEAST_BLOCKS = 6

CORRELATED = 0.5
OFF = 0.5
"""Pixels by which a block may fit better elsewhere. 0.5 parts copies from views of the same scene better than 0.75."""
LEAST_AGREEING = 0.57
"""Part of the blocks. Set on five sets of 12 photos (grocery and made of it, at 240 to 380 px, on plain ground, out of
focus, and drawn scenes) and 1,756 pairs of different grocery photos, the 400 most alike of 4,000 among them: of these
the first three reach 0.56, 0.55 and 0.55."""
NEARLY = 0.4
"""With fewer, light and contrast evened out will not help: six of 1,520 true pairs needed that, with 0.49 before."""
LEAST_OVERLAP = 0.4
"""Part of either picture: a crop of 30 % of each side leaves 0.49."""
SURE = 0.9
"""With so many agreeing blocks there is no better placement to look for."""
HOPELESS = 0.35
"""With fewer blocks that correlate, a better placement will not help: the least of 1,520 true pairs has 0.42."""
HOPELESS_OVERLAP = 0.35
"""The least of these pairs begins at 0.47, and moving it adds next to nothing."""
CORNERS = 4
"""Agreeing blocks that fit in one place only, along both sides; stripes fit all along. With fewer, colours count."""
FITS = 0.03
"""By how much the correlation falls from a peak, twice, to count as one."""
MANY, CLEARLY_AGREEING = 16, 0.68
"""Structured blocks that agree, and the part of them that must where there are fewer. Set on drawn hands and jars and
textures in one bottle, on plain grounds: of 2,340 pairs of different ones 692 were taken for one capture, 3 are now."""
ALIKE, IN_PLACE = 0.95, 0.15
"""Correlation, and pixels off, of a block that is the same and not only alike."""
SAME = 8
"""Structured blocks that suffice if they are the same, as around lines of text; in different ones up to 7 are."""

WHOLE_BITS = 18
"""Of 64: they are laid whole on one another where their hashes differ in no more; of unlike ones 1 in 1,000 do."""
EVEN, FARTHEST, COLOUR = 2.0, 16.0, 8
"""Grey levels: mean and largest difference, and the largest of a field's colour, of two copies without texture."""

PAINTED_BITS = 20
"""Of 64: outlines are compared where hashes differ in no more; of 160 painted photos 154 do."""
FINE, FINE_BLOCK, UNEVEN = 1.0, 8, 0.33
"""Pixels (standard deviation) below which something is fine; pixels of the blocks in which that is compared; and how
much the middle block must be off from what is usual between the two, in steps of a factor of two. 25 drawn scenes seen
from three steps aside, also compressed, blurred, sharpened, halved or with noise, reach 0.31; of 34 painted photos of
`mixed` whose outlines fit, all but two are above."""
SIDES, REACH, NEAR = 3, 5, 1
"""Fields along each side, pixels by which one is moved to all sides, and those by which it may fit better there."""
DRAWN, THIN, LIT = 1.5, 1.0, 6.0
"""Slope (standard deviation) without which a field has no outlines; pixels (standard deviation) over which they are
made broader, and over which they are evened out."""
LESS = 0.02
"""By how much worse a field may fit near its place than elsewhere: along a straight outline it fits nearly as well."""
NEARLY_AGREEING, CLEARLY_OUTLINED = 0.5, 0.7
"""Where so many blocks agree, a little too few, all fields must fit, and the middle one so well: as where corners were
darkened or tones evened out in what is soft. Of 4,644 pairs of different photos with near hashes none does; of 30
drawn scenes in which what is nearest moved by 3.6 pixels 3 do, beside 8 that the blocks take for one."""
LEAST_FIELDS, FITTING, OUTLINED, LEAST_OUTLINED = 6, 0.75, 0.5, 0.2
"""Fields with outlines, the part that fits in its place, and how well the middle one does and each. Set on 25 photos of
`mixed` and 25 parts of them on a plain ground of 100 px."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How one picture, laid over another, agrees with it.

    `turned` (degrees, counter-clockwise, after mirroring) and `scale` lay it there; `keypoints` say so, 0 where it has
    none. Of `blocks` with texture, `agreeing` is the part that fits where it lies and `correlation` the median; without
    any, the shades themselves agree. `overlap` is the part that the two share, of the one of which it is less. `bits`
    of 64 differ in their hashes, in the orientation in which that is least. `placement` is the matrix, (2, 3) row by
    row, for thumbnails, the first mirrored if `mirrored`. `outlines`: these alone agree, as where a filter painted one
    of them; `blocks` are then larger fields, and the rest tells of their outlines.
    """

    mirrored: bool
    turned: int
    scale: float
    keypoints: int
    blocks: int
    agreeing: float
    correlation: float
    overlap: float
    bits: int
    placement: tuple[float, ...]
    outlines: bool = False

    @property
    def convincing(self) -> bool:
        """Whether they are of one capture."""
        return self.blocks >= LEAST_BLOCKS and self.agreeing >= LEAST_AGREEING and self.overlap >= LEAST_OVERLAP


@dataclass(frozen=True, slots=True)
class _Fit:
    """What the blocks say of a placement."""

    matrix: Doubles
    blocks: int
    agreeing: float
    correlation: float
    overlap: float
    corners: int = 0
    structured: int = 0
    structured_agreeing: float = 0.0
    exact: int = 0
    hopeless: bool = True

    @property
    def told(self) -> bool:
        """Whether enough of what agrees has structure: shading and one outline agree in much else of that shape."""
        clearly = self.structured_agreeing >= CLEARLY_AGREEING and self.structured >= CORNERS
        return clearly or self.structured >= MANY or self.exact >= SAME

    @property
    def convincing(self) -> bool:
        return self.told and self.agreeing >= LEAST_AGREEING


def compare(one: Sketch, other: Sketch) -> Agreement | None:
    """The best way to lay one over the other, whether or not it convinces; None if there is none."""
    if not one.hashes[0] or not other.hashes[0]:
        return None  # blank: only the pixels themselves could say that they are one
    best: Agreement | None = None
    for mirrored, orientation, pixels, matrix, keypoints in _placements(one, other):
        found = _agreement(one, other, mirrored, orientation, pixels, matrix, keypoints)
        if best is None or found.agreeing > best.agreeing:
            best = found
        if best.convincing:
            return best
    return _without_texture(one, other) or _by_outlines(one, other, best) or best


def _placements(one: Sketch, other: Sketch) -> Iterator[tuple[bool, int, Floats, Doubles, int]]:
    """Ways to lay one over the other: by keypoints, and whole on whole where the hashes speak for it."""
    for mirrored in (False, True):
        if (placed := by_keypoints(one, other, mirrored)) is not None:
            grey = one.grey[:, ::-1] if mirrored else one.grey
            yield mirrored, 0, grey.astype(np.float32), placed[0], placed[1]
    bits = np.bitwise_count(one.hashes ^ other.hashes[0])
    for orientation in np.argsort(bits, kind="stable")[:2].tolist():
        if bits[orientation] <= WHOLE_BITS:
            whole: Floats = np.ascontiguousarray(turned(one.grey, orientation), np.float32)
            yield bool(orientation % 2), orientation // 2, whole, over_whole(whole.shape, other.grey.shape), 0


def _agreement(
    one: Sketch, other: Sketch, mirrored: bool, quarters: int, pixels: Floats, matrix: Doubles, keypoints: int
) -> Agreement:
    fit = _best_fit(pixels, other.grey.astype(np.float32), matrix)
    angle = float(np.degrees(np.arctan2(-fit.matrix[1, 0], fit.matrix[0, 0])))
    found = Agreement(
        mirrored,
        round(angle + 90 * quarters) % 360,
        stretch(fit.matrix) * max(other.size) / max(one.size),
        keypoints,
        fit.blocks,
        fit.agreeing if fit.told else 0.0,
        fit.correlation,
        fit.overlap,
        _bits(one, other),
        tuple(fit.matrix.ravel().tolist()),
    )
    if found.convincing and fit.corners < CORNERS and not _same_colours(one, other, mirrored + 2 * quarters):
        return replace(found, agreeing=0.0)
    return found


def _best_fit(one: Floats, other: Floats, matrix: Doubles) -> _Fit:
    """The placement as it is, moved by the pixels, and moved by pixels whose light and contrast were evened out."""
    # The finer one is laid on the coarser: what is scaled up lacks detail that the other has.
    swapped = (scale := stretch(matrix)) > 1
    if swapped:
        one, other, matrix, scale = other, one, cv2.invertAffineTransform(matrix), 1 / scale
    if scale < 0.9:
        one = cv2.GaussianBlur(one, (0, 0), 0.4 * np.sqrt(1 / scale**2 - 1))
    best = _fit(one, other, matrix)
    if not best.hopeless and best.agreeing < SURE:
        for prepared in (lambda pixels: pixels, evened):
            moved = _fit(one, other, by_pixels(prepared(one), prepared(other), matrix))
            best = max(best, moved, key=lambda fit: (fit.convincing, fit.agreeing))
            if best.convincing or best.agreeing < NEARLY:
                break
    return replace(best, matrix=cv2.invertAffineTransform(best.matrix)) if swapped else best


def _fit(one: Floats, other: Floats, matrix: Doubles) -> _Fit:
    values, covered, overlap = laid(one, other.shape, matrix)
    mask = covered & unclipped(values, other)
    if overlap < HOPELESS_OVERLAP:
        return _Fit(matrix, 0, 0.0, 0.0, overlap)
    blocks = Blocks(other, mask)
    here, variance = blocks.correlations(values)
    usable, faint = blocks.told(variance)
    if not usable.any():
        return _Fit(matrix, 0, 0.0, 0.0, overlap)
    least, median = float((here[usable] >= CORRELATED).mean()), float(np.median(here[usable]))
    if least < HOPELESS:
        return _Fit(matrix, int(usable.sum()), 0.0, median, overlap)
    across, right = blocks.off(values, here, (1, 0))
    down, lower = blocks.off(values, here, (0, 1))
    off = np.hypot(right, lower)
    fits = (here >= CORRELATED) & (off <= OFF) & (np.maximum(across, down) > 0)
    weight = np.where(faint & ~fits, FAINT_COUNTS, 1.0)
    fits &= usable
    agreeing = _part(fits, usable, weight) if fits.sum() >= LEAST_BLOCKS else 0.0
    corners = int((fits & (np.minimum(across, down) > FITS)).sum())
    structured = usable & blocks.structured(values, variance)
    told = fits & structured
    exact = int((told & (here >= ALIKE) & (off <= IN_PLACE)).sum())
    among = int(told.sum()), _part(fits, structured, weight), exact
    return _Fit(matrix, int(usable.sum()), agreeing, median, overlap, corners, *among, hopeless=False)


def _part(fits: Mask, among: Mask, weight: Floats) -> float:
    """The part of some blocks that fits, by their weight; 0 of none."""
    return float(weight[fits & among].sum() / max(float(weight[among].sum()), FAINT_COUNTS))


def _bits(one: Sketch, other: Sketch) -> int:
    return int(np.bitwise_count(one.hashes ^ other.hashes[0]).min())


def _same_colours(one: Sketch, other: Sketch, orientation: int) -> bool:
    apart = np.abs(turned(one.colours, orientation % ORIENTATIONS).astype(int) - other.colours)
    return int(apart.max()) <= COLOUR


def _without_texture(one: Sketch, other: Sketch) -> Agreement | None:
    """For what has too little texture for blocks: whole on whole, the shades themselves, all of them."""
    for orientation in np.flatnonzero(np.bitwise_count(one.hashes ^ other.hashes[0]) <= WHOLE_BITS).tolist():
        grey = turned(one.grey, orientation)
        height, width = other.grey.shape
        if abs(np.log(grey.shape[1] / grey.shape[0] * height / width)) > 0.03:
            continue
        placed = over_whole(grey.shape, other.grey.shape)
        resized = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
        apart = np.abs(resized - other.grey)
        if apart.mean() <= EVEN and apart.max() <= FARTHEST and _same_colours(one, other, orientation):
            scale, turns = max(other.size) / max(one.size), 90 * (orientation // 2)
            shades = LEAST_BLOCKS, 1.0, 1.0, 1.0
            placement = tuple(placed.ravel().tolist())
            return Agreement(bool(orientation % 2), turns, scale, 0, *shades, _bits(one, other), placement)
    return None


def _by_outlines(one: Sketch, other: Sketch, best: Agreement | None) -> Agreement | None:
    """Whole on whole, upright, the outlines of fields in their place: of nearly all if a filter painted one of them, of
    all if the blocks nearly agree."""
    bits = int(one.hashes[0] ^ other.hashes[0]).bit_count()
    if bits > PAINTED_BITS:  # of most pairs: asked before their thumbnails are decoded
        return None
    (height, width), shape = other.grey.shape, one.grey.shape
    if abs(np.log(shape[1] / shape[0] * height / width)) > 0.03:
        return None
    both = [cv2.resize(each.grey, (width, height), interpolation=cv2.INTER_AREA) for each in (one, other)]
    painted = _uneven(*both) >= UNEVEN
    if not painted and (best is None or best.agreeing < NEARLY_AGREEING or best.mirrored or best.overlap < 0.96):
        return None
    fitting, fields = _fields(*(_outlines(grey) for grey in both))
    if len(fields) < LEAST_FIELDS or fitting < (FITTING if painted else 1) or min(fields) < LEAST_OUTLINED:
        return None
    if np.median(fields) < (OUTLINED if painted else CLEARLY_OUTLINED):
        return None
    scale, placement = max(other.size) / max(one.size), tuple(over_whole(shape, other.grey.shape).ravel().tolist())
    return Agreement(False, 0, scale, 0, len(fields), fitting, float(np.median(fields)), 1.0, bits, placement, True)


def _uneven(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """How much more of what is fine one of them has in some blocks than in others, compared with the other one."""
    size = max(1, one.shape[1] // FINE_BLOCK), max(1, one.shape[0] // FINE_BLOCK)
    fine = []
    for grey in (one.astype(np.float32), other.astype(np.float32)):
        rest = grey - cv2.GaussianBlur(grey, (0, 0), FINE)
        fine.append(np.sqrt(cv2.resize(rest**2, size, interpolation=cv2.INTER_AREA)) + 0.5)
    more = np.log2(fine[0] / fine[1])
    return float(np.median(np.abs(more - np.median(more))))


def _outlines(grey: NDArray[np.uint8]) -> Floats:
    """(h, w, 4): along which line the picture changes at each place, and how much, each compared with what is around;
    then how much as it is.

    Twice the angle of the slope, which is the same where a line is drawn along an edge, dark between two lights.
    """
    soft = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), THIN)
    x, y = (cv2.Sobel(soft, cv2.CV_32F, *way, scale=1 / 8) for way in ((1, 0), (0, 1)))
    slope = np.hypot(x, y) + 1e-3
    around = np.sqrt(cv2.GaussianBlur(slope**2, (0, 0), LIT) + 1)
    lines = np.dstack([(x * x - y * y) / slope, 2 * x * y / slope, slope])
    found: Floats = cv2.GaussianBlur(lines, (0, 0), THIN) / around[..., None]
    found[..., 2] -= cv2.GaussianBlur(found[..., 2], (0, 0), LIT)
    return np.dstack([found, slope])


def _fields(one: Floats, other: Floats) -> tuple[float, list[float]]:
    """The part of the fields with outlines that fits where it lies; and how well each does near there."""
    height, width = one.shape[:2]
    fits, best = [], []
    for rows in _thirds(height):
        for columns in _thirds(width):
            if max(each[rows, columns, 3].std() for each in (one, other)) < DRAWN:
                continue
            around = np.s_[rows.start - REACH : rows.stop + REACH, columns.start - REACH : columns.stop + REACH]
            field = np.ascontiguousarray(one[rows, columns, :3]), np.ascontiguousarray(other[around][..., :3])
            found = cv2.matchTemplate(field[1], field[0], cv2.TM_CCORR_NORMED)
            near = slice(REACH - NEAR, REACH + NEAR + 1)
            best.append(float(found[near, near].max()))
            fits.append(found.max() - best[-1] <= LESS)
    return float(np.mean(fits)) if fits else 0.0, best


def _thirds(length: int) -> list[slice]:
    """Fields along one side, as far from its ends as they are moved."""
    ends = [min(max(REACH, length * number // SIDES), length - REACH) for number in range(SIDES + 1)]
    return [slice(begin, end) for begin, end in pairwise(ends) if end - begin > 2 * REACH]
