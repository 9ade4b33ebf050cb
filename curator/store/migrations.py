"""The schema of `catalogue.db`, as numbered steps, and how steps are applied. A released step is never edited.

A step runs in one transaction with the record that it was applied (sqlite-utils' `Migrations`), and
sets `PRAGMA user_version` to its number, so that opening an up-to-date catalogue needs no import of
sqlite-utils (150 ms).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database

LATEST = 11

M001 = """
-- A run: one command or call that wrote something. 'running' with a dead process means interrupted.
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    command TEXT NOT NULL,
    arguments TEXT NOT NULL,            -- JSON
    started TEXT NOT NULL,              -- ISO 8601, UTC
    finished TEXT,                      -- NULL while it runs, or if it was killed
    state TEXT NOT NULL CHECK (state IN ('running', 'done', 'interrupted', 'failed')),
    version TEXT NOT NULL,              -- of curator
    undoes INTEGER REFERENCES run (id)  -- NULL unless this run is an undo
) STRICT;

-- A change: one row of one table, before and after, in the order of writing. 'planned' before a file is
-- touched, then 'done'; what is only in the catalogue is written in one transaction and is 'done' at once.
CREATE TABLE change (
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES run (id),
    kind TEXT NOT NULL CHECK (kind IN ('insert', 'update', 'delete')),
    table_name TEXT NOT NULL,
    row_id INTEGER NOT NULL,
    before TEXT,                        -- JSON; NULL for an insert
    after TEXT,                         -- JSON of what an update set; NULL for an insert or a delete
    state TEXT NOT NULL CHECK (state IN ('planned', 'done'))
) STRICT;
CREATE INDEX change_of_run ON change (run_id);
CREATE INDEX change_of_row ON change (table_name, row_id);

-- An item is a content. hash: SHA-256 of the whole file, for a text of its UTF-8.
CREATE TABLE item (
    id INTEGER PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    modality TEXT NOT NULL CHECK (modality IN ('image', 'text')),
    size INTEGER NOT NULL,              -- bytes
    width INTEGER,                      -- pixels as stored, before EXIF orientation; NULL for texts
    height INTEGER,
    format TEXT,                        -- Pillow's name ('JPEG'); NULL for texts
    text TEXT                           -- the body; NULL for images
) STRICT;

CREATE TABLE root (
    id INTEGER PRIMARY KEY,
    path ANY NOT NULL UNIQUE            -- absolute and resolved; TEXT, or BLOB where the name is not UTF-8
) STRICT;

-- A place is where an item is: one physical file is one place.
CREATE TABLE place (
    id INTEGER PRIMARY KEY,
    item_id INTEGER NOT NULL REFERENCES item (id),
    root_id INTEGER NOT NULL REFERENCES root (id),
    path ANY NOT NULL,                  -- relative to the root, '/' between parts; TEXT or BLOB as above
    row_key TEXT NOT NULL DEFAULT '',   -- which row of a table; '' for a whole file
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    device TEXT NOT NULL,               -- TEXT: both can exceed SQLite's signed 64 bits
    inode TEXT NOT NULL,
    missing INTEGER NOT NULL DEFAULT 0 CHECK (missing IN (0, 1)),
    UNIQUE (root_id, path, row_key)
) STRICT;
CREATE INDEX place_of_item ON place (item_id);
CREATE INDEX place_by_inode ON place (inode, device);

CREATE TABLE caption (
    id INTEGER PRIMARY KEY,
    image_id INTEGER NOT NULL REFERENCES item (id),
    text_id INTEGER NOT NULL REFERENCES item (id),
    UNIQUE (image_id, text_id)
) STRICT;

-- A path that could not be catalogued, and why; with its state then, so that it is not tried for ever.
CREATE TABLE problem (
    id INTEGER PRIMARY KEY,
    path ANY NOT NULL UNIQUE,           -- absolute
    reason TEXT NOT NULL,
    size INTEGER,                       -- NULL where it could not even be looked at
    mtime_ns INTEGER
) STRICT;

CREATE TABLE label_group (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE label (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    group_id INTEGER REFERENCES label_group (id)  -- labels of one group exclude each other; NULL: stands alone
) STRICT;
CREATE UNIQUE INDEX label_name ON label (name, coalesce(group_id, 0));

-- What was said, never changed afterwards. value: 1 it is, -1 it is not, 0 no longer said.
CREATE TABLE statement (
    id INTEGER PRIMARY KEY,
    item_id INTEGER NOT NULL REFERENCES item (id),
    label_id INTEGER NOT NULL REFERENCES label (id),
    value INTEGER NOT NULL CHECK (value IN (-1, 0, 1)),
    source INTEGER NOT NULL CHECK (source IN (0, 1, 2, 3)),  -- 3 human, 2 import, 1 rule, 0 head: the higher overrides
    score REAL,                                              -- NULL unless the source gave one
    run_id INTEGER NOT NULL REFERENCES run (id)
) STRICT;
CREATE INDEX statement_of_item ON statement (item_id, label_id);
CREATE INDEX statement_of_label ON statement (label_id);

-- What holds of an item and a label: the highest source that spoke. A person's or a rule's last word
-- counts; imports that say both since the last withdrawal are a conflict (value NULL).
CREATE VIEW verdict AS
WITH top AS (
    SELECT *, max(source) OVER (PARTITION BY item_id, label_id) AS highest FROM statement
), spoken AS (
    SELECT *,
        max(iif(value = 0, id, 0)) OVER (PARTITION BY item_id, label_id) AS withdrawn,
        first_value(value) OVER (PARTITION BY item_id, label_id ORDER BY id DESC) AS last
    FROM top WHERE source = highest
)
SELECT item_id, label_id, source, max(id) AS statement_id,
    CASE
        WHEN source <> 2 OR last = 0 THEN last
        WHEN min(iif(id > withdrawn, value, NULL)) < max(iif(id > withdrawn, value, NULL)) THEN NULL
        ELSE last
    END AS value
FROM spoken GROUP BY item_id, label_id;

CREATE TABLE space (
    id INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL UNIQUE,   -- SHA-256 of the canonical JSON in 'description'
    dim INTEGER NOT NULL,
    modalities TEXT NOT NULL,           -- JSON list
    description TEXT NOT NULL           -- JSON: encoder, revision, variant, weights, preprocessing, configuration
) STRICT;

CREATE TABLE model (
    id INTEGER PRIMARY KEY,
    encoder TEXT NOT NULL,
    variant TEXT NOT NULL,              -- '' where the encoder has none
    version INTEGER NOT NULL,           -- counts up within an encoder
    space_id INTEGER NOT NULL REFERENCES space (id),
    weights TEXT NOT NULL,              -- JSON: file or folder that the user gave; null where the encoder finds them
    parent_id INTEGER REFERENCES model (id),  -- what it was trained from; NULL for a pretrained one
    UNIQUE (encoder, version)
) STRICT;

CREATE TABLE head (
    id INTEGER PRIMARY KEY,
    target TEXT NOT NULL,               -- 'label:NAME', 'label:GROUP/NAME' or 'group:NAME'
    version INTEGER NOT NULL,           -- counts up within a target
    kind TEXT NOT NULL,                 -- the head spec's name
    options TEXT NOT NULL,              -- JSON
    model_id INTEGER NOT NULL REFERENCES model (id),
    classes TEXT NOT NULL,              -- JSON list, the order of the columns
    counts TEXT NOT NULL,               -- JSON list: items per class that it was fitted on
    digest TEXT NOT NULL,               -- of all that it was fitted from: labels, space, kind, options
    metrics TEXT NOT NULL,              -- JSON: held-out
    notes TEXT NOT NULL,                -- JSON list
    object TEXT NOT NULL,               -- hash of its state in objects/
    UNIQUE (target, version)
) STRICT;

-- The workspace's own choices: 'default.image' and the like.
CREATE TABLE setting (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    value TEXT NOT NULL                 -- JSON
) STRICT;
"""

M002 = """
-- A move of one file, out of its place into quarantine/, back, or off the disk. Written before the file is
-- touched. 'planned': a run that is at it, or was killed at it; 'done' is set together with the rows that say so;
-- 'undone': taken back, the file is where it was; 'lost': cannot be told any more (`curator check` says it).
CREATE TABLE move (
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES run (id),
    direction TEXT NOT NULL CHECK (direction IN ('out', 'back', 'off')),
    outside ANY NOT NULL,               -- absolute path where people keep it; TEXT, or BLOB as in root
    inside ANY NOT NULL,                -- path below quarantine/, so that a workspace can be moved
    hash TEXT NOT NULL,                 -- SHA-256 of the whole file
    state TEXT NOT NULL CHECK (state IN ('planned', 'done', 'undone', 'lost'))
) STRICT;
CREATE INDEX move_of_run ON move (run_id);
CREATE INDEX move_planned ON move (id) WHERE state = 'planned';

-- A file that lies in quarantine/.
CREATE TABLE quarantined (
    id INTEGER PRIMARY KEY,
    item_id INTEGER REFERENCES item (id),   -- NULL for a sidecar that is no item
    outside ANY NOT NULL,               -- where it was, absolute
    inside ANY NOT NULL UNIQUE,         -- where it is, below quarantine/
    hash TEXT NOT NULL,                 -- of the whole file
    size INTEGER NOT NULL,              -- bytes
    kind TEXT NOT NULL,                 -- why, in a word: 'exact', 'near', ...; 'sidecar'
    reason TEXT NOT NULL,               -- why, in a few
    keeper ANY,                         -- the file that stays in its stead, absolute; NULL where none is known
    taken TEXT NOT NULL                 -- ISO 8601, UTC
) STRICT;
CREATE INDEX quarantined_item ON quarantined (item_id);
"""

M003 = """
-- A table whose rows were added: how it was read, and its state when it was last read to its end. Its texts are
-- places with a row_key; their size is that of the text, mtime_ns 0, device and inode ''.
CREATE TABLE source_table (
    id INTEGER PRIMARY KEY,
    path ANY NOT NULL UNIQUE,           -- absolute and resolved; TEXT or BLOB as in 'root'
    options TEXT NOT NULL,              -- JSON: reader, columns, labels
    hash TEXT,                          -- SHA-256 of the file; NULL like the rest where reading was broken off
    size INTEGER,
    mtime_ns INTEGER,
    device TEXT,
    inode TEXT
) STRICT;

-- A row that could not be catalogued, and why.
CREATE TABLE row_problem (
    id INTEGER PRIMARY KEY,
    table_id INTEGER NOT NULL REFERENCES source_table (id),
    line INTEGER NOT NULL,
    reason TEXT NOT NULL,
    UNIQUE (table_id, line)
) STRICT;
"""

M004 = """
-- What was said of the items that a head is fitted on while they were held out: hash of an object with arrays (hashes,
-- targets, probabilities). NULL: none could be, or the head is older than this.
ALTER TABLE head ADD COLUMN held_out TEXT;
-- JSON, [scale, shift] of the logits. NULL: as the head says it.
ALTER TABLE head ADD COLUMN calibration TEXT;
"""

M005 = """
-- What a person said of two items, for a metric that is to be learnt; never changed afterwards, the last word counts.
-- value: 1 alike, -1 not alike, 0 no longer said. The lower id stands left: likeness has no direction.
CREATE TABLE pair (
    id INTEGER PRIMARY KEY,
    metric TEXT NOT NULL,               -- its name
    left_id INTEGER NOT NULL REFERENCES item (id),
    right_id INTEGER NOT NULL REFERENCES item (id),
    value INTEGER NOT NULL CHECK (value IN (-1, 0, 1)),
    run_id INTEGER NOT NULL REFERENCES run (id),
    CHECK (left_id < right_id)
) STRICT;
CREATE INDEX pair_of_metric ON pair (metric, left_id, right_id);
"""


M006 = """
-- Which label or group a head is for: its table and its id there, so that other names never matter; `target` stays as
-- a text for people. A NULL id: it was gone when this was found out, so that the head is not used again.
ALTER TABLE head ADD COLUMN target_kind TEXT CHECK (target_kind IN ('label', 'group'));
ALTER TABLE head ADD COLUMN target_id INTEGER;
CREATE INDEX head_of_target ON head (target_kind, target_id);
UPDATE head SET target_kind = iif(substr(target, 1, 6) = 'group:', 'group', 'label');
UPDATE head SET target_id = (SELECT id FROM label_group WHERE 'group:' || name = target) WHERE target_kind = 'group';
-- Several labels may share that text ('a/b' in no group, 'b' in group 'a'); the last class is the label's own name.
UPDATE head SET target_id = (
    SELECT label.id FROM label LEFT JOIN label_group ON label_group.id = label.group_id
    WHERE 'label:' || coalesce(label_group.name || '/', '') || label.name = target
    AND label.name = json_extract(classes, '$[#-1]')
) WHERE target_kind = 'label';
-- Heads that were taken back come with the same when they are brought back.
UPDATE change SET before = json_set(
    before, '$.target_kind', iif(substr(json_extract(before, '$.target'), 1, 6) = 'group:', 'group', 'label')
) WHERE table_name = 'head' AND kind = 'delete';
UPDATE change SET before = json_set(before, '$.target_id', (
    SELECT id FROM label_group WHERE 'group:' || name = json_extract(before, '$.target')
)) WHERE table_name = 'head' AND kind = 'delete' AND json_extract(before, '$.target_kind') = 'group';
UPDATE change SET before = json_set(before, '$.target_id', (
    SELECT label.id FROM label LEFT JOIN label_group ON label_group.id = label.group_id
    WHERE 'label:' || coalesce(label_group.name || '/', '') || label.name = json_extract(before, '$.target')
    AND label.name = json_extract(json_extract(before, '$.classes'), '$[#-1]')
)) WHERE table_name = 'head' AND kind = 'delete' AND json_extract(before, '$.target_kind') = 'label';
"""

M007 = """
-- The statement of another item that this one was taken over from, as its file went in favour of a copy; maybe gone.
ALTER TABLE statement ADD COLUMN origin INTEGER;
"""

M008 = """
-- The contents of a medium, counted and in order, without going through the bodies of all texts.
CREATE INDEX item_of_media ON item (modality, hash);
"""

M009 = """
-- When a picture was taken, by the clock of the camera: 'YYYY-MM-DDTHH:MM:SS', without a zone. '': its file does not
-- say. NULL: nobody looked, since an earlier curator added it; for texts.
ALTER TABLE item ADD COLUMN taken TEXT;
CREATE INDEX item_by_date ON item (taken) WHERE modality = 'image';
-- The run that added it first, which says when.
ALTER TABLE item ADD COLUMN run_id INTEGER REFERENCES run (id);
UPDATE item SET run_id = (
    SELECT run_id FROM change WHERE table_name = 'item' AND row_id = item.id AND kind = 'insert' ORDER BY id LIMIT 1
);
CREATE INDEX item_of_run ON item (run_id);
-- Items that were taken back come with the same when they are brought back.
UPDATE change SET before = json_set(before, '$.taken', NULL, '$.run_id', (
    SELECT run_id FROM change AS first WHERE first.table_name = 'item' AND first.row_id = change.row_id
    AND first.kind = 'insert' ORDER BY first.id LIMIT 1
)) WHERE table_name = 'item' AND kind = 'delete' AND before <> '{}';
-- What is gone is found without going through what is there.
CREATE INDEX place_missing ON place (item_id) WHERE missing = 1;

-- A selection that was kept by a name.
CREATE TABLE saved_selection (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    expression TEXT NOT NULL            -- as it is typed behind --where, with folders that are absolute
) STRICT;
"""

M010 = """
-- Rows with consecutive ids that a run added at once are one change, of row_id to last_row_id; NULL: of that row alone.
-- It is of 10,000 rows at most, so that those which a row may belong to are found by an index.
ALTER TABLE change ADD COLUMN last_row_id INTEGER CHECK (
    last_row_id IS NULL OR (kind = 'insert' AND last_row_id BETWEEN row_id + 1 AND row_id + 9999)
);
CREATE INDEX change_of_rows ON change (table_name, last_row_id) WHERE last_row_id IS NOT NULL;
CREATE INDEX change_of_rows_of_run ON change (run_id, last_row_id, row_id) WHERE last_row_id IS NOT NULL;
-- An item that goes is looked for wherever it may be named: without these, in every row, for each item.
CREATE INDEX caption_of_text ON caption (text_id);
CREATE INDEX pair_of_left ON pair (left_id);
CREATE INDEX pair_of_right ON pair (right_id);
"""

M011 = """
-- Which side of the split an item is on, never changed afterwards: the last word counts. NULL: on none any more.
CREATE TABLE side (
    id INTEGER PRIMARY KEY,
    item_id INTEGER NOT NULL REFERENCES item (id),
    name TEXT CHECK (name IN ('train', 'val', 'test')),
    run_id INTEGER NOT NULL REFERENCES run (id)
) STRICT;
CREATE INDEX side_of_item ON side (item_id);

-- A row of a table that was set aside: a mark, as tables are never edited. It counts while the row is that item.
CREATE TABLE row_aside (
    id INTEGER PRIMARY KEY,
    place_id INTEGER NOT NULL REFERENCES place (id),
    item_id INTEGER NOT NULL REFERENCES item (id),
    kind TEXT NOT NULL,                 -- why, in a word, as in quarantined
    reason TEXT NOT NULL,
    keeper_id INTEGER REFERENCES item (id),  -- what stays in its stead; the same item where that is in another place
    taken TEXT NOT NULL                 -- ISO 8601, UTC
) STRICT;
CREATE INDEX row_aside_of_place ON row_aside (place_id);
CREATE INDEX row_aside_of_item ON row_aside (item_id);
CREATE INDEX row_aside_of_keeper ON row_aside (keeper_id);
"""


STEPS = {
    "m001_create_catalogue": M001,
    "m002_create_quarantine": M002,
    "m003_create_tables": M003,
    "m004_keep_what_was_held_out": M004,
    "m005_create_pairs": M005,
    "m006_know_heads_by_their_target": M006,
    "m007_know_what_was_taken_over": M007,
    "m008_find_items_by_their_media": M008,
    "m009_know_when_and_keep_selections": M009,
    "m010_record_many_rows_as_one_change": M010,
    "m011_split_items_and_set_rows_aside": M011,
}

DIGESTS = {
    1: "5b7a24c26780f85025688f1e22ca6619c459ce215eb279f680e96d9ad5b2544e",
    2: "2e12290e0c9c5f589b1af7a974466c583fb7e7a86e4db0728f91e7add9a204a0",
    3: "af8fb5329c1e27660b3231846a24eb84a3590d69a1711fda0eec7ae8ce7680ff",
    4: "066f2e16c4a494feec9c7752d6fe3fa04d7f7ea2d9170729c50f1e3880eb92ec",
    5: "76f3bbc466ddad14fc10390fec0ee96238123efe5917df69e97dd3c980248ace",
    6: "a656024347e95dc5edf9d8a5307f8b14859830da802b41ae81774cf5a170b924",
    7: "25b0602ee3e30904e56cfae733d7b5f4a1ed9617250fc222a08fb29d8fcabcef",
    8: "3d20a5abf3b7cfabfda403e094393dee750efd9c57f7ef1106e77b5078481975",
    9: "94b816e46aa7346d7af1a33571cea4d6692078385561e8261fce49f36fbd7b3d",
    10: "804396e2074f3f51f60b77ccc1ba18cbf6229ed7d8244cfe98fddf13ebec0962",
    11: "3539f6526c48c02d57885386f09f657f0bf25f92e49b7b3caf9ecdffa0cbc203",
}
"""What stands for the schema of each version (`curator.store.schema`), as a test computes it."""


def migrate(connection: sqlite3.Connection, first: Callable[[], None] = lambda: None) -> None:
    """Bring a catalogue up to `LATEST`, or leave it as it was; `first` as in `bring_up`."""
    bring_up(connection, "curator", STEPS, first)


def bring_up(
    connection: sqlite3.Connection, name: str, steps: Mapping[str, str], first: Callable[[], None] = lambda: None
) -> None:
    """Apply those of a database's steps, the first of which makes version 1, that it is without; all or none of them.

    Where another process is at the same, this waits for it, and then there is nothing left to do. Where there is,
    `first` is called before, when nobody else writes any more.
    """
    from sqlite_utils import Database, Migrations

    connection.execute("BEGIN IMMEDIATE")
    try:
        migrations = Migrations(name)
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version < len(steps):
            first()
        for number, (step, script) in enumerate(steps.items(), 1):
            if number > version:
                migrations(name=step)(_step(number, script))
        migrations.apply(Database(connection))
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def _step(number: int, script: str) -> Callable[[Database], None]:
    def apply(db: Database) -> None:
        for statement in statements(script):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {number}")

    return apply


def statements(script: str) -> list[str]:
    """Split a script; `executescript` would commit the transaction that holds the step together."""
    found: list[str] = []
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            found.append(pending)
            pending = ""
    return found
