"""From what `--methods` says to methods with their checkpoints. Nothing is loaded or run here, but the files of the
user's that define methods."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmark.errors import UserError, one_line, unknown
from benchmark.names import composed, printable, unusable, without_hash

GROUPS = ("all", "naive", "classical", "learned")
_FILE = re.compile(r"(?P<path>.+\.py)(?::(?P<attribute>[^:]*))?")
_WEIGHTLESS = "; a class of baselines.NetworkFuser has them (docs/methods.md), and a command names its files itself"
_NAMED = re.compile(r"(?P<name>[^=:/\\]+)=(?=cmd:|.*\.py(?::|$))")


@dataclass(frozen=True)
class Method:
    """A fuser to run.

    label: its name in results, with the start of the checkpoint's SHA-256 where that is not the shipped one nor, for
    a method that none is shipped for, the one found by name. unavailable: why it cannot run here. precision: of its
    arithmetic, part of its label and its keys where it is not "fp32". output: how its results are saved, one of
    `baselines.OUTPUTS`, "raw" for "native" where the method's authors save just that; part of its label where it is not
    "raw", and of its keys. tile: side of the tiles that large images are fused in, None for whole ones;
    part of both too, but for methods that stream, whose results are the same. group: the word that stood for it
    ("all"), "" where it was named. cls: its class. entry: what --methods says for it alone. code: of a method from
    elsewhere, where it is from and, as `sha256`, what tells it from others. several: whether it runs with other
    checkpoints, too.
    """

    name: str
    label: str
    card: object
    checkpoint: Path | None = None
    checkpoint_sha256: str | None = None
    trained_on: str = ""
    tuned: str = ""
    preliminary: bool = False
    unavailable: str | None = None
    precision: str = "fp32"
    output: str = "raw"
    tile: int | None = None
    group: str = ""
    cls: type | None = None
    entry: str = ""
    code: dict = field(default_factory=dict)
    several: bool = False

    @property
    def shown(self) -> str:
        """What lines call it: its label, but the hash where no other checkpoint of it runs beside."""
        return self.label if self.several else without_hash(self.label)

    @property
    def version(self) -> str:
        """What stored results call this version of the method."""
        code = f"@{self.code['sha256'][:16]}" if self.code else ""
        # The output that is the authors' own is what the version of the method stands for.
        output = "" if self.output == "native" or (self.output == "raw" and not self.native) else f"+{self.output}"
        return self.card.version + code + _precise(self.precision) + output + _tiles(self.cls, self.tile)

    @property
    def native(self) -> str:
        """How the native output differs from the raw one, see `baselines.Fuser.native`."""
        return self.cls.native()

    def load(self, device: str):
        """The fuser. Raises as `baselines.load`."""
        import baselines

        return baselines.create(self.cls, self.checkpoint, device, precision=self.precision, tile=self.tile)


def _precise(precision: str) -> str:
    """What labels and versions say of a precision."""
    return "" if precision == "fp32" else f"+{precision}"


def in_tiles(method: Method, tile: int) -> Method:
    """The method fusing in tiles of that side, for images that are larger."""
    return replace(method, tile=tile, label=method.label + _tiles(method.cls, tile))


def _tiles(cls: type, tile: int | None) -> str:
    return "" if tile is None or cls.streams else f"+tile{tile}"


def select_methods(
    names: Sequence[str],
    checkpoints: Sequence[str] = (),
    weights_root: Path | None = None,
    precision: str = "fp32",
    outputs: Sequence[str] = ("raw",),
    timeout: float | None = None,
    trust: bool = False,
) -> list[Method]:
    """The methods in the order given, each with its checkpoint.

    names: of methods, of groups of them (`GROUPS`), `FILE.py:CLASS` or `cmd:COMMAND`; the last two perhaps with
    `NAME=` in front. checkpoints: "METHOD=PATH" entries; a method named in several of them runs once with each.
    precision: for the methods that have it, the others keep "fp32". outputs: for all; one method for each, but where
    two would be the same. timeout: seconds that a command
    may take for a pair. trust: also take checkpoints that are not what is published under their names or, named in
    `checkpoints`, are not known at all (`baselines.is_known`). Raises UserError for an unknown method, a file or a
    command that holds none, a malformed entry, a file that does not exist or is not known, a method without weights,
    a weights root that is no folder, and a precision that no method has.
    """
    check_weights_root(weights_root)
    asked = _asked(names, timeout)
    given: dict[str, list[Path]] = {}
    for entry in checkpoints:
        name, path = _checkpoint(entry, asked, trust)
        given.setdefault(name, []).append(path)
    precise = [name for name, method in asked.items() if precision in method.cls.precisions]
    if not precise:
        raise UserError(f"--precision {precision}: none of these methods has it: {', '.join(asked)}")
    methods = [
        _with_checkpoint(method, checkpoint, weights_root, trust)
        for name, method in asked.items()
        for checkpoint in given.get(name, [None])
    ]
    methods = list({method.label: method for method in methods}.values())  # one file under two names is one method
    methods = [replace(m, several=[n.name for n in methods].count(m.name) > 1) for m in methods]
    chosen = [_saved_as(m, precision if m.name in precise else "fp32", output) for m in methods for output in outputs]
    return list({method.label: method for method in chosen}.values())


def _saved_as(method: Method, precision: str, output: str) -> Method:
    output = output if output != "native" or method.native else "raw"
    label = method.label + _precise(precision) + ("" if output == "raw" else f"+{output}")
    return replace(method, precision=precision, output=output, label=label)


def _asked(names: Sequence[str], timeout: float | None) -> dict[str, Method]:
    """Name -> method without its checkpoint. A method that is named and in a group counts as named."""
    import baselines

    known = baselines.names()
    found: dict[str, Method] = {}
    for entry in names:
        if entry in GROUPS:
            for name in _members(entry, known):
                found.setdefault(name, _own(name, entry))
        elif entry in known:
            found[entry] = _own(entry)
        else:
            method = _foreign(entry, known, timeout)
            if found.get(method.name, method) != method:
                raise UserError(f"--methods: two methods are called '{method.name}'; give one as OTHER={entry}")
            found[method.name] = method
    return found


def _members(group: str, known: Sequence[str]) -> list[str]:
    """By family, then year."""
    import baselines
    from baselines.base import FAMILIES

    cards = [baselines.card(name) for name in known]
    cards = [card for card in cards if group in ("all", card.family)]
    return [card.name for card in sorted(cards, key=lambda c: (FAMILIES.index(c.family), c.year or 0, c.name))]


def _own(name: str, group: str = "") -> Method:
    import baselines

    cls = baselines.method(name)
    sha256 = baselines.plugins.code_sha256(cls)
    code = {"entry_point": name, "sha256": sha256} if sha256 else {}
    return Method(name, name, cls.card, group=group, cls=cls, entry=name, code=code)


def _foreign(entry: str, known: Sequence[str], timeout: float | None) -> Method:
    """A method that a file or a command defines."""
    from baselines import plugins

    named = _NAMED.match(entry)
    name, text = (composed(named["name"].strip()), entry[named.end() :]) if named else (None, entry)
    file = _FILE.fullmatch(text)
    if text.startswith("cmd:"):
        from benchmark.run import foreign

        cls, code = foreign.command_method(text[4:].strip(), name, timeout or foreign.TIMEOUT)
    elif file is None:
        if Path(f"{text}.py").is_file():
            raise UserError(f"unknown method '{text}'; did you mean the file ./{text}.py?")
        said, _, listed = unknown("method", entry, [*known, *GROUPS]).message.rpartition(" known: ")
        raise UserError(f"{said} one of your own is given as NAME=FILE.py:CLASS or NAME=cmd:COMMAND; known: {listed}")
    else:
        try:
            cls = plugins.from_file(Path(file["path"]).expanduser(), file["attribute"], name)
        except ValueError as error:
            raise UserError(f"--methods: {one_line(error)}") from None
        code = {"file": text, "sha256": plugins.code_sha256(cls)}
    name = cls.card.name
    if reason := unusable(name):
        raise UserError(
            f"--methods: '{printable(name)}' cannot be a folder's name, {reason}; call it otherwise: NAME={text}"
        )
    if name.lower() in known or name in GROUPS:
        raise UserError(f"--methods: '{name}' is a method of this suite; call yours otherwise: NAME={text}")
    return Method(name, name, cls.card, cls=cls, entry=entry, code=code)


def _checkpoint(entry: str, asked: dict[str, Method], trust: bool) -> tuple[str, Path]:
    """The method and the file that an entry of --checkpoint names."""
    import baselines

    name, equals, path = entry.partition("=")
    name = name.strip()
    if not equals or not path:
        raise UserError(f"--checkpoint {entry}: expected METHOD=PATH")
    if name not in asked:
        raise unknown("method in --checkpoint", name, asked)
    method = asked[name]
    theirs = bool(method.code) and not any(method.card.checkpoints.values())  # no hash is published for it
    if not method.card.checkpoints and not (theirs and issubclass(method.cls, baselines.NetworkFuser)):
        raise UserError(f"--checkpoint {entry}: {name} has no weights{_WEIGHTLESS if theirs else ''}")
    file = Path(path).expanduser()
    if not file.is_file():
        raise UserError(f"--checkpoint {entry}: no file {path}")
    card = method.card
    complete = all(part.is_file() for part in baselines.checkpoint_files(card, file))  # else unavailable, and told so
    if complete and not trust and not theirs and not baselines.is_known(card, file):
        raise UserError(
            f"--checkpoint {entry}: neither a published file nor one with the record of bench train beside it; "
            "--trust-checkpoint to use it"
        )
    return name, file


def check_weights_root(folder: Path | None) -> None:
    """Raises UserError for a weights root that is no folder."""
    if folder is not None and not folder.is_dir():
        raise UserError(f"--weights-root {folder} (or BENCH_WEIGHTS): no such folder")


def _with_checkpoint(method: Method, override: Path | None, weights_root: Path | None, trust: bool) -> Method:
    import baselines

    card = method.card
    try:
        checkpoint = baselines.find_checkpoint(card, override, weights_root, trust)
    except baselines.Unavailable as error:
        return replace(method, unavailable=one_line(error).removeprefix(f"{card.name}: "))
    if checkpoint is None:
        return method
    sha256 = baselines.checkpoint_sha256(card, checkpoint)
    shipped = baselines.shipped_checkpoint(card)
    own = override is None if shipped is None else sha256 == baselines.sha256(shipped)
    record = baselines.training_record(card, checkpoint, sha256)
    return replace(
        method,
        label=method.name if own else f"{method.name}+{sha256[:8]}",
        checkpoint=checkpoint,
        checkpoint_sha256=sha256,
        trained_on=record["trained_on"],
        tuned=str(record.get("tuned") or ""),
        preliminary=record.get("status") == "preliminary",
    )


def fitting(methods: Iterable[Method], task: str) -> tuple[list[Method], list[Method]]:
    """The methods to run on pairs of a task ("ivf", "mif", "" where it is not known), and those to leave out: what a
    group stands for and was made for other pairs."""
    chosen, left = [], []
    for method in methods:
        out = method.group and task and task not in method.card.tasks
        (left if out else chosen).append(method)
    return chosen, left
