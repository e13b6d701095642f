# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What refuses a release, and a release of a clone with the real antsibull-changelog."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from scripts import release

ROOT = Path(__file__).resolve().parents[2]
READY = release.State(
    branch="main",
    changes=[],
    versions={"galaxy.yml": "1.0.0", "pyproject.toml": "1.0.0"},
    tags=["v1.0.0", "v0.9.0", "other"],
    new_fragments=["0021-x.yml"],
)


def test_no_fragment_has_the_markup_of_documentation() -> None:
    """The changelog is reStructuredText and Markdown, in which it stays as it is written."""
    texts = {path.name: path.read_text("utf-8") for path in (ROOT / "changelogs/fragments").glob("*.yml")}
    assert len(texts) > 20
    assert [name for name, text in texts.items() if re.search(r"\b(?:[CVOMPEL]|RV)\(\S", text)] == []


def git(root: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("version", ["1.0.1", "1.1.0", "2.0.0", "1.10.0"])
def test_a_later_version_is_released(version: str) -> None:
    assert release.find_refusal(version, READY) is None


def test_the_version_that_stands_here_is_released_if_it_never_was() -> None:
    assert release.find_refusal("1.0.0", replace(READY, tags=[], new_fragments=[])) is None


@pytest.mark.parametrize(
    ("version", "state", "sentence"),
    [
        ("1.1.0", {"branch": "topic"}, "a release is made on the branch main, and this is topic"),
        ("1.1.0", {"branch": ""}, "a release is made on the branch main, and this is no branch"),
        ("1.1.0", {"changes": ["a", "b"]}, "commit or stash what is not committed first: a, b"),
        ("1.0.0", {}, "the tag v1.0.0 exists already"),
        ("0.9.1", {}, "version 0.9.1 is earlier than 1.0.0, which is there already"),
        ("1.9.0", {"tags": ["v1.10.0"]}, "version 1.9.0 is earlier than 1.10.0, which is there already"),
        (
            "1.1.0",
            {"versions": {"galaxy.yml": "1.0.0", "pyproject.toml": "0.9.0"}},
            "the version must be the same everywhere, and it is not: galaxy.yml 1.0.0, pyproject.toml 0.9.0",
        ),
        (
            "1.1.0",
            {"new_fragments": []},
            "changelogs/fragments has nothing that the changelog of 1.0.0 does not have",
        ),
    ],
)
def test_what_refuses_a_release(version: str, state: dict[str, object], sentence: str) -> None:
    assert release.find_refusal(version, replace(READY, **state)) == sentence


@pytest.mark.parametrize("words", ["", "1.0", "v1.0.0", "1.0.0 1.1.0", "1.01.0", "--dry 1.0.0", "--dry-run"])
def test_a_release_takes_one_version(words: str) -> None:
    with pytest.raises(release.RefusedError, match=r"release takes one version such as 1\.1\.0, and --dry-run"):
        release.parse_words(words.split())


@pytest.mark.parametrize(("words", "parsed"), [("1.1.0", ("1.1.0", False)), ("--dry-run 1.1.0", ("1.1.0", True))])
def test_the_words_of_a_release(words: str, parsed: tuple[str, bool]) -> None:
    assert release.parse_words(words.split()) == parsed


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a change that no release has, and no tags."""
    # antsibull-changelog lies beside this Python.
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    root = tmp_path / "wsltune"
    names = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in names:
        if name and (ROOT / name).exists() and not name.startswith(("docs/", "tests/", "molecule/")):
            target = root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_symlink():
                target.symlink_to((ROOT / name).readlink())
            else:
                target.write_bytes((ROOT / name).read_bytes())
    fragment = root / "changelogs/fragments/9999-new.yml"
    fragment.write_text("---\nminor_changes:\n  - everything - is new in this test.\n", encoding="utf-8")
    git(tmp_path, "init", "--quiet", "--initial-branch", "main", str(root))
    git(root, "config", "user.name", "Alice")
    git(root, "config", "user.email", "alice@example.com")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "start")
    return root


def test_a_release_is_one_commit_and_its_tag(checkout: Path) -> None:
    with release.Release(checkout, ["9.1.0"]) as step:
        step.write()
        said = step.commit()
    assert said == "made the commit and the tag v9.1.0; to publish them: git push origin main v9.1.0"
    assert git(checkout, "status", "--porcelain") == ""
    assert git(checkout, "rev-list", "--count", "HEAD") == "2\n"
    assert git(checkout, "rev-parse", "v9.1.0^{}") == git(checkout, "rev-parse", "HEAD")
    assert yaml.safe_load(git(checkout, "show", "v9.1.0:galaxy.yml"))["version"] == "9.1.0"
    assert '\nversion = "9.1.0"\n' in git(checkout, "show", "v9.1.0:pyproject.toml")
    changelog = git(checkout, "show", "v9.1.0:CHANGELOG.md")
    assert r"v9\.1\.0" in changelog
    assert "is new in this test" in changelog
    with (
        pytest.raises(release.RefusedError, match=r"the tag v9\.1\.0 exists already"),
        release.Release(checkout, ["9.1.0"]),
    ):
        pass


def test_a_version_that_never_was_released_is_tagged_though_nothing_changes(checkout: Path) -> None:
    version = yaml.safe_load((checkout / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    for _time in range(2):
        with release.Release(checkout, [version]) as step:
            step.write()
            step.commit()
        assert git(checkout, "rev-parse", f"v{version}^{{}}") == git(checkout, "rev-parse", "HEAD")
        git(checkout, "tag", "--delete", f"v{version}")


def test_a_dry_run_leaves_no_trace(checkout: Path) -> None:
    before = git(checkout, "rev-parse", "HEAD")
    with release.Release(checkout, ["--dry-run", "9.1.0"]) as step:
        step.write()
        said = step.commit()
    assert "a dry run: nothing is kept of this commit and its tag v9.1.0" in said
    assert "CHANGELOG.md" in said
    assert not step.root.exists()
    assert git(checkout, "status", "--porcelain") == git(checkout, "tag") == ""
    assert git(checkout, "rev-parse", "HEAD") == before


def test_what_fails_half_way_leaves_the_checkout_as_it_was(checkout: Path) -> None:
    (checkout / "changelogs/fragments/9999-new.yml").write_text("---\nno_section:\n  - x\n", encoding="utf-8")
    git(checkout, "commit", "--quiet", "--all", "-m", "a bad fragment")
    with (
        pytest.raises(release.RefusedError, match="antsibull-changelog lint failed"),
        release.Release(checkout, ["9.1.0"]) as step,
    ):
        step.write()
    assert git(checkout, "status", "--porcelain") == ""
    assert yaml.safe_load((checkout / "galaxy.yml").read_text(encoding="utf-8"))["version"] != "9.1.0"
