# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Plans a container image of a Go module: which images it builds on, what is built and how. Pure."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from ansible_collections.wsltune.go.plugins.module_utils.linux import text

MARK = "# wsltune: rendered from go.mod; change ci_image_* and run again. sha256:"
REGISTRY = "docker.io/library/golang"
DISTROLESS = {"static": "gcr.io/distroless/static-debian13", "base": "gcr.io/distroless/base-debian13"}
# The first Go whose official images are built on Debian 13.
TRIXIE_FROM = (1, 25)
OLDEST_IMAGE = "1.19"
"""The first Go whose official images are built on Debian 12; it builds what an older one does."""
CONTEXT_FILES = ("Containerfile", "Dockerfile")


class ImageError(ValueError):
    """A module or a wish of which no image can be made; the message is one sentence for users."""


@dataclass(frozen=True)
class Module:
    """A Go module as it lies there; C(go_module_facts) documents the fields."""

    path: str
    module: str = ""
    go: str = ""
    toolchain: str = ""
    reason: str = ""
    required: int = 0
    replaced: Sequence[str] = ()
    mains: Sequence[str] = ()
    cgo: Sequence[str] = ()
    unread: Sequence[str] = ()
    vendor: bool = False
    has_sum: bool = False
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Wishes:
    """The role's options of the same names, without C(ci_image_)."""

    containerfile: str = "Containerfile"
    package: str = ""
    binary: str = ""
    go_version: str = ""
    go_image: str = ""
    final: str = "scratch"
    final_image: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    cgo: str = "refuse"
    mod: str = "auto"
    race: bool = False
    strip: bool = True
    healthcheck: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    uid: int = 65532
    ci: Sequence[str] = ()


@dataclass(frozen=True)
class Image:
    """What the templates of the role show."""

    go_image: str
    go_tag: str
    final_image: str
    final_tag: str
    package: str
    binary: str
    vendor: bool
    copies: str
    """What the first stage copies before it downloads, so that the download is done again only when this changes."""
    downloads: bool
    cgo: bool
    race: bool
    flags: str
    healthcheck: str
    labels: Mapping[str, str]
    uid: int
    notes: Sequence[str]


def read_facts(facts: Mapping[str, Any]) -> Module:
    """Return what C(go_module_facts) returned."""
    return Module(**{option.name: facts[option.name] for option in fields(Module)})


def is_ours(content: str) -> bool:
    """Return whether the role rendered this text and nobody changed it since."""
    first, _newline, rest = content.partition("\n")
    return first == MARK + _digest(rest)


def mark(content: str) -> str:
    """Return C(content) below the line by which the role knows it again."""
    return f"{MARK}{_digest(content)}\n{content}"


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode("utf-8", "surrogateescape")).hexdigest()


def make_plan(facts: Mapping[str, Any], wishes: Mapping[str, Any]) -> dict[str, Any]:
    """Return C(image) for the templates, C(files) that may be written, or C(refusal), a sentence."""
    module = read_facts(facts)
    try:
        wish = Wishes(**wishes)
        image = _plan(module, wish)
        files, notes = _choose_files(module, wish)
    except ImageError as error:
        # What the module's Go lists may be any text, and as long as it likes.
        return {"refusal": text.line(error), "image": {}, "files": [], "notes": []}
    return {
        "refusal": "",
        "image": asdict(image),
        "files": files,
        "notes": [text.line(note) for note in (*image.notes, *notes)],
    }


def _plan(module: Module, wish: Wishes) -> Image:
    where = f"{module.path}/go.mod"
    if module.reason:
        raise ImageError(module.reason)
    vendor = module.vendor if wish.mod == "auto" else wish.mod == "vendor"
    if vendor and not module.vendor:
        raise ImageError(f"ci_image_mod is vendor, but {module.path} has no vendor/modules.txt: run go mod vendor")
    if not vendor:
        _check_replacements(module, where)
    tag = _choose_go_image(module, wish, where)
    package = _choose_main(module, wish)
    cgo = _choose_cgo(module, wish)
    final_tag = _choose_final_image(wish, cgo)
    inner = [replacement for replacement in module.replaced if not _leads_out(replacement)]
    binary = wish.binary or posixpath.basename(package if package != "." else module.module)
    binary = re.sub(r"^v\d+$", posixpath.basename(posixpath.dirname(module.module)) or "app", binary)
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", binary):
        raise ImageError(f"ci_image_binary '{binary}' is no name of a program: use letters, digits, '.', '_' and '-'")
    return Image(
        go_image=_pin(tag, wish.digests),
        go_tag=tag,
        final_image=_pin(final_tag, wish.digests) if final_tag != "scratch" else final_tag,
        final_tag=final_tag,
        package=package if package == "." else f"./{package}",
        binary=binary,
        vendor=vendor,
        copies="." if inner else " ".join(["go.mod", *(["go.sum"] if module.has_sum else [])]),
        downloads=not vendor and bool(module.required),
        cgo=cgo,
        race=wish.race,
        flags="-trimpath -buildvcs=false" + (" -ldflags=-s" if wish.strip else ""),
        healthcheck=json.dumps(list(wish.healthcheck)) if wish.healthcheck else "",
        labels={_label_name(name): _quote(str(value), name) for name, value in sorted(wish.labels.items())},
        uid=wish.uid,
        notes=[
            *_note_unread(module),
            *_note_raised(module, wish),
            *_note_older(module, tag),
            *_note_unpinned([tag, final_tag], wish.digests),
        ],
    )


def _note_unread(module: Module) -> list[str]:
    if not module.unread:
        return []
    unread = ", ".join(module.unread)
    return [f"whether {unread} needs cgo is unknown because it is not on this machine: run go mod download"]


def _note_raised(module: Module, wish: Wishes) -> list[str]:
    asked = max(module.go, module.toolchain.removeprefix("go"), key=version_of)
    if wish.go_image or wish.go_version or version_of(asked) >= version_of(OLDEST_IMAGE):
        return []
    why = f"Go {asked}, which go.mod names, has no official image on Debian 12"
    return [f"{why}, so Go {OLDEST_IMAGE} builds it: name a newer one by ci_image_go_version"]


def _note_older(module: Module, tag: str) -> list[str]:
    have = version_of(_tag_of(tag, "ci_image_go_image"))
    if not have or version_of(module.toolchain)[: len(have)] <= have:
        return []
    # Only the line "go" is a demand: with GOTOOLCHAIN=local Go passes over the line "toolchain".
    return [f"go.mod prefers {module.toolchain}, but {tag} is older and builds with its own Go"]


def _note_unpinned(images: Sequence[str], digests: Mapping[str, str]) -> list[str]:
    loose = [image for image in images if image != "scratch" and "@" not in _pin(image, digests)]
    return [f"{image} has no digest in ci_image_digests, so what it names can change" for image in loose]


def _leads_out(path: str) -> bool:
    return posixpath.isabs(path) or posixpath.normpath(path).split("/")[0] == ".."


def _check_replacements(module: Module, where: str) -> None:
    for path in module.replaced:
        if _leads_out(path):
            raise ImageError(
                f"{where} replaces a module by {path}, which lies outside of the folder that the image is built from:"
                " vendor it (go mod vendor) or move it into the module"
            )


def version_of(words: str) -> tuple[int, ...]:
    """Return the numbers of a Go version such as C(1.27.3), C(go1.27rc1) or of an image's tag C(1.27-trixie)."""
    match = re.match(r"(?:go)?(\d+(?:\.\d+)*)", words)
    return tuple(int(number) for number in match[1].split(".")) if match else ()


def _choose_go_image(module: Module, wish: Wishes, where: str) -> str:
    image = wish.go_image or _official_image(module, wish, where)
    have = version_of(_tag_of(image, "ci_image_go_image"))
    if have and version_of(module.go)[: len(have)] > have:
        option = f"ci_image_go_image {wish.go_image}" if wish.go_image else f"ci_image_go_version {wish.go_version}"
        raise ImageError(
            f"{option} is older than Go {module.go}, which {where} asks for, and official images download no other:"
            " take a newer one"
        )
    return image


def _official_image(module: Module, wish: Wishes, where: str) -> str:
    version = wish.go_version or max(module.go, module.toolchain.removeprefix("go"), key=version_of)
    if version and not wish.go_version:
        version = max(version, OLDEST_IMAGE, key=version_of)
    if not version:
        raise ImageError(f"{where} names no Go version: run go mod edit -go=VERSION, or set ci_image_go_version")
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)*((rc|beta)[0-9]+)?", version):
        raise ImageError(f"ci_image_go_version '{version}' is no Go version, such as 1.27 or 1.27.3")
    if version_of(version) < version_of(OLDEST_IMAGE):
        raise ImageError(
            f"ci_image_go_version {version} has no official image on Debian 12 or later: take {OLDEST_IMAGE} or a newer"
            " one, or name an image by ci_image_go_image"
        )
    suite = "trixie" if version_of(version) >= TRIXIE_FROM else "bookworm"
    return f"{REGISTRY}:{version}-{suite}"


def _tag_of(image: str, option: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*", image):
        raise ImageError(f"{option} '{image}' is no name of an image: give NAME:TAG or NAME@sha256:DIGEST")
    name, _at, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    if (not tag and not digest) or tag == "latest":
        raise ImageError(f"{option} '{image}' may change from day to day: name a version or a digest")
    return tag


def _choose_final_image(wish: Wishes, cgo: bool) -> str:
    if wish.final_image:
        _tag_of(wish.final_image, "ci_image_final_image")
        return wish.final_image
    if wish.final == "scratch":
        if cgo:
            raise ImageError("ci_image_final is scratch, which has no C library for cgo: set it to distroless")
        return "scratch"
    return f"{DISTROLESS['base' if cgo else 'static']}:nonroot"


def _choose_main(module: Module, wish: Wishes) -> str:
    """Return the folder of the main package, relative to the module."""
    folder = _find_main(module, wish)
    if not re.fullmatch(r"[A-Za-z0-9_.][A-Za-z0-9_./~+-]*", folder):
        raise ImageError(f"{module.path} has its main package in '{folder}': rename it to what a shell takes as it is")
    return folder


def _find_main(module: Module, wish: Wishes) -> str:
    wanted = posixpath.normpath(wish.package) if wish.package else ""
    if wanted:
        if wanted not in module.mains:
            raise ImageError(
                f"ci_image_package '{wish.package}' is no main package of {module.module}; it has"
                f" {', '.join(module.mains) or 'none'}"
            )
        return wanted
    if not module.mains:
        raise ImageError(f"{module.path} has no main package, so there is no program for an image")
    if len(module.mains) > 1:
        raise ImageError(
            f"{module.path} has {len(module.mains)} main packages, {', '.join(module.mains)}: name one by"
            " ci_image_package"
        )
    return module.mains[0]


def _choose_cgo(module: Module, wish: Wishes) -> bool:
    if module.cgo and wish.cgo == "refuse":
        raise ImageError(
            f"{module.module} needs cgo in {', '.join(module.cgo)}: set ci_image_cgo to stage to build with a C"
            " compiler, or to ignore where these packages have a twin in pure Go"
        )
    return bool(module.cgo) and wish.cgo == "stage"


def _pin(image: str, digests: Mapping[str, str]) -> str:
    digest = digests.get(image, "")
    if not digest:
        return image
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise ImageError(f"ci_image_digests has '{digest}' for {image}, which is no sha256:... of 64 digits")
    # Older podman refuses a name with both a tag and a digest.
    return f"{image.partition('@')[0].rpartition(':')[0]}@{digest}"


def _label_name(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9._/-]*", name):
        raise ImageError(
            f"ci_image_labels has the name '{name}': use lower-case letters, digits, '.', '-', '_' and '/'"
        )
    return name


def _quote(value: str, name: str) -> str:
    if not value.isprintable():
        raise ImageError(f"the value of the label {name} in ci_image_labels must be one line of printable characters")
    return '"' + re.sub(r'(["\\$])', r"\\\1", value) + '"'


def _choose_files(module: Module, wish: Wishes) -> tuple[list[dict[str, str]], list[str]]:
    """Return what to write, by template, and why something is left out."""
    name = wish.containerfile
    if posixpath.basename(name) != name or name in ("", ".", ".."):
        raise ImageError(f"ci_image_containerfile '{name}' is no file name: it lies in the module's own folder")
    others = [other for other in CONTEXT_FILES if other != name and _is_foreign(module, other)]
    if _is_foreign(module, name) or (name in CONTEXT_FILES and others):
        foreign = name if _is_foreign(module, name) else others[0]
        raise ImageError(
            f"{module.path}/{foreign} is not the role's own or was changed since: name another file by"
            " ci_image_containerfile, such as Containerfile.wsltune"
        )
    wanted = [{"name": name, "template": "Containerfile.j2"}]
    notes = []
    if others:
        notes.append(f"no .dockerignore was written because {others[0]} would follow it too")
    elif any(_is_foreign(module, ignore) for ignore in (".dockerignore", ".containerignore")):
        notes.append("the .dockerignore that is there stays as it is")
    else:
        wanted.append({"name": ".dockerignore", "template": "dockerignore.j2"})
    for service, path in CI_FILES.items():
        if service in wish.ci and _is_foreign(module, path):
            notes.append(f"{path} stays as it is because it is not the role's own")
        elif service in wish.ci:
            wanted.append({"name": path, "template": f"{service}.yml.j2"})
    return wanted, notes


CI_FILES = {"github": ".github/workflows/image.yml", "gitlab": ".gitlab/image.yml"}
"""The examples for CI, by service."""


def list_files(containerfile: str) -> list[str]:
    """Return every file that the role may write or must not meet, relative to the module."""
    return list(dict.fromkeys([containerfile, *CONTEXT_FILES, ".dockerignore", ".containerignore", *CI_FILES.values()]))


def _is_foreign(module: Module, name: str) -> bool:
    return module.files.get(name, "absent") == "foreign"


def list_ours(facts: Mapping[str, Any]) -> list[str]:
    """Return the files that the role rendered and nobody changed, which C(absent) may remove."""
    return [name for name, state in read_facts(facts).files.items() if state == "ours"]
