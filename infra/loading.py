"""Settings from file < environment < flags, with the source of every value. A wrong one is a single C01, no trace."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_settings import EnvSettingsSource

from ..models.errors import ConfigError
from .section import Section, config_home
from .settings import Settings

__all__ = ["HIDDEN", "Loaded", "Value", "load", "set_flags"]

HIDDEN = "********"
PREFIX = "TRIPTYCH_"

Layer = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Value:
    """One setting as `triptych config` shows it."""

    name: str
    value: str
    source: str  # default, implied, file, env or flag
    doc: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings and where they came from. `sources` maps section.key to the layer that gave it."""

    settings: Settings
    sources: Mapping[str, str]
    file: Path | None = None

    def values(self) -> Iterator[Value]:
        """Every setting in order, secrets hidden."""
        for section_name in Settings.model_fields:
            section: Section = getattr(self.settings, section_name)
            untouched = type(section)()
            for key, field in type(section).model_fields.items():
                name, value = f"{section_name}.{key}", getattr(section, key)
                implied = value != getattr(untouched, key)
                source = self.sources.get(name, "implied" if implied else "default")
                yield Value(name, _shown(value), source, field.description or "")


def load(config: Path | None = None, flags: Mapping[str, Mapping[str, Any]] | None = None) -> Loaded:
    """Settings of this process. Raises ConfigError C01 with the setting, its value, its source and what is allowed."""
    file = _file(config)
    layers: dict[str, Layer] = {
        "file": _from_file(file) if file else {},
        "env": _from_environment(),
        "flag": {section: dict(values) for section, values in (flags or {}).items()},
    }
    merged: Layer = {}
    sources: dict[str, str] = {}
    for source, layer in layers.items():
        for section, values in layer.items():
            merged.setdefault(section, {}).update(values)
            sources |= {f"{section}.{key}": source for key in values}
    try:
        return Loaded(Settings(**merged), sources, file)  # type: ignore[arg-type]  # the sections are validated here
    except ValidationError as error:
        raise _explain(error, merged, sources, file) from None


def set_flags(assignments: Sequence[str]) -> Layer:
    """`section.key=value` words of the command line as a layer. Raises ConfigError C01."""
    layer: Layer = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        section, dot, key = name.partition(".")
        if not (equals and dot and section and key):
            raise ConfigError(f"--set {assignment!r} is not section.key=value", "--set kafka.bootstrap=localhost:9092")
        layer.setdefault(section, {})[key] = value
    return layer


def _file(config: Path | None) -> Path | None:
    named = config or (Path(value) if (value := os.environ.get(f"{PREFIX}CONFIG")) else None)
    if named is not None:
        return named.expanduser()
    usual = (Path("triptych.toml"), config_home() / "triptych.toml", Path("/etc/triptych/triptych.toml"))
    return next((path for path in usual if path.is_file()), None)


def _from_file(path: Path) -> Layer:
    try:
        layer = tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"cannot read the settings file {path}: {error.strerror}", "triptych config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no TOML: {error}", "mend the file, then: triptych config") from None
    for section, values in layer.items():
        if not isinstance(values, dict):
            raise ConfigError(f"{path}: {section} stands outside a section", f"[{_close(section)}]")
    return layer


def _from_environment() -> Layer:
    for name in os.environ:
        section, nested, _ = name.removeprefix(PREFIX).partition("__")
        if name.startswith(PREFIX) and nested and section.lower() not in Settings.model_fields:
            raise ConfigError(f"environment variable {name} names no section", _suggest(section, Settings.model_fields))
    layer: Layer = EnvSettingsSource(Settings)()
    return layer


def _explain(error: ValidationError, merged: Layer, sources: Mapping[str, str], file: Path | None) -> ConfigError:
    first = error.errors(include_url=False)[0]
    path = [str(part) for part in first["loc"]]
    section, key = path[0], path[1] if len(path) > 1 else ""
    name = ".".join(filter(None, (section, key)))
    given = [known for known in sources if known == name or (not key and known.startswith(f"{section}."))]
    where = ", ".join(_origin(known, sources[known], file) for known in given)
    if first["type"] == "extra_forbidden":
        return ConfigError(f"there is no setting {name} ({where})", _suggest(key or section, _known(section, key)))
    value, allowed = _shown_input(section, key, merged), first["msg"].removeprefix("Value error, ")
    return ConfigError(f"{name}{value} ({where}): {allowed}", "triptych config --help names every way to set it")


def _origin(name: str, source: str, file: Path | None) -> str:
    return {
        "file": f"{name} in {file}",
        "env": PREFIX + name.upper().replace(".", "__"),
    }.get(source, f"{name} by a flag")


def _shown_input(section: str, key: str, merged: Layer) -> str:
    if not key or key not in merged.get(section, {}):
        return ""
    value = merged[section][key]
    credentials = isinstance(value, str) and "://" in value and "@" in value
    return f" = {HIDDEN if credentials or _secret(section, key) else repr(value)}"


def _secret(section: str, key: str) -> bool:
    field = _section(section).model_fields.get(key) if section in Settings.model_fields else None
    return field is not None and field.annotation is SecretStr


def _section(name: str) -> type[BaseModel]:
    annotation = Settings.model_fields[name].annotation
    assert isinstance(annotation, type) and issubclass(annotation, BaseModel)  # noqa: S101  # every section is a model
    return annotation


def _known(section: str, key: str) -> Mapping[str, Any]:
    return _section(section).model_fields if key and section in Settings.model_fields else Settings.model_fields


def _close(word: str, known: Mapping[str, Any] = Settings.model_fields) -> str:
    return next(iter(difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.5)), "")


def _suggest(word: str, known: Mapping[str, Any]) -> str:
    close = _close(word, known)
    return f"did you mean {close}?" if close else f"one of {', '.join(known)}"


def _shown(value: Any) -> str:
    if isinstance(value, SecretStr):
        return HIDDEN if value else ""
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
