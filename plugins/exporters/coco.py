"""`coco`: pictures, and JSON that pycocotools reads: each label as a box around the whole picture, captions beside."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Any

from curator.api import Dataset, ExporterSpec, Folder, Record, Said, Side, hookimpl

Category = tuple[str | None, str]


class Annotations:
    """One file of annotations, written as they come: those of a million pictures are not held in memory.

    Pictures come first in it, so that annotations wait in `rest`.
    """

    def __init__(self, images: IO[bytes], rest: IO[bytes], info: dict[str, Any], **lists: list[Any]) -> None:
        self._file = images
        self._rest = rest
        self._images = self._annotations = 0
        head = {"info": info, "licenses": [], **lists}
        images.write(json.dumps(head, ensure_ascii=False).encode()[:-1] + b', "images": [')

    def add(self, image: dict[str, Any], annotations: Iterable[dict[str, Any]]) -> None:
        """A picture, and what is said of it; each of that gets an id."""
        self._file.write(_element(image, self._images))
        self._images += 1
        for of in annotations:
            self._rest.write(_element({"id": self._annotations + 1, **of}, self._annotations))
            self._annotations += 1

    def close(self) -> None:
        """End it."""
        self._file.write(b'\n], "annotations": [')
        self._rest.seek(0)
        while block := self._rest.read(1 << 20):
            self._file.write(block)
        self._file.write(b"\n]}\n")


def _element(value: dict[str, Any], before: int) -> bytes:
    return (b",\n" if before else b"\n") + json.dumps(value, ensure_ascii=False).encode()


def write(dataset: Dataset, folder: Folder) -> None:
    """`SIDE/FILE`, `annotations/instances_SIDE.json` and, where there are captions, `captions_SIDE.json`.

    Without a split, SIDE is `images`.
    """
    categories, captioned = _categories(dataset)
    said = [
        {"id": number, "name": name, "supercategory": group or "label"} for (group, name), number in categories.items()
    ]
    with contextlib.ExitStack() as opened:

        def begun(kind: str, **lists: list[Any]) -> dict[Side | None, Annotations]:
            found: dict[Side | None, Annotations] = {}
            for side in dataset.sides or (None,):
                file = opened.enter_context(folder.open("annotations", f"{kind}_{_name(side)}.json"))
                rest = opened.enter_context(tempfile.TemporaryFile())
                info = {"description": dataset.name, "side": side}
                found[side] = opened.enter_context(contextlib.closing(Annotations(file, rest, info, **lists)))
            return found

        instances = begun("instances", categories=said)
        captions = begun("captions") if captioned else {}
        for record in dataset:
            assert record.file is not None
            if record.item.pixels is None:
                dataset.leave_out(record, "of which no size is known")
                continue
            path = dataset.put(folder, record, _name(record.side), record.file.name)
            if path is None:
                continue
            image = _image(dataset, record, path.rpartition("/")[2])
            instances[record.side].add(image, _instances(dataset, record, categories))
            if captioned:
                of = ({"image_id": record.item.id, "caption": caption} for caption in record.captions)
                captions[record.side].add(image, of)


def _name(side: Side | None) -> str:
    return side or "images"


def _categories(dataset: Dataset) -> tuple[dict[Category, int], bool]:
    """Every label that holds of any picture, by group and name, numbered from 1; whether there are captions."""
    found: set[Category] = set()
    captioned = False
    for record in dataset:
        found.update(map(_category, _holding(dataset, record)))
        captioned = captioned or bool(record.captions)
    order = sorted(found, key=lambda category: (category[0] or "", category[1]))
    return {category: number for number, category in enumerate(order, 1)}, captioned


def _holding(dataset: Dataset, record: Record) -> list[Said]:
    """The labels that hold of a picture; with classes only those."""
    of = dataset.of
    return [one for one in record.said if one.value and of in ("", one.label.group, one.label.full_name)]


def _category(said: Said) -> Category:
    return said.label.group, said.label.name


def _image(dataset: Dataset, record: Record, name: str) -> dict[str, Any]:
    assert record.item.pixels is not None
    width, height = record.item.pixels
    row = {key: value for key, value in dataset.row(record).items() if key not in ("id", "width", "height", "captions")}
    return {"id": record.item.id, "file_name": name, "width": width, "height": height, "curator": row}


def _instances(dataset: Dataset, record: Record, categories: dict[Category, int]) -> Iterator[dict[str, Any]]:
    assert record.item.pixels is not None
    width, height = record.item.pixels
    for said in _holding(dataset, record):
        yield {
            **{"image_id": record.item.id, "category_id": categories[_category(said)]},
            **{"bbox": [0, 0, width, height], "area": width * height, "iscrowd": 0},
            **{"segmentation": [[0, 0, width, 0, width, height, 0, height]]},
            **{"source": said.source, "score": said.score},
        }


@hookimpl
def register_exporters() -> Iterable[ExporterSpec]:
    """The format `coco`."""
    return [ExporterSpec("coco", "pictures with their labels as boxes, and captions", write, ("image",))]
