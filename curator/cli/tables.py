"""The rows that the core's commands show: on a terminal as tables, with `--json` as objects of these keys."""

from __future__ import annotations

from curator.api import Column, Table
from curator.kit.listing import ITEM

ITEMS = Table(
    "item",
    "Items",
    (
        Column("id", "the item", "integer"),
        Column("media", "image or text"),
        Column("path", "where it is; null if its file is gone", "path"),
        Column("text", "the body of a text"),
        Column("labels", "what it is labelled as, a list"),
        Column("groups", "the group of each of these labels, in their order; null for one that stands alone", "json"),
        Column("row", "the id of its row, where path is a table with a column of ids", "json"),
    ),
)

FACTS = Table(
    "fact",
    "Item",
    (Column("fact", "what"), Column("value", "a text, number or path", "path")),
    whole=True,
)

ADDED = Table(
    "added",
    "Added",
    (
        *(
            Column(name, text, "integer")
            for name, text in (
                ("found", "files of a kind that curator reads"),
                ("rows", "rows of tables"),
                ("added", "new content"),
                ("copies", "further places of known content"),
                ("changed", "other content at a known place"),
                ("moved", "known content whose old place is gone"),
                ("unchanged", "known and not read again"),
                ("same_file", "other names of files that are known (links)"),
                ("missing", "known places where the file or row is gone"),
                ("labelled", "statements made"),
                ("captions", "captions linked"),
                ("sidecars", "texts beside an image of the same name, not linked as captions"),
                ("loose", "files in no folder that could label them"),
                ("decoded", "files that were read"),
                ("encoded", "items embedded"),
                ("failed", "files and rows that could not be used"),
            )
        ),
        Column("read_as", "encodings that only the characters told, each with how many files are in it"),
        Column("notes", "what may not be meant as it was taken: labels called NaN, folders called train"),
    ),
)

PROBLEMS = Table(
    "problem",
    "Problems",
    (
        Column("path", "the file, or id:N", "path"),
        Column("reason", "what is wrong with it, for a table after 'line N:'"),
    ),
)

LABELLED = Table(
    "labelled",
    "Labelled",
    (
        Column("id", "the item", "integer"),
        Column("path", "where it is", "path"),
        Column("label", "the label"),
        Column("now", "positive, negative, or empty: nothing said"),
        Column("before", "what was said before: also conflict"),
        Column("row", "the id of its row, where path is a table with a column of ids", "json"),
    ),
)

RENAMED = Table(
    "renamed",
    "Renamed",
    (
        Column("old", "the label's name until now"),
        Column("new", "its name now"),
        Column("items", "items of which something was said as to it", "integer"),
        Column("both", "those of them of which something was said as to a label of the new name, too", "integer"),
        Column("merged", "whether there was one: they are one label now"),
    ),
)

PAIRED = Table(
    "pair",
    "Pairs",
    (
        Column("left", "an item", "integer"),
        Column("right", "another", "integer"),
        Column("left_path", "where the first is; null if its file is gone", "path"),
        Column("right_path", "where the other is", "path"),
        Column("now", "alike, not alike, or empty: nothing said"),
        Column("before", "what was said before"),
        Column("left_row", "the id of the first one's row, where its path is a table with a column of ids", "json"),
        Column("right_row", "that of the other", "json"),
    ),
)

METRIC_COUNTS = Table(
    "metric",
    "Metrics",
    (
        Column("metric", "what `similar --metric` takes"),
        Column("alike", "pairs marked as alike", "integer"),
        Column("not_alike", "pairs marked as not", "integer"),
    ),
)

METRIC_KINDS = Table(
    "kind",
    "Kinds of metric",
    (
        Column("name", "KIND in `similar --metric NAME:KIND`"),
        Column("default", "yes for the one that is taken if none is named"),
        Column("summary", "what it is"),
    ),
    whole=True,
)

ENCODED = Table(
    "encoded",
    "Embedded",
    (
        Column("model", "the encoder with its weights"),
        Column("encoded", "vectors made now", "integer"),
        Column("failed", "items that failed now", "integer"),
        Column("seconds", "how long it took, without loading the encoder", "score"),
        Column(
            "precision", "the numbers that most were computed with: float32, or shorter ones where they are quicker"
        ),
    ),
    whole=True,
)

ENCODERS = Table(
    "encoder",
    "Encoders",
    (
        Column("name", "what -e takes"),
        Column("media", "what it embeds"),
        Column("default", "for which media it is this workspace's default"),
        Column("embedded", "how many contents have a vector here", "integer"),
        Column("offline", "yes, if it can be loaded without a network; else what is missing"),
        Column("summary", "what it is"),
    ),
    whole=True,
)

PRETRAINED = Table(
    "pretrained",
    "Pretrained",
    (
        Column("model", "the encoder with what it learnt"),
        Column("texts", "different texts that it learnt from and was measured on", "integer"),
        Column("held_out", "bits per character on held-out texts; null where nothing was learnt now", "score"),
        Column("seconds", "how long it took", "score"),
        Column("finished", "false where it was stopped: the same command goes on"),
    ),
    whole=True,
)

QUESTIONS = Table(
    "question",
    "Questions",
    (
        *ITEM,
        Column("question", "what a person has to say"),
        Column("choices", "for a group its labels, the most probable first; empty for yes or no"),
        Column(
            "probability", "what the head thinks of yes, or of the first choice, 0 to 1; null without one", "percent"
        ),
        Column("why", "why just this item is asked about"),
        Column("target", "label:NAME or group:NAME, for `curator label`", "json"),
    ),
)

METRICS = Table(
    "held-out",
    "Held-out quality, on items like the labelled ones",
    (
        Column("metric", "what was measured"),
        Column("value", "mean over held-out folds, 0 to 1", "score"),
        Column("spread", "standard deviation over the folds", "score"),
        Column("blurred", "the same on blurred copies of held-out pictures; with --robustness", "score"),
        Column("darkened", "on darkened ones", "score"),
        Column("noisy", "on noisy ones", "score"),
        Column("items", "how many items it rests on", "integer"),
        Column("test", "on the labelled items of the folder of --test, from which the head learnt nothing", "score"),
        Column("test_items", "how many these are", "integer"),
    ),
    whole=True,
)

CONFUSIONS = Table(
    "confusion",
    "What was taken for what, while held out",
    (
        Column("label", "what it is labelled as"),
        Column("taken_for", "what the head says"),
        Column("items", "how often", "integer"),
        Column("of", "how many items of that label were held out", "integer"),
    ),
)

KINDS = Table(
    "kind",
    "Kinds of head",
    (
        Column("name", "what --head takes"),
        Column("default", "yes for the one that is taken if none is named"),
        Column("options", "what -o takes, with the defaults"),
        Column("summary", "what it is"),
    ),
    whole=True,
)

FITTED = Table(
    "head",
    "Fitted heads",
    (
        Column("head", "label or group, and version"),
        Column("type", "the kind of head"),
        Column("model", "the encoder it works on"),
        Column("classes", "how many", "integer"),
        Column("items", "how many it was fitted on", "integer"),
        Column("accuracy", "held-out", "score"),
        Column("baseline", "accuracy of always saying the commonest class", "score"),
    ),
)

HOLDINGS = Table(
    "holding",
    "Items",
    (
        Column("media", "image or text"),
        Column("items", "how many", "integer"),
        Column("embedded", "how many have a vector of the default model", "integer"),
        Column("failed", "how many cannot have one", "integer"),
        Column("default", "the model that the workspace embeds them with"),
    ),
    whole=True,
)

LABELS = Table(
    "label",
    "Labels",
    (
        Column("label", "its name"),
        Column("group", "the group of labels that exclude each other; null if it stands alone"),
        Column("positives", "items that are", "integer"),
        Column("negatives", "items that are not: negative examples, and for a group its other labels", "integer"),
        Column("conflicts", "items of which two things are said that exclude each other", "integer"),
    ),
)

STEPS = Table(
    "next",
    "Next",
    (Column("reason", "why"), Column("command", "what to type")),
    whole=True,
)

UNDONE = Table(
    "undone",
    "Undone",
    (
        Column("run", "the run that was taken back", "integer"),
        Column("command", "what it was"),
        Column("rows", "rows of the catalogue that were put back", "integer"),
        Column("files", "files that were moved back", "integer"),
        Column("by", "the run that did it: undo it to do it again", "integer"),
    ),
    whole=True,
)

QUARANTINED = Table(
    "quarantined",
    "Quarantine",
    (
        Column("id", "its number", "integer"),
        Column("path", "where it was", "path"),
        Column("why", "exact, same picture, copy, edited, or the like; sidecar: it lay beside another"),
        Column("reason", "the evidence"),
        Column("size", "bytes", "integer"),
        Column("keeper", "the file that stays in its stead", "json"),
        Column("stored", "where it is now", "json"),
        Column("item", "the item that it is; null for a sidecar that is none", "json"),
        Column("taken", "when, in UTC", "json"),
    ),
)

RETURNED = Table(
    "returned",
    "Restored or removed",
    (
        Column("done", "restored or removed"),
        Column("path", "where it was, and is again", "path"),
        Column("size", "bytes", "integer"),
    ),
)

FAULTS = Table(
    "fault",
    "Faults",
    (
        Column("part", "database, run, file, table, link, quarantine, object or vector"),
        Column("which", "which one", "path"),
        Column("wrong", "what is not as it should be"),
        Column("remedy", "what --repair does, or what you can do"),
        Column("repaired", "whether it was repaired now", "json"),
        Column("repairable", "whether --repair can", "json"),
    ),
)

BACKUP = Table(
    "backup",
    "Backup",
    (
        Column("path", "the archive", "path"),
        Column("items", "items in its catalogue", "integer"),
        Column("objects", "states of heads and the like", "integer"),
        Column("size", "bytes", "integer"),
        Column("left_out", "heads whose state is damaged or may not be read, and other such objects", "json"),
    ),
    whole=True,
)

RESTORED = Table(
    "restored",
    "Restored",
    (
        Column("path", "the workspace", "path"),
        Column("items", "items in its catalogue", "integer"),
        Column("objects", "states of heads and the like", "integer"),
        Column("missing", "heads and models whose state is not in the archive", "json"),
    ),
    whole=True,
)

RUNS = Table(
    "run",
    "Runs, latest first",
    (
        Column("run", "its number", "integer"),
        Column("started", "when, in local time"),
        Column("command", "what was run"),
        Column("arguments", "with what"),
        Column("state", "running, done, interrupted or failed"),
        Column("changes", "rows of the catalogue that it wrote", "integer"),
        Column("undone", "the run that took it back", "integer"),
    ),
)

PLUGINS = Table(
    "plugin",
    "Plugins",
    (
        Column("plugin", "its entry point"),
        Column("distribution", "the installed package it comes from"),
        Column("version", "of that package"),
        Column("import_ms", "milliseconds that importing it and asking what it offers took", "integer"),
        Column("offers", "encoders, heads, metrics, actions and readers"),
        Column("failure", "why it was skipped"),
    ),
    whole=True,
)

MADE = Table(
    "made",
    "Made",
    (Column("path", "a file", "path"),),
    whole=True,
)

CHECKS = Table(
    "check",
    "Checks",
    (
        Column("of", "what was checked: the plugin, or an encoder, head, metric, action or reader that it offers"),
        Column("check", "what was checked of it"),
        Column("state", "passed, failed or not applicable"),
        Column("why", "what was seen where it failed, what it would need where it does not apply, else why it matters"),
    ),
    whole=True,
)
