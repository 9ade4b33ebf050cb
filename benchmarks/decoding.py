"""What reading and preparing a JPEG costs, by several decoders: CPU time of a photo, and how far its pixels are.

    python benchmarks/decoding.py ../shared/data/grocery

Every way reads the file from memory and gives RGB whose shorter side is at least twice what the encoder wants (512), as
`curator.kit.images.upright` does; then the steps that follow it. Those whose library is not installed are left out:
`pip install simplejpeg PyTurboJPEG 'pyvips[binary]'` (PyTurboJPEG also wants the library of libjpeg-turbo, by the
environment variable TURBOJPEG or the system). CPU time in one thread, the best of several rounds. "Apart" is the mean
distance, in steps of 255, of what the encoder sees from what it sees by Pillow.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from encode import photo
from PIL import Image

from curator.api import Preprocess
from curator.media import preprocessing

ROUNDS = 5
RESIZE = 256
WHITE = Preprocess(RESIZE, 224, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "bicubic")
"""As EfficientNet-Lite0's, but that its numbers are parts of white."""

Decode = Callable[[bytes], "Image.Image"]


def pillow(content: bytes) -> Image.Image:
    """As curator decodes."""
    image = Image.open(io.BytesIO(content), formats=("JPEG",))
    image.draft("RGB", (2 * RESIZE, 2 * RESIZE))
    image.load()
    return image


def simplejpeg() -> Decode:
    import simplejpeg

    def decode(content: bytes) -> Image.Image:
        head = simplejpeg.decode_jpeg_header(content)
        factor = max(n for n in (1, 2, 4, 8) if n == 1 or min(head[:2]) // n >= 2 * RESIZE)
        least = {"min_height": head[0] // factor, "min_width": head[1] // factor, "min_factor": 1}
        return Image.fromarray(simplejpeg.decode_jpeg(content, "RGB", **least))

    return decode


def turbojpeg() -> Decode:
    from turbojpeg import TJPF_RGB, TurboJPEG

    library = TurboJPEG(os.environ.get("TURBOJPEG"))

    def decode(content: bytes) -> Image.Image:
        width, height, *_ = library.decode_header(content)
        factor = max(n for n in (1, 2, 4, 8) if n == 1 or min(width, height) // n >= 2 * RESIZE)
        return Image.fromarray(library.decode(content, TJPF_RGB, scaling_factor=(1, factor)))

    return decode


def opencv() -> Decode:
    import cv2

    cv2.setNumThreads(1)
    flags = {
        1: cv2.IMREAD_COLOR,
        2: cv2.IMREAD_REDUCED_COLOR_2,
        4: cv2.IMREAD_REDUCED_COLOR_4,
        8: cv2.IMREAD_REDUCED_COLOR_8,
    }

    def decode(content: bytes) -> Image.Image:
        side = min(Image.open(io.BytesIO(content)).size)  # OpenCV does not read heads alone
        factor = max(n for n in flags if n == 1 or side // n >= 2 * RESIZE)
        found = cv2.imdecode(np.frombuffer(content, np.uint8), flags[factor])
        return Image.fromarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB))

    return decode


def vips() -> Decode:
    import pyvips

    pyvips.cache_set_max(0)

    def decode(content: bytes) -> Image.Image:
        head = pyvips.Image.new_from_buffer(content, "")
        factor = max(n for n in (1, 2, 4, 8) if n == 1 or min(head.width, head.height) // n >= 2 * RESIZE)
        return Image.fromarray(pyvips.Image.new_from_buffer(content, "", shrink=factor, access="sequential").numpy())

    return decode


def decoders() -> Iterator[tuple[str, Decode]]:
    """Those whose library is there."""
    yield "Pillow, draft", pillow
    for build in (simplejpeg, turbojpeg, opencv, vips):
        try:
            yield build.__name__, build()
        except (ImportError, OSError, RuntimeError) as error:
            print(f"{build.__name__} is left out: {error!s:.100}")


def cost(what: Callable[[Any], object], things: Sequence[Any]) -> float:
    """CPU ms of the process for each thing."""
    best = float("inf")
    for _ in range(ROUNDS):
        begin = time.process_time()
        for thing in things:
            what(thing)
        best = min(best, time.process_time() - begin)
    return 1000 * best / len(things)


def resizes() -> Iterator[tuple[str, Callable[[Image.Image], object]]]:
    """Ways to make a decoded picture smaller."""
    import cv2

    def by_opencv(how: int) -> Callable[[Image.Image], object]:
        def resize(image: Image.Image) -> object:
            factor = RESIZE / min(image.size)
            size = int(image.width * factor), int(image.height * factor)
            return cv2.resize(np.asarray(image), size, interpolation=how)

        return resize

    yield "Pillow", lambda image: preprocessing._resized(image, WHITE)
    yield "OpenCV, INTER_AREA", by_opencv(cv2.INTER_AREA)
    yield "OpenCV, INTER_CUBIC", by_opencv(cv2.INTER_CUBIC)


def table(name: str, files: Sequence[Path]) -> None:
    contents = [file.read_bytes() for file in files]
    print(f"\n{name}: {len(files)} photos\n\n| decoding | CPU ms | apart |\n|---|---|---|")
    wanted = [preprocessing.normalised(preprocessing._resized(pillow(content), WHITE), WHITE) for content in contents]
    for which, decode in decoders():
        seen = [preprocessing.normalised(preprocessing._resized(decode(content), WHITE), WHITE) for content in contents]
        apart = np.mean([np.abs(one - other).mean() for one, other in zip(seen, wanted, strict=True)])
        print(f"| {which} | {cost(decode, contents):.2f} | {255 * apart:.2f} |", flush=True)
    decoded = [pillow(content) for content in contents]
    print("\n| then | CPU ms |\n|---|---|")
    for which, resize in resizes():
        print(f"| {which} | {cost(resize, decoded):.2f} |", flush=True)
    small = [preprocessing._resized(image, WHITE) for image in decoded]
    print(f"| numbers of it | {cost(lambda image: preprocessing.normalised(image, WHITE), small):.2f} |")
    print(f"| all of it, from the file | {cost(lambda file: preprocessing.pixels(file, WHITE), files):.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description="what reading and preparing a JPEG costs")
    parser.add_argument("folder", type=Path, help="holds photos, in folders or not")
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--large", type=int, default=8, help="how many photos of 12 megapixels to make")
    chosen = parser.parse_args()
    every = sorted(chosen.folder.resolve().rglob("*.jpg"), key=str)
    some = every[:: max(1, len(every) // chosen.photos)][: chosen.photos]
    print(f"load: {os.getloadavg()}")
    table("as given", some)
    with tempfile.TemporaryDirectory() as folder:
        large = [Path(folder) / f"{number}.jpg" for number in range(chosen.large)]
        for number, path in enumerate(large):
            photo(path, some[number * len(some) // len(large)], number)
        table("12 megapixels", large)


if __name__ == "__main__":
    main()
