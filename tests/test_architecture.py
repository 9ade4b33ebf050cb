"""The layers of the design, held by reading the code; each rule is proven by a mutant that breaks it alone.

Imports count wherever they stand, at the top, inside a function or below `if TYPE_CHECKING:`; of other packages, a
type checker may see any.
"""

from __future__ import annotations

import ast
import functools
import graphlib
import re
import shutil
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILE_LINES, FUNCTION_LINES, PACKAGE_MODULES = 400, 60, 15
ANYTHING = "*"

HEAVY = frozenset(
    [
        "torch",
        "torchvision",
        "open_clip",
        "timm",
        "sklearn",
        "scipy",
        "numpy",
        "PIL",
        "cv2",
        "onnxruntime",
        "openvino",
        "pillow_heif",
        "rawpy",
        "lark",
        "rich",
        "sqlite_utils",
        "safetensors",
        "huggingface_hub",
        "onnx",
        "onnxruntime",
        "ml_dtypes",
    ]
)

# Which of curator's own rooms, and which packages of others, a room may import: the first are those below it. A room
# may always import its own modules, and `curator.version`. A row stands for all that lies in it, but for what has one.
ROOMS = "embedding catalog history media registry reporter store api errors"
CORE = f"parts running maintenance quarantine learning ingest {ROOMS}"
LAYERS = {
    "curator": ("commands workspace workspace_path registry reporter errors", ""),
    "curator.version": ("", ""),
    "curator.errors": ("", ""),
    "curator.interrupts": ("", ""),
    "curator.__main__": ("cli interrupts", ""),
    "curator.api": ("errors", "pluggy"),
    "curator.core": ("", ""),
    "curator.checkpoints": ("core", ""),
    "curator.compiling": ("core", ""),
    "curator.devices": ("core", ""),
    "curator.finetuning": ("core", ""),
    "curator.pictures": ("core", ""),
    "curator.sheets": ("core", ""),
    "curator.splits": ("core", ""),
    "curator.kit": ("", ""),
    "curator.kit.weights": ("errors kit.reading", "ml_dtypes numpy torch safetensors"),
    "curator.kit.downloads": ("errors kit.weights", "huggingface_hub"),
    "curator.kit.graph": ("", "numpy onnx"),
    "curator.kit.onnx_encoder": ("api runtimes", "numpy"),
    "curator.kit.onnx": ("", "torch"),
    "curator.kit.devices": ("errors", "scipy threadpoolctl torch"),
    "curator.kit.encodings": ("kit.reading", ""),
    "curator.kit.finetuning": ("api errors kit.devices", "numpy sklearn torch torchvision"),
    "curator.kit.reading": ("errors", ""),
    "curator.kit.companions": ("", ""),
    "curator.kit.listing": ("api", ""),
    "curator.kit.memory": ("errors kit.reading", ""),
    "curator.kit.images": ("kit.memory kit.reading", "numpy PIL pillow_heif rawpy"),
    "curator.kit.copies": ("api kit.images kit.listing kit.memory kit.reading", "cv2 numpy scipy PIL"),
    "curator.kit.splits": ("api", "numpy sklearn"),
    "curator.kit.trust": ("api errors kit.copies", "numpy scipy"),
    "curator.kit.sheets": ("api errors kit.images kit.reading", "PIL"),
    "curator.kit.linear_head": ("errors", "numpy scipy"),
    "curator.kit.torch_encoder": (
        "api errors kit.devices kit.finetuning kit.onnx_encoder kit.torch_network kit.weights",
        "torch torchvision",
    ),
    "curator.kit.torch_network": ("api kit.devices kit.onnx", "numpy torch"),
    "curator.registry": ("api errors", "pluggy"),
    "curator.store": ("api errors", "sqlite_utils"),
    "curator.reporter": ("registry errors", ""),
    "curator.media": ("api errors kit.encodings kit.images kit.reading", "numpy pathvalidate PIL"),
    "curator.history": ("media reporter store api errors", "filelock"),
    "curator.catalog": ("history kit.splits media reporter store api errors", ""),
    "curator.catalog.where": ("catalog history store api errors", ""),
    "curator.catalog.where.parsing": ("catalog.where errors", "lark"),
    "curator.ingest": ("catalog history media registry reporter store api errors", ""),
    "curator.runtimes": ("errors", "numpy onnx onnxruntime openvino"),
    "curator.embedding": (
        "catalog history media registry reporter runtimes store api errors kit.devices kit.onnx_encoder kit.reading "
        "kit.weights",
        "numpy",
    ),
    "curator.importing": (
        "catalog embedding history media reporter store api errors kit.encodings kit.reading",
        "numpy pyarrow",
    ),
    "curator.learning": (
        f"{ROOMS} kit.copies kit.devices kit.finetuning kit.images kit.splits",
        "filelock numpy PIL safetensors scipy sklearn",
    ),
    "curator.quarantine": ("kit.companions catalog history media reporter store api errors", ""),
    "curator.parts": (f"importing learning quarantine {ROOMS}", ""),
    "curator.running": (f"ingest kit.listing parts learning quarantine {ROOMS}", "numpy"),
    "curator.maintenance": (f"parts learning quarantine ingest {ROOMS}", "numpy"),
    "curator.workspace_path": ("catalog store errors", ""),
    "curator.workspace": (f"{CORE} workspace_path kit.devices", ""),
    "curator.scaffold": ("errors store", ""),
    "curator.commands": (f"workspace workspace_path testing scaffold kit.listing {CORE}", ""),
    "curator.cli": (
        f"interrupts commands workspace workspace_path {CORE} kit.images kit.memory kit.reading",
        "click numpy rich",
    ),
    "curator.testing": (f"workspace workspace_path {CORE} kit", ANYTHING),
    "curator_plugins": ("api errors kit", ANYTHING),
}

LATE = (
    "importing kit.trust.novelty kit.trust.suspects kit.torch_network media.preprocessing learning running.context "
    "running.runner runtimes.calls runtimes.known runtimes.machine runtimes.onnxruntime runtimes.openvino testing"
)
LATE_EMBEDDING = (
    "codes comparisons embedder loader search shortlist signatures vector_reader vector_writer ways.agreement "
    "ways.forms ways.opened ways.quickest ways.trial"
)
LATE_COPIES = (
    "close_look hamming image_copies image_sketches kept_sketches kin neighbours planes registration stars"
    " text_copies vectors verification"
)
ENTERED_LATE = (
    *(f"curator.{name}" for name in LATE.split()),
    *(f"curator.embedding.{name}" for name in LATE_EMBEDDING.split()),
    "curator.catalog.where.parsing",
    *(f"curator.kit.copies.{name}" for name in LATE_COPIES.split()),
)
"""Rooms that are entered when they are needed, by a spec's `load`, by `Parts` or by a command: they import what they
need at their top, and no module outside imports them at its top."""

FREE_LATE = frozenset(["lark", "numpy", "scipy", "sklearn", "safetensors"])
"""What is imported at the top there; a network library or a decoder may still wait for whoever needs it."""

SPEAKING = frozenset(
    [
        "print",
        "input",
        "exit",
        "quit",
        "SystemExit",
        "sys.exit",
        "os._exit",
        "click.echo",
        "click.secho",
        "click.prompt",
        "click.confirm",
    ]
)

# What SQL looks like, in capitals anywhere or small at the start of a text.
SQL = re.compile(
    r"\b(SELECT\b.+\bFROM|INSERT (OR \w+ )?INTO|UPDATE \S+ SET|DELETE FROM|PRAGMA|JOIN|WHERE|(GROUP|ORDER) BY)\b"
    r"|\b(CREATE|ALTER|DROP) (UNIQUE |TEMP |VIRTUAL )?(TABLE|INDEX|VIEW|TRIGGER)\b|^\s*(SELECT|VACUUM|ATTACH)\b"
    r"|^\s*(select\b.+\bfrom|insert (or \w+ )?into|update \S+ set|delete from|pragma|create (unique )?table)\s",
    re.DOTALL,
)
# What runs it: of a cursor or connection, whatever it is called, and of a database.
QUERIES = re.compile(
    r"(^|\.)(execute|executemany|executescript|execute_many|rows_among)$"
    r"|\b_?(database|derived|catalogue|db)\.(rows|row|value)$"
)
# What reads more of a picture's file than was read when it was opened, or opens one.
DECODES = re.compile(r"\b(Image\.open|n_frames|is_animated|_?getexif|exif_transpose|ImageSequence)\b|\.draft\(")

# What makes, moves, links or removes files, by whatever object.
WRITES = re.compile(
    "(un)?link|rename|rmtree|rmdir|symlink|(hardlink|symlink)_to|mkdir|makedirs|mkfifo|write_(text|bytes)"
    "|copyfile|copy2|copytree|mkstemp|mkdtemp|FileLock|truncate|chmod"
)
WRITING_CALLS = frozenset(["os.replace", "os.remove", "shutil.move", "shutil.copy"])
DOORS = {"curator.store.paths": "held", "curator.history.move_ends": "Ends"}
"""What says where a name of a workspace leads; the second asks the first, for moves."""
# Rooms whose paths a person or a plugin gives, and modules whose paths do not stand in a workspace.
GIVEN_PATHS = {
    "curator.cli": "says only",
    "curator.commands": "say only",
    "curator.kit": "works where it is told to, for plugins",
    "curator.scaffold": "makes the folder that a person names",
    "curator.testing": "works in folders of its own",
    "curator_plugins": "are given the folders that they write to",
    "curator.running.artifacts": "files that a person names",
    "curator.media.file_lists": "folders that its callers make",
    "curator.running.new_folders": "folders that a person names",
    "curator.maintenance.backup": "an archive that a person names",
    "curator.learning.finetuning": "a temporary folder of its own",
    "curator.history.trust": "the user's own folder",
    "curator.store.private": "folders and files that its callers were given",
    "curator.store.scratch": "folders that its callers were given",
    "curator.workspace": "the folder that a person names",
}
# Where folders are people's own, or none of a workspace's yet.
OTHERS_FOLDERS = {
    **GIVEN_PATHS,
    "curator.history.file_moves": "those that files come back to",
    "curator.maintenance.restore": "one that becomes a workspace",
}
# What parses people's files, whole or as it goes.
PARSES = re.compile(r"\b(csv\.reader|ParquetFile|torch\.load|load_file|Tokenizer\.from_file|np\.load|ZipFile)\(")

# Migrations only ever grow.
LONGER = {"curator.store.migrations": 10_000}


@dataclass(frozen=True)
class Import:
    """An import as it is written; `top`: it is carried out when the module is imported; `typing`: never."""

    source: str
    names: tuple[str, ...]
    line: int
    top: bool
    typing: bool

    def modules(self, known: Collection[str]) -> Iterator[str]:
        """`from a import b` imports `a.b` where that is a module of the tree, else `a`."""
        inner = [f"{self.source}.{name}" for name in self.names]
        yield from dict.fromkeys(name if name in known else self.source for name in inner or [self.source])


@dataclass(frozen=True)
class Module:
    """One file of the tree: what the rules look at."""

    name: str
    path: str
    text: str
    imports: tuple[Import, ...]
    calls: tuple[tuple[str, int], ...]
    functions: tuple[tuple[str, int, int], ...]
    sql: tuple[tuple[int, str], ...]
    decoding: tuple[tuple[int, str], ...]
    writing: tuple[tuple[int, str], ...]

    @property
    def layer(self) -> str:
        """Its row of the table."""
        return layer_of(self.name)


@functools.cache
def layer_of(name: str) -> str:
    """The longest that a module lies in."""
    return max((layer for layer in LAYERS if within(name, layer)), key=len)


@functools.cache
def within(name: str, package: str) -> bool:
    return name == package or (name.startswith(package + ".") and package != "curator")


def modules(root: Path) -> dict[str, Module]:
    found = [
        parsed(package, path.relative_to(root / folder), path.relative_to(root), path.read_text(encoding="utf-8"))
        for folder, package in (("curator", "curator"), ("plugins", "curator_plugins"))
        for path in sorted((root / folder).rglob("*.py"))
    ]
    return {module.name: module for module in found}


@functools.cache
def parsed(root_package: str, inner: Path, path: Path, text: str) -> Module:
    parts = [root_package, *inner.with_suffix("").parts]
    package, name = parts[:-1], [part for part in parts if part != "__init__"]
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    calls = [(ast.unparse(node.func), node.lineno) for node in nodes if isinstance(node, ast.Call)]
    functions = [
        (node.name, node.lineno, (node.end_lineno or 0) - node.lineno + 1)
        for node in nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    imports = tuple(imported(tree, package, top=True))
    sql = tuple(sorted(sql_in(nodes)))
    writing = tuple(sorted(writing_in(nodes)))
    lines = enumerate(text.splitlines(), 1)
    decoding = tuple((number, f"uses {found[0]}") for number, line in lines if (found := DECODES.search(line)))
    return Module(".".join(name), str(path), text, imports, tuple(calls), tuple(functions), sql, decoding, writing)


def sql_in(nodes: Collection[ast.AST]) -> Iterator[tuple[int, str]]:
    """Texts that are SQL, calls that run it, and uses of a connection, each with its line."""
    joined = [node for node in nodes if isinstance(node, ast.JoinedStr)]
    parts = {part for node in joined for part in node.values}
    for node in nodes:
        text = string(node)
        if text and node not in parts and SQL.search(text):
            yield node.lineno, f"holds SQL: {text:.40}"
        if isinstance(node, ast.Call) and QUERIES.search(called := ast.unparse(node.func)):
            yield node.lineno, f"calls {called}"
        if isinstance(node, ast.Attribute) and node.attr == "connection":
            yield node.lineno, f"uses {ast.unparse(node)}"


def writing_in(nodes: Collection[ast.AST]) -> Iterator[tuple[int, str]]:
    """What changes folders and files, each with its line; `path.replace(other)` is told from that of texts."""
    for node in nodes:
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        if WRITES.fullmatch(name):
            yield node.lineno, f"uses {ast.unparse(node)}"
        if isinstance(node, ast.Call):
            called, values = ast.unparse(node.func), [string(part) for part in node.args]
            of_path = called.endswith(".replace") and len(node.args) == 1 and not node.keywords
            modes = [value for value in values if re.fullmatch("[rwaxbt+]{1,3}", value) and set(value) & set("wax+")]
            opened = called.split(".")[-1] in ("open", "fdopen") and modes
            if called in WRITING_CALLS or of_path or opened:
                yield node.lineno, f"calls {called}"


def string(node: ast.AST) -> str:
    """The text of a string, of an f-string with a name for what it fills in; else none."""
    if isinstance(node, ast.JoinedStr):
        return "".join(string(part) or "name" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def imported(node: ast.AST, package: list[str], top: bool, typing: bool = False) -> Iterator[Import]:
    """The imports in a node of a module of `package`, by statement or by function."""
    if isinstance(node, ast.Import):
        yield from (Import(alias.name, (), node.lineno, top, typing) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = package[: len(package) - node.level + 1] if node.level else []
        source = ".".join([*base, *([node.module] if node.module else [])])
        yield Import(source, tuple(alias.name for alias in node.names), node.lineno, top, typing)
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
        constants = [arg for arg in node.args[:1] if isinstance(arg, ast.Constant)]
        yield from (Import(arg.value, (), node.lineno, top, typing) for arg in constants)
    later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    for child in ast.iter_child_nodes(node):
        checked = isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING") and child in node.body
        yield from imported(child, package, top and not later and not checked, typing or checked)


# --- the rules: each yields (module, line, what) ------------------------------------------------------

Complaints = Iterator[tuple[Module, int, str]]
Tree = dict[str, Module]
RULES: dict[str, Callable[[Tree], Complaints]] = {}


def rule(function: Callable[[Tree], Complaints]) -> Callable[[Tree], Complaints]:
    RULES[function.__name__.replace("_", " ")] = function
    return function


def all_imports(tree: Tree, top_only: bool = False) -> Iterator[tuple[Module, int, str]]:
    for module in tree.values():
        for statement in module.imports:
            # What only a type checker imports of other packages costs nobody anything.
            free = statement.typing and not own(statement.source)
            if (statement.top or not top_only) and not free:
                for target in statement.modules(tree):
                    yield module, statement.line, target


def own(name: str) -> bool:
    return name.split(".")[0] in ("curator", "curator_plugins")


@functools.cache
def late(name: str) -> bool:
    # `status` says what is needed to fit a head, too.
    return any(within(name, room) for room in ENTERED_LATE) and name != "curator.learning.min_examples"


def plugin_package(name: str) -> str:
    """The package of a plugin that is one, as `curator_plugins.actions.dedupe`, for each module of it but itself."""
    parts = name.split(".")
    return ".".join(parts[:3]) if parts[0] == "curator_plugins" and len(parts) > 3 else ""


@rule
def layers(tree: Tree) -> Complaints:
    """Each layer imports only what lies below it, and no plugin another; a plugin's own modules may use each other."""
    for module, line, target in all_imports(tree):
        allowed = ["curator.version", *(f"curator.{name}" for name in LAYERS[module.layer][0].split())]
        room = plugin_package(module.name) or module.name if module.layer == "curator_plugins" else module.layer
        if within(target, room):
            continue
        if own(target) and not any(within(target, name) for name in allowed):
            yield module, line, f"imports {target}"


@rule
def the_registry_is_passed_in(tree: Tree) -> Complaints:
    """To whoever looks plugins up; only the doors load them."""
    for module in tree.values():
        for statement in module.imports:
            door = module.layer in ("curator", "curator.registry", "curator.cli", "curator.testing")
            if "curator.registry.loader" in statement.modules(tree) and not statement.typing and not door:
                yield module, statement.line, "imports curator.registry.loader"


@rule
def third_party(tree: Tree) -> Complaints:
    """Each layer imports only the libraries of its row."""
    for module, line, target in all_imports(tree):
        top, allowed = target.split(".")[0], LAYERS[module.layer][1]
        if not own(top) and top not in {*sys.stdlib_module_names, *allowed.split()} and allowed != ANYTHING:
            yield module, line, f"imports {target}"


@rule
def rich_only_in_render(tree: Tree) -> Complaints:
    for module, line, target in all_imports(tree):
        if module.layer == "curator.cli" and target.split(".")[0] == "rich" and module.name != "curator.cli.render":
            yield module, line, f"imports {target}"


@rule
def nothing_heavy_at_the_top(tree: Tree) -> Complaints:
    """Nor a module that may: those inside of a plugin's package, which its entry point imports when it is asked.

    The kit has such modules, too.
    """
    for module, line, target in all_imports(tree, top_only=True):
        heavy = target.split(".")[0] in HEAVY or plugin_package(target) or late(target)
        if heavy and not plugin_package(module.name) and not late(module.name):
            yield module, line, f"imports {target} when it is imported itself"


@rule
def at_the_top_of_what_is_entered_late(tree: Tree) -> Complaints:
    for module in tree.values():
        for statement in module.imports:
            within_function = not (statement.top or statement.typing) and module.layer != "curator.testing"
            if late(module.name) and within_function and statement.source.split(".")[0] in FREE_LATE:
                yield module, statement.line, f"imports {statement.source} inside a function"


@rule
def no_plugin_is_named(tree: Tree) -> Complaints:
    """The core finds plugins by their entry points alone; importing one breaks `layers`."""
    for module in tree.values():
        for number, line in enumerate(module.text.splitlines(), 1):
            if "curator_plugins" in line and "import " not in line and module.layer != "curator_plugins":
                yield module, number, "names curator_plugins"


@rule
def no_cycle(tree: Tree) -> Complaints:
    """Wherever the imports stand; but a package may enter its own modules late, as a spec its plan."""
    graph: dict[str, set[str]] = {name: set() for name in tree}
    for module in tree.values():
        for statement in module.imports:
            for target in statement.modules(tree):
                late = not statement.top and within(target, module.name)
                if target in tree and target != module.name and not late:
                    graph[module.name].add(target)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        yield tree[error.args[1][0]], 1, f"cycle: {' -> '.join(error.args[1])}"


@rule
def only_the_command_line_speaks(tree: Tree) -> Complaints:
    """Printing, asking and exiting."""
    for module in tree.values():
        for called, line in module.calls:
            if called in SPEAKING and module.layer not in ("curator.cli", "curator.interrupts"):
                yield module, line, f"calls {called}"


@rule
def sql_only_in_the_store(tree: Tree) -> Complaints:
    for module in tree.values():
        if module.layer != "curator.store":
            yield from ((module, line, what) for line, what in module.sql)


@rule
def rows_only_by_the_journal(tree: Tree) -> Complaints:
    """What writes rows of any table is used by what records the writing."""
    for module, line, target in all_imports(tree):
        if target == "curator.store.catalogue.rows" and module.name != "curator.history.journal":
            yield module, line, f"imports {target}"


@rule
def one_door_to_pictures(tree: Tree) -> Complaints:
    """What Pillow reads of people's files, it reads where any error becomes a reason: `curator.kit.images`."""
    for module in tree.values():
        if not within(module.name, "curator.kit.images"):
            yield from ((module, line, what) for line, what in module.decoding)


@rule
def one_door_to_names_in_a_workspace(tree: Tree) -> Complaints:
    """What changes files below a workspace asks `curator.store.paths.held` where they are."""
    for module in tree.values():
        asks = any(DOORS.get(line.source) in line.names for line in module.imports)
        if not asks and not any(within(module.name, name) for name in GIVEN_PATHS):
            yield from ((module, line, what) for line, what in module.writing)


@rule
def folders_of_a_workspace_for_those_who_read_it(tree: Tree) -> Complaints:
    """`curator.store.private.make_folder` makes them, whatever the umask lets others do."""
    for module in tree.values():
        if not any(within(module.name, name) for name in OTHERS_FOLDERS):
            for called, line in module.calls:
                if called.rpartition(".")[2] in ("mkdir", "makedirs"):
                    yield module, line, f"calls {called}"


@rule
def one_door_to_parsers(tree: Tree) -> Complaints:
    """Whatever a library makes of a damaged file, `curator.kit.reading` makes a reason of it."""
    for module in tree.values():
        through = any("curator.kit.reading" in statement.modules(tree) for statement in module.imports)
        if module.layer != "curator.testing" and not through:
            for number, line in enumerate(module.text.splitlines(), 1):
                if found := PARSES.search(line):
                    yield module, number, f"calls {found[1]} without `reading`"


@rule
def short_files(tree: Tree) -> Complaints:
    for module in tree.values():
        if (lines := len(module.text.splitlines())) > LONGER.get(module.name, FILE_LINES):
            yield module, lines, f"has {lines} lines"


@rule
def short_functions(tree: Tree) -> Complaints:
    for module in tree.values():
        for name, line, lines in module.functions:
            if lines > FUNCTION_LINES and module.name != "curator.store.migrations":
                yield module, line, f"{name} has {lines} lines"


@rule
def small_packages(tree: Tree) -> Complaints:
    """Of modules that lie in them directly, their `__init__` not counted."""
    within_it: dict[str, list[Module]] = {}
    for module in tree.values():
        if not module.path.endswith("__init__.py"):
            within_it.setdefault(module.name.rpartition(".")[0], []).append(module)
    for package, modules in within_it.items():
        if len(modules) > PACKAGE_MODULES:
            yield modules[0], 1, f"{package} has {len(modules)} modules"


def violations(root: Path) -> list[str]:
    """Every breach below `root`, as 'rule: path:line what'."""
    tree = modules(root)
    return [
        f"{name}: {module.path}:{line} {what}" for name, check in RULES.items() for module, line, what in check(tree)
    ]


# --- the tests ----------------------------------------------------------------------------------------


def test_the_tree_holds_the_layer_table():
    assert violations(ROOT) == []


def put(text: str) -> Callable[[str], str]:
    """Appended."""
    return lambda before: f"{before}\n\n{text}\n"


def inside(text: str) -> Callable[[str], str]:
    """Appended within a function."""
    return put(f"def _mutant():\n    {text}")


def top(text: str) -> Callable[[str], str]:
    """Put before everything but the docstring and `from __future__`."""
    future = "from __future__ import annotations\n"
    return lambda before: before.replace(future, f"{future}{text}\n", 1)


STATEMENTS = "\n".join(["    x = 1"] * 60)
LONG_FUNCTION = f"def _mutant():\n{STATEMENTS}"

MUTANTS = [
    ("one door to names in a workspace", "curator/embedding/search.py", inside("os.unlink(path)")),
    ("one door to names in a workspace", "curator/catalog/items.py", inside("path.replace(other)")),
    ("one door to names in a workspace", "curator/ingest/recorder.py", inside("open(path, 'ab')")),
    ("one door to names in a workspace", "curator/quarantine/set_aside.py", inside("shutil.move(path, other)")),
    ("one door to names in a workspace", "curator/maintenance/check.py", inside("return path.unlink")),
    ("folders of a workspace for those who read it", "curator/store/objects.py", inside("path.mkdir()")),
    ("one door to pictures", "curator/media/preprocessing.py", inside("image.n_frames")),
    ("one door to pictures", "curator/kit/sheets/page.py", inside("Image.open(path)")),
    ("one door to pictures", "plugins/actions/explain/drawing.py", inside("ImageOps.exif_transpose(image)")),
    ("one door to parsers", "plugins/readers/folder.py", inside("import csv; csv.reader(path)")),
    ("one door to parsers", "plugins/encoders/resnet.py", inside("torch.load(path)")),
    ("layers", "curator/errors.py", inside("import curator.api")),
    ("layers", "curator/api/data.py", inside("from curator.registry.parameters import bind")),
    ("layers", "curator/api/__init__.py", inside("import curator")),
    ("layers", "curator/kit/images/decoding.py", inside("from curator.media import preprocessing")),
    ("layers", "curator/kit/sheets/page.py", inside("from curator.media.preprocessing import pixels")),
    ("layers", "curator/kit/weights/__init__.py", inside("from curator.kit import torch_encoder")),
    ("layers", "curator/kit/copies/kin.py", inside("from curator.learning.labelled_pictures import Decoded")),
    ("layers", "curator/kit/copies/image_copies.py", inside("from curator_plugins.actions.dedupe import keeping")),
    ("layers", "curator/checkpoints.py", inside("from curator.kit import weights")),
    ("layers", "curator/embedding/search.py", inside("from curator.kit.torch_encoder import TorchEncoder")),
    ("layers", "curator/registry/parameters.py", inside("from curator.catalog import labels")),
    ("layers", "curator/registry/hookspecs.py", inside("from curator.store import objects")),
    ("layers", "curator/registry/loader.py", inside("import curator.workspace")),
    ("layers", "curator/scaffold/__init__.py", inside("from curator.registry.parameters import bind")),
    ("layers", "curator/store/objects.py", inside("from curator.catalog import labels")),
    ("layers", "curator/embedding/search.py", inside("import curator.cli")),
    ("the registry is passed in", "curator/embedding/search.py", inside("from curator.registry import loader")),
    ("layers", "curator/embedding/search.py", inside("from .. import cli")),
    ("layers", "curator/embedding/search.py", inside("from curator_plugins.encoders import ngram")),
    ("layers", "curator/cli/text.py", inside("import curator_plugins.heads.mlp")),
    ("layers", "curator/cli/text.py", inside("import curator")),
    ("layers", "curator/commands/items/ls.py", inside("from curator.cli.render import Output")),
    ("layers", "curator/running/binding.py", inside("from curator.commands import core")),
    ("layers", "curator/registry/loader.py", inside("from curator.commands import core")),
    ("the registry is passed in", "curator/commands/items/add.py", inside("from curator.registry import loader")),
    ("third party", "curator/commands/items/ls.py", inside("import click")),
    ("only the command line speaks", "curator/commands/items/ls.py", inside("print(1)")),
    ("layers", "plugins/heads/mlp.py", inside("from curator.catalog import labels")),
    ("layers", "plugins/heads/mlp.py", inside("from curator.registry.parameters import parameters")),
    ("layers", "plugins/heads/mlp.py", inside("from curator_plugins.heads import logistic")),
    ("layers", "plugins/heads/mlp.py", inside("from . import logistic")),
    ("layers", "plugins/heads/mlp.py", inside("from curator_plugins.actions.dedupe import keeping")),
    ("layers", "plugins/actions/dedupe/keeping.py", inside("from curator_plugins.actions import similar")),
    ("layers", "plugins/actions/dedupe/keeping.py", inside("from curator.embedding import search")),
    ("third party", "curator/errors.py", inside("import click")),
    ("third party", "curator/api/data.py", inside("import numpy")),
    ("third party", "curator/registry/loader.py", inside("import click")),
    ("third party", "curator/store/objects.py", inside("import numpy")),
    ("third party", "curator/embedding/search.py", inside("import torch")),
    ("third party", "curator/embedding/search.py", inside("import importlib; importlib.import_module('rich.text')")),
    ("rich only in render", "curator/cli/build.py", inside("from rich.table import Table")),
    ("nothing heavy at the top", "plugins/heads/mlp.py", top("import torch")),
    (
        "nothing heavy at the top",
        "plugins/heads/mlp.py",
        top("try:\n    from torch import nn\nfinally: ..."),
    ),
    ("nothing heavy at the top", "plugins/heads/mlp.py", top("from curator.kit.torch_network import TorchNetwork")),
    ("nothing heavy at the top", "curator/kit/copies/__init__.py", top("import numpy as np")),
    ("nothing heavy at the top", "plugins/heads/logistic.py", top("from curator.kit.copies import vectors")),
    ("nothing heavy at the top", "curator/kit/torch_encoder.py", top("from curator.kit import torch_network")),
    ("nothing heavy at the top", "curator/embedding/coverage.py", top("import numpy as np")),
    ("nothing heavy at the top", "curator/parts.py", top("from curator.learning.training import Training")),
    ("at the top of what is entered late", "curator/embedding/search.py", inside("import numpy as np")),
    ("at the top of what is entered late", "curator/kit/copies/vectors.py", inside("import scipy.sparse")),
    ("nothing heavy at the top", "plugins/actions/dedupe/__init__.py", top("import numpy as np")),
    (
        "nothing heavy at the top",
        "plugins/actions/dedupe/__init__.py",
        top("from curator_plugins.actions.dedupe import keeping"),
    ),
    ("nothing heavy at the top", "curator/cli/render.py", put("class _Mutant:\n    import rich")),
    ("nothing heavy at the top", "curator/store/sqlite.py", top("import sqlite_utils")),
    ("no plugin is named", "curator/embedding/models.py", put("_MUTANT = 'curator_plugins.encoders.ngram'")),
    ("no cycle", "curator/learning/scores.py", top("from curator.learning import training")),
    ("no cycle", "curator/store/sqlite.py", top("from curator.store import catalogue")),
    ("only the command line speaks", "curator/embedding/search.py", inside("print(1)")),
    ("only the command line speaks", "plugins/heads/mlp.py", inside("input('?')")),
    ("only the command line speaks", "curator/store/objects.py", inside("import sys; sys.exit(1)")),
    ("only the command line speaks", "plugins/actions/similar.py", inside("import click; click.echo('x')")),
    ("only the command line speaks", "curator/registry/loader.py", inside("raise SystemExit(1)")),
    ("sql only in the store", "curator/catalog/items.py", inside("return 'SELECT id FROM item'")),
    ("sql only in the store", "curator/ingest/recorder.py", inside("return f'UPDATE {1} SET path = ?'")),
    ("sql only in the store", "curator/embedding/embedder.py", inside("self.database.row(text)")),
    ("sql only in the store", "curator/commands/history/log.py", inside("return workspace.database.connection")),
    ("sql only in the store", "plugins/actions/similar.py", inside("return 'SELECT hash FROM item'")),
    (
        "rows only by the journal",
        "curator/history/undo.py",
        inside("from curator.store.catalogue.rows import RowStore"),
    ),
    ("rows only by the journal", "curator/store/derived.py", inside("from curator.store.catalogue import rows")),
    ("short files", "plugins/heads/mlp.py", put("\n" * FILE_LINES)),
    ("short functions", "curator/embedding/search.py", put(LONG_FUNCTION)),
    ("small packages", "curator/store/catalogue/mutant.py", put("")),
]


def test_imports_go_one_way_between_rooms():
    rooms = {room: {f"curator.{name}" for name in below.split()} for room, (below, _) in LAYERS.items()}
    graphlib.TopologicalSorter(rooms).prepare()


def test_every_rule_has_a_mutant():
    assert {name for name, _, _ in MUTANTS} == set(RULES)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree")
    for folder in ("curator", "plugins"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return root


@pytest.fixture(scope="module")
def before(copy):
    """What is wrong with the copy as it is; each test puts back what it changed."""
    return violations(copy)


@pytest.mark.parametrize(("name", "path", "mutate"), MUTANTS, ids=lambda value: None if callable(value) else value)
def test_a_mutant_breaks_exactly_its_rule(copy, before, name, path, mutate):
    file = copy / path
    text = file.read_text() if file.exists() else None
    try:
        file.write_text(mutate(text or '"""A module more."""'))
        complaints = [complaint for complaint in violations(copy) if complaint not in before]
    finally:
        file.unlink() if text is None else file.write_text(text)
    broken = {complaint.partition(":")[0] for complaint in complaints}
    # What imports what lies above it closes a circle, too.
    assert broken == {name} or (name == "layers" and broken == {"layers", "no cycle"})
    assert all(f" {path}:" in complaint for complaint in complaints if not complaint.startswith(("no cycle", "small")))


SOME_SQL = [
    "'SELECT id FROM item'",
    "'select id from item'",
    r"'\n    SELECT id\n    FROM place'",
    "'SELECT 1'",
    "f'SELECT {columns} FROM {table}'",
    "f'{ITEMS} WHERE id = ?'",
    "f'{ITEMS} ORDER BY id'",
    "'WITH top AS (' + 'SELECT id FROM item)'",
    "f'INSERT INTO {table} (path) VALUES (?)'",
    "'INSERT OR REPLACE INTO problem VALUES (?)'",
    "f'UPDATE {table} SET path = ?'",
    "'DELETE FROM place'",
    "'PRAGMA user_version'",
    "'CREATE TABLE space (id INTEGER)'",
    "self.database.row(text)",
    "database.value(text)",
    "workspace.database.rows(text)",
    "encoding.derived.rows(text)",
    "derived.database.rows_among(text, hashes)",
    "self.database.execute(text)",
    "self.database.execute_many(text, rows)",
    "cursor.executemany(text, rows)",
    "workspace.database.connection",
]
NO_SQL = [
    "'Select the items from a folder.'",
    "'select items by folder'",
    "'the rows where a label is set'",
    "'Update the set of labels'",
    "f'Whatever joins {both} stands here; order by size'",
    "self.tables.rows(path)",
    "table.row(1)",
    "self.value(name)",
    "pool.submit(run)",
]


def test_sql_is_told_from_words():
    found = {text: list(sql_in(list(ast.walk(ast.parse(text))))) for text in SOME_SQL + NO_SQL}
    assert [text for text, hits in found.items() if len(hits) == 1] == SOME_SQL
    assert [text for text, hits in found.items() if not hits] == NO_SQL


def test_what_only_a_type_checker_imports_is_free_if_it_is_of_others(copy):
    file = copy / "curator/errors.py"
    text, before = file.read_text(), violations(copy)
    typing = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import "
    try:
        file.write_text(put(f"{typing}torch")(text))
        assert violations(copy) == before
        file.write_text(put(f"{typing}curator.cli")(text))
        assert [complaint for complaint in violations(copy) if complaint.startswith("layers: curator/errors.py")]
    finally:
        file.write_text(text)
