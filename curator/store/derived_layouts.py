"""The layouts that `derived.db` has had: the steps from each to the next, and what stands for its schema."""

from __future__ import annotations

__all__ = ["DIGESTS", "LAYOUT", "STEPS"]

LAYOUT = 10

D001 = """
-- rate: items per second when last encoded on this machine, for telling how long the next will take.
CREATE TABLE space (id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE, rate REAL) STRICT;
-- vector: float32, little-endian, as the encoder gave it (not normalised). precision: how it was computed.
CREATE TABLE vector (space_id INTEGER NOT NULL, hash TEXT NOT NULL, vector BLOB NOT NULL, precision TEXT NOT NULL,
    PRIMARY KEY (space_id, hash)) STRICT;
-- A content that could not be encoded. fingerprint '': it could not even be decoded, whatever the encoder.
CREATE TABLE failure (fingerprint TEXT NOT NULL, hash TEXT NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (fingerprint, hash)) STRICT;
-- probabilities: float32, little-endian, in the order of the head's classes. head: hash of its state.
CREATE TABLE prediction (head TEXT NOT NULL, hash TEXT NOT NULL, probabilities BLOB NOT NULL,
    PRIMARY KEY (head, hash)) STRICT;
"""

D002 = """
-- Something small that was computed from a content. name: of what, and which version of it.
CREATE TABLE signature (name TEXT NOT NULL, hash TEXT NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (name, hash)) STRICT;
"""

D003 = """
-- An encoder of images as an ONNX model. form: empty where it cannot be had.
CREATE TABLE compiled (fingerprint TEXT PRIMARY KEY, form BLOB NOT NULL) STRICT;
"""

D004 = """
ALTER TABLE compiled RENAME TO compiled_images;
-- An encoder of one medium as an ONNX model. form: empty where it cannot be had. tokenizer: for texts, else empty.
CREATE TABLE compiled (fingerprint TEXT NOT NULL, medium TEXT NOT NULL, tokenizer BLOB NOT NULL, form BLOB NOT NULL,
    PRIMARY KEY (fingerprint, medium)) STRICT;
INSERT INTO compiled SELECT fingerprint, 'image', x'', form FROM compiled_images;
DROP TABLE compiled_images;
"""

D005 = """
-- A similarity that was learnt. digest: of all that it was fitted from.
CREATE TABLE metric (name TEXT PRIMARY KEY, digest TEXT NOT NULL, value BLOB NOT NULL) STRICT;
-- It stood among the signatures, the one of its name.
INSERT INTO metric SELECT substr(name, 8), hash, value FROM signature
    WHERE substr(name, 1, 7) = 'metric ' GROUP BY name HAVING count(*) = 1;
DELETE FROM signature WHERE substr(name, 1, 7) = 'metric '
    AND (substr(name, 8), hash) IN (SELECT name, digest FROM metric);
"""

D006 = """
-- Contents of which something was computed when the colour profiles of pictures did not count yet: looked at once.
CREATE TABLE before_profiles (hash TEXT PRIMARY KEY) STRICT;
INSERT INTO before_profiles SELECT hash FROM vector UNION SELECT hash FROM signature;
"""

D007 = """
-- Something small that was computed from two contents. name: of what, and which version of it.
CREATE TABLE comparison (name TEXT NOT NULL, one TEXT NOT NULL, other TEXT NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (name, one, other)) STRICT, WITHOUT ROWID;
"""

D008 = """
-- What the file of codes of a space holds of it (`curator.store.vector_codes`). token: of its name. state: of the
-- database, as a VACUUM may number rows anew. width: bytes of a row, after a head. last: the highest vector that it may
-- hold. depth: how many rows of the nearest codes hold the nearest vectors, 0 where it does not pay; measured: at so
-- many rows. Without rows and depth somebody is making it, or was.
CREATE TABLE coded (space_id INTEGER PRIMARY KEY, token TEXT NOT NULL, state INTEGER NOT NULL, head INTEGER NOT NULL,
    width INTEGER NOT NULL, held INTEGER NOT NULL, last INTEGER NOT NULL, checksum INTEGER NOT NULL,
    depth INTEGER NOT NULL, measured INTEGER NOT NULL) STRICT;
-- Vectors up to that one that are others since, or gone.
CREATE TABLE recoded (space_id INTEGER NOT NULL, vector INTEGER NOT NULL, PRIMARY KEY (space_id, vector)) STRICT,
    WITHOUT ROWID;
-- Up to which change of the catalogue no item of a medium is without a vector or failure (`curator.store.covered`).
CREATE TABLE covered (space_id INTEGER NOT NULL, media TEXT NOT NULL, change INTEGER NOT NULL, witness TEXT NOT NULL,
    PRIMARY KEY (space_id, media)) STRICT, WITHOUT ROWID;
-- (An OR IGNORE would give way to how the statement that fires a trigger treats conflicts.)
CREATE TRIGGER vector_inserted AFTER INSERT ON vector BEGIN
    INSERT INTO recoded SELECT space_id, NEW.rowid FROM coded WHERE space_id = NEW.space_id AND last >= NEW.rowid
        AND NOT EXISTS (SELECT 1 FROM recoded WHERE space_id = NEW.space_id AND vector = NEW.rowid);
END;
CREATE TRIGGER vector_updated AFTER UPDATE ON vector BEGIN
    INSERT INTO recoded SELECT space_id, NEW.rowid FROM coded WHERE space_id = NEW.space_id AND last >= NEW.rowid
        AND NOT EXISTS (SELECT 1 FROM recoded WHERE space_id = NEW.space_id AND vector = NEW.rowid);
END;
CREATE TRIGGER vector_deleted AFTER DELETE ON vector BEGIN
    INSERT INTO recoded SELECT space_id, OLD.rowid FROM coded WHERE space_id = OLD.space_id AND last >= OLD.rowid
        AND NOT EXISTS (SELECT 1 FROM recoded WHERE space_id = OLD.space_id AND vector = OLD.rowid);
    DELETE FROM covered WHERE space_id = OLD.space_id;
END;
CREATE TRIGGER failure_deleted AFTER DELETE ON failure BEGIN
    DELETE FROM covered;
END;
"""

D009 = """
-- Vectors are read, and a head asked again, in less time than what it said took to be found.
DROP TABLE prediction;
"""

D010 = """
-- Compiled encoders became files: each is made again.
DROP TABLE compiled;
-- An encoder of one medium as an ONNX model, in a file (`curator.store.form_files`). digest: its SHA-256, empty where
-- it cannot be had. weights: SHA-256 of those that lie in a file of their own, weights_name, else empty.
-- tokenizer: for texts, else empty.
CREATE TABLE form (fingerprint TEXT NOT NULL, medium TEXT NOT NULL, digest TEXT NOT NULL, weights TEXT NOT NULL,
    weights_name TEXT NOT NULL, tokenizer BLOB NOT NULL, PRIMARY KEY (fingerprint, medium)) STRICT;
-- How a way to embed did on a machine. rate: items per second. agrees: whether it finds what the encoder finds.
CREATE TABLE way (fingerprint TEXT NOT NULL, medium TEXT NOT NULL, machine TEXT NOT NULL, runtime TEXT NOT NULL,
    precision TEXT NOT NULL, rate REAL, agrees INTEGER NOT NULL,
    PRIMARY KEY (fingerprint, medium, machine, runtime, precision)) STRICT;
-- SHA-256 of files, by their state in nanoseconds.
CREATE TABLE hashed (device TEXT NOT NULL, inode TEXT NOT NULL, size INTEGER NOT NULL, modified INTEGER NOT NULL,
    changed INTEGER NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (device, inode)) STRICT;
"""

STEPS = {
    "d001_create_derived": D001,
    "d002_create_signatures": D002,
    "d003_create_compiled": D003,
    "d004_compile_by_medium": D004,
    "d005_create_metrics": D005,
    "d006_mark_before_profiles": D006,
    "d007_create_comparisons": D007,
    "d008_mark_what_codes_hold": D008,
    "d009_drop_predictions": D009,
    "d010_keep_forms_as_files": D010,
}

DIGESTS = {
    1: "de1177a94c164bdeb27000b5892542b718151951a895eeed005142f19e51e5c7",
    2: "0c363506074fbca8d9e59f522ebce907b327d7626d6d835660ab077bbf94c0db",
    3: "55ec647e4c3a4b35fd00cfc2dd4b424beb1b69364bd863f35562a5048f9f2cac",
    4: "f6af93498b5dae122e78587fdc668d5d089ee54906003080ba7826ae9c0b4254",
    5: "ba70ecae4ad7ee6ac2fa1c0e09e78559c85bc57cdf226ff4455d7ec499c1f68f",
    6: "f034ed171ad2c699b03eb949f6b02c38b0bac80f1da1e5026cd1eafff9885924",
    7: "43d5514f3fcd80b6b7554c228ec8281e458f3488dfb087e767cd5e7fee23a5c0",
    8: "9d6f3e0fec783bc194830e452ffcaa4f2dcea84c1157cf18a896c307dc6dcc63",
    9: "9edff27e1ff54fa3ca0f6d88c209af490c1db502a39515afc334733a0c915f7b",
    10: "4eb7cbaf13f8de4ea90c9d875578af0a47d1cbdb3e65086be7c276ca22bf68ac",
}
"""What stands for the schema of each layout (`curator.store.schema`), as a test computes it."""
