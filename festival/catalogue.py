"""The catalogue of French texts, kept without gettext on the machine.

Messages are found in the Python sources by their syntax tree and in templates through Django's own
`templatize`, and kept with polib, sorted and without line numbers, so that two people's changes to the
catalogue do not collide.
"""

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polib
from django.utils.translation.template import templatize

LANGUAGE = "fr"
PLURAL_FORMS = "nplurals=2; plural=(n > 1);"
SOURCE_FOLDERS = ("accounts", "events", "festival", "templates")
TEMPLATE_SUFFIXES = (".html", ".txt", ".xml", ".ics")

# function name → positions of (context, singular, plural) among its arguments
CALLS: dict[str, tuple[int | None, int, int | None]] = {
    "_": (None, 0, None),
    "gettext": (None, 0, None),
    "gettext_lazy": (None, 0, None),
    "gettext_noop": (None, 0, None),
    "ngettext": (None, 0, 1),
    "ngettext_lazy": (None, 0, 1),
    "pgettext": (0, 1, None),
    "pgettext_lazy": (0, 1, None),
    "npgettext": (0, 1, 2),
    "npgettext_lazy": (0, 1, 2),
}

PYTHON_FORMAT = re.compile(r"%(?:\((?P<name>\w+)\))?[#0\- +]*\d*(?:\.\d+)?(?P<kind>[diouxXeEfFgGcrs])")
BRACE_FORMAT = re.compile(r"\{(\w*)\}")


class CatalogueError(Exception):
    """A message that cannot be read: the place and the reason, for the one who wrote it."""


@dataclass(frozen=True, order=True)
class Message:
    """A text to translate. `context` and `plural` are empty where there is none."""

    singular: str
    context: str = ""
    plural: str = ""


def _raise(error: CatalogueError) -> None:
    raise error


def find_messages(
    root: Path, *, complain: Callable[[CatalogueError], None] = _raise
) -> dict[Message, set[str]]:
    """Every message of the project, with the files (relative to `root`) that show it.

    :param complain: takes a file that cannot be read, whose messages are then left out; raises by default.
    :raises CatalogueError: a message is not a plain string.
    """
    found: dict[Message, set[str]] = {}
    for folder in SOURCE_FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.suffix == ".py" and "/migrations/" not in name:
                messages = messages_in_python(path.read_text("utf-8"), origin=name)
            elif path.suffix in TEMPLATE_SUFFIXES and "/static/" not in name:
                messages = messages_in_template(path.read_text("utf-8"), origin=name)
            else:
                continue
            try:
                for message in messages:
                    found.setdefault(message, set()).add(name)
            except CatalogueError as error:
                complain(error)
    return found


def messages_in_python(source: str, *, origin: str) -> Iterator[Message]:
    """The messages marked in a Python source.

    :raises CatalogueError: a marked message is computed (an f-string, a variable), so nobody could translate
    it.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise CatalogueError(f"{origin}:{error.lineno}: {error.msg}") from error
    # `_` is also a name for what one does not need: it marks messages only where it was imported as such.
    marks = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("django.utils.translation")
        for alias in node.names
    }
    constants = _constants(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        name = marks.get(called, called if isinstance(node.func, ast.Attribute) else "")
        if name not in CALLS or name == "_":
            continue
        yield _message(name, node, origin, constants)


def _constants(tree: ast.Module) -> dict[str, str]:
    """Names that stand for one plain string throughout a module: a context shared by a list of messages."""
    values: dict[str, set[str | None]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            values.setdefault(node.id, set())
        if isinstance(node, ast.Assign):
            value = node.value.value if isinstance(node.value, ast.Constant) else None
            for target in node.targets:
                if isinstance(target, ast.Name):
                    values.setdefault(target.id, set()).add(value if isinstance(value, str) else None)
    return {
        name: text
        for name, texts in values.items()
        if len(texts) == 1 and isinstance(text := next(iter(texts)), str)
    }


def messages_in_template(source: str, *, origin: str) -> Iterator[Message]:
    """The messages marked in a template.

    :raises CatalogueError: a template that Django cannot read.
    """
    try:
        marked = templatize(source, origin=origin)
    except SyntaxError as error:
        raise CatalogueError(f"{origin}: {error}") from error
    for match in re.finditer(r"\b(?:n?p?gettext|_)\(", marked):
        call = _balanced(marked, match.start())
        try:
            node = ast.parse(call, mode="eval").body
        except SyntaxError as error:
            raise CatalogueError(f"{origin}: cannot read {call[:60]!r}") from error
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            message = _message(node.func.id, node, origin)
            if message.singular:
                yield message


def _balanced(text: str, start: int) -> str:
    """The call that begins at `start`, up to its closing bracket."""
    depth = 0
    quote = ""
    position = start
    while position < len(text):
        character = text[position]
        if quote:
            if character == "\\":
                position += 1
            elif text.startswith(quote, position):
                position += len(quote) - 1
                quote = ""
        elif character in "\"'":
            quote = character * 3 if text.startswith(character * 3, position) else character
            position += len(quote) - 1
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth == 0:
                return text[start : position + 1]
        position += 1
    return text[start:]


def _message(name: str, node: ast.Call, origin: str, constants: Mapping[str, str] = {}) -> Message:
    context, singular, plural = CALLS[name]

    def text(position: int | None) -> str:
        if position is None:
            return ""
        argument = node.args[position] if position < len(node.args) else None
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            return argument.value
        if isinstance(argument, ast.Name) and argument.id in constants:
            return constants[argument.id]
        raise CatalogueError(
            f"{origin}:{node.lineno}: {name}() needs a plain string, so that it can be translated"
        )

    return Message(singular=text(singular), context=text(context), plural=text(plural))


def read_catalogue(path: Path) -> polib.POFile:
    """The catalogue at `path`, or an empty one where there is none yet."""
    if path.exists():
        return polib.pofile(str(path), wrapwidth=110)
    catalogue = polib.POFile(wrapwidth=110)
    catalogue.metadata = {
        "Project-Id-Version": "Festival",
        "Language": LANGUAGE,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": PLURAL_FORMS,
    }
    return catalogue


def merge(
    messages: Iterable[Message], *, catalogue: polib.POFile, fragments: Iterable[polib.POFile] = ()
) -> polib.POFile:
    """A new catalogue of exactly `messages`, with the texts known from the fragments (first) and the old
    catalogue.

    What is no longer shown is dropped, fuzzy marks stay, entries are sorted by message.
    """
    known: dict[tuple[str, str], polib.POEntry] = {}
    for entry in catalogue:
        if not entry.obsolete:
            known[entry.msgid, entry.msgctxt or ""] = entry
    for fragment in fragments:
        for entry in fragment:
            if not entry.obsolete and (entry.msgstr or any(entry.msgstr_plural.values())):
                known[entry.msgid, entry.msgctxt or ""] = entry
    merged = polib.POFile(wrapwidth=110)
    merged.metadata = dict(catalogue.metadata)
    plurals: dict[tuple[str, str], str] = {}
    for message in messages:
        # gettext keeps one entry for a singular, wherever its plural is also asked for.
        key = (message.singular, message.context)
        plurals[key] = plurals.get(key) or message.plural
    for (singular, context), plural in sorted(plurals.items()):
        old = known.get((singular, context))
        entry = polib.POEntry(msgid=singular, msgctxt=context or None, msgid_plural=plural)
        if plural:
            old_plurals = {int(n): text for n, text in old.msgstr_plural.items()} if old else {}
            if old and not old_plurals and old.msgstr:
                old_plurals = {0: old.msgstr, 1: ""}
            entry.msgstr_plural = {0: old_plurals.get(0, ""), 1: old_plurals.get(1, "")}
        elif old:
            entry.msgstr = old.msgstr or {int(n): t for n, t in old.msgstr_plural.items()}.get(0, "")
        entry.flags = ["fuzzy"] if old is not None and old.fuzzy else []
        if PYTHON_FORMAT.search(singular) or PYTHON_FORMAT.search(plural):
            entry.flags.append("python-format")
        merged.append(entry)
    return merged


def save(catalogue: polib.POFile, path: Path) -> bool:
    """Write the catalogue where its text changed; says whether it did."""
    text = str(catalogue) + "\n" if not str(catalogue).endswith("\n") else str(catalogue)
    if path.exists() and path.read_text("utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return True


def faults(messages: dict[Message, set[str]], catalogue: polib.POFile) -> list[str]:
    """What keeps the catalogue from being complete, one line each; empty when all is well."""
    lines: list[str] = []
    wanted = {(message.singular, message.context) for message in messages}
    plurals = {(message.singular, message.context) for message in messages if message.plural}
    places: dict[tuple[str, str], set[str]] = {}
    for message, files in messages.items():
        places.setdefault((message.singular, message.context), set()).update(files)
    seen: set[tuple[str, str]] = set()
    for entry in catalogue:
        key = (entry.msgid, entry.msgctxt or "")
        shown = f"{entry.msgid[:70]!r}" + (f" ({key[1]})" if key[1] else "")
        where = f" [{', '.join(sorted(places[key]))}]" if key in places else ""
        if key in seen:
            lines.append(f"twice: {shown}")
        seen.add(key)
        if entry.obsolete or key not in wanted:
            lines.append(f"left over: {shown}")
        elif entry.fuzzy:
            lines.append(f"fuzzy: {shown}{where}")
        elif not _translated(entry, plural=key in plurals):
            lines.append(f"untranslated: {shown}{where}")
        else:
            lines.extend(f"{fault}: {shown}{where}" for fault in _format_faults(entry))
    lines.extend(
        f"missing: {singular[:70]!r} [{', '.join(sorted(places[singular, context]))}]"
        for singular, context in sorted(wanted - seen)
    )
    return lines


def _translated(entry: polib.POEntry, *, plural: bool) -> bool:
    if plural:
        return len(entry.msgstr_plural) == 2 and all(entry.msgstr_plural.values())
    return bool(entry.msgstr)


def _format_faults(entry: polib.POEntry) -> Iterator[str]:
    """A singular may leave its number out (« une place »); no text may ask for what is not given."""
    given = _placeholders(entry.msgid) | _placeholders(entry.msgid_plural or "")
    texts = list(entry.msgstr_plural.values()) or [entry.msgstr]
    for number, text in enumerate(texts):
        asked = _placeholders(text)
        if asked - given:
            yield f"unknown placeholder {sorted(asked - given)}"
        elif given - asked and not (entry.msgid_plural and number == 0):
            yield f"lost placeholder {sorted(given - asked)}"
        if entry.msgid.startswith("\n") != text.startswith("\n") or entry.msgid.endswith(
            "\n"
        ) != text.endswith("\n"):
            yield "line break at one end only"


def _placeholders(text: str) -> set[str]:
    percent = {
        match.group("name") or match.group() for match in PYTHON_FORMAT.finditer(text.replace("%%", ""))
    }
    return percent | {f"{{{match.group(1)}}}" for match in BRACE_FORMAT.finditer(text)}


def compile_catalogues(root: Path) -> list[Path]:
    """Write a `.mo` beside every `.po` under `root`/locale that is newer than it; the files written."""
    written: list[Path] = []
    for source in sorted((root / "locale").rglob("*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            continue
        mine = target.with_suffix(".mo.new")
        polib.pofile(str(source)).save_as_mofile(str(mine))
        mine.replace(target)
        written.append(target)
    return written
