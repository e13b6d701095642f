# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.wsltune.go.plugins.module_utils.linux import fstab, mountinfo
from ansible_collections.wsltune.go.plugins.module_utils.workspace import places
from ansible_collections.wsltune.go.plugins.module_utils.workspace import plan as workspace_plan
from ansible_collections.wsltune.go.plugins.module_utils.workspace.places import WorkspaceError
from ansible_collections.wsltune.go.plugins.module_utils.workspace.plan import Project

SHOP = Project("/mnt/c/work/shop", "/home/a/src/shop", "a", bind=True)
DRIVE = mountinfo.Mount("/mnt/c", "/", "9p", "C:\\", windows_drive=True, windows_path="C:\\")


@pytest.mark.parametrize(
    ("projects", "sentence"),
    [
        ([Project("/a", "/a/b", "a")], "one lies in the other"),
        ([Project("/a/b", "/a", "a")], "one lies in the other"),
        ([Project("/m/a", "/h/a", "a"), Project("/m/a", "/h/b", "a")], "has source /m/a and source /m/a"),
        ([Project("/m/a", "/h/a", "a"), Project("/m/a/b", "/h/b", "a")], "none below another"),
        ([Project("/m/a", "/h/a", "a"), Project("/m/b", "/h/a", "a")], "has target /h/a and target /h/a"),
    ],
)
def test_places_that_get_into_each_others_way(projects: list[Project], sentence: str) -> None:
    with pytest.raises(WorkspaceError, match=sentence):
        workspace_plan.check_together(projects)


def test_places_that_only_look_alike_are_fine() -> None:
    workspace_plan.check_together([Project("/m/a", "/h/a", "a"), Project("/m/ab", "/h/ab", "a")])


def test_a_users_rights_to_read() -> None:
    readable = workspace_plan.is_readable
    assert readable(0o100600, 1000, 1000, 1000, []) and not readable(0o100600, 0, 0, 1000, [1000])
    assert readable(0o100640, 0, 50, 1000, [50]) and not readable(0o100640, 0, 50, 1000, [])
    assert not readable(0o040644, 0, 0, 1000, []) and readable(0o040755, 0, 0, 1000, [])
    assert readable(0, 1, 1, 0, [])


@pytest.mark.parametrize(
    ("real", "tracked", "keeps", "head", "expected"),
    [
        (True, None, False, b"", 0o777),
        (False, None, False, b"#!/b", 0o755),
        (False, None, False, b"\x7fELF", 0o755),
        (False, None, False, b"MZ", 0o644),
        (False, True, False, b"", 0o755),
        (False, False, False, b"#!/b", 0o644),
        (False, False, True, b"", 0o755),
    ],
)
def test_modes(real: bool, tracked: bool | None, keeps: bool, head: bytes, expected: int) -> None:
    assert workspace_plan.file_mode(0o777, real, tracked, keeps, head) == expected


def test_a_copy_does_not_run_as_its_owner() -> None:
    assert workspace_plan.file_mode(0o6755, True, None, False, b"") == 0o755


def test_a_drive_without_modes_is_known_by_what_it_shows() -> None:
    assert workspace_plan.shows_no_modes([0o777, 0o755]) and not workspace_plan.shows_no_modes([0o777, 0o644])
    assert not workspace_plan.shows_no_modes([])


def test_with_systemd_the_line_is_left_to_systemd() -> None:
    (line,) = workspace_plan.bind_lines(SHOP, True, DRIVE, "uid=1000,gid=1000")
    assert line.render() == (
        "/home/a/src/shop /mnt/c/work/shop none bind,nofail,noauto,x-systemd.requires=/mnt/c,"
        "x-systemd.wanted-by=local-fs.target,comment=wsltune-workspace 0 0"
    )
    assert line.ours and not line.bears(fstab.MARK)


def test_without_systemd_the_drive_is_mounted_first() -> None:
    lines = workspace_plan.bind_lines(SHOP, False, DRIVE, "uid=1000,gid=1000,metadata")
    text = workspace_plan.with_bind_lines("# mine\n", lines)
    assert text == (
        "# mine\n"
        "C: /mnt/c drvfs noatime,uid=1000,gid=1000,metadata,nofail,comment=wsltune-workspace 0 0\n"
        "/home/a/src/shop /mnt/c/work/shop none bind,nofail,comment=wsltune-workspace 0 0\n"
    )
    assert workspace_plan.with_bind_lines(text, lines) == text
    assert workspace_plan.with_bind_lines(text, []) == "# mine\n"


def test_two_projects_on_one_drive_have_one_line_for_it_and_before_both() -> None:
    other = Project("/mnt/c/work/api", "/home/a/src/api", "a", bind=True)
    first = workspace_plan.with_bind_lines("", workspace_plan.bind_lines(SHOP, True, DRIVE, ""))
    lines = [line for one in (SHOP, other) for line in workspace_plan.bind_lines(one, False, DRIVE, "uid=1000")]
    text = workspace_plan.with_bind_lines(first, lines)
    assert [line.split()[1] for line in text.splitlines()] == ["/mnt/c", "/mnt/c/work/shop", "/mnt/c/work/api"]


def test_a_share_is_named_whole_and_what_is_no_windows_drive_is_not_mounted() -> None:
    share = mountinfo.Mount("/mnt/s", "/", "9p", "x", windows_drive=True, windows_path=r"\\host\share")
    assert workspace_plan.bind_lines(SHOP, False, share, "")[0].source == r"\\host\share"
    plain = mountinfo.Mount("/srv", "/", "ext4", "/dev/sda")
    assert [line.fstype for line in workspace_plan.bind_lines(SHOP, False, plain, "")] == ["none"]


def test_lines_of_other_roles_stay() -> None:
    tmpfs = "wsltune /var/cache/gotmp tmpfs nofail,comment=wsltune 0 0\n"
    lines = workspace_plan.bind_lines(SHOP, True, DRIVE, "")
    both = workspace_plan.with_bind_lines(tmpfs, lines)
    assert both.startswith(tmpfs) and workspace_plan.with_bind_lines(both, []) == tmpfs
    assert fstab.with_lines(both, []) == both.replace(tmpfs, "")
    assert fstab.without_ours(None, b"", ("# x\n" + both).encode()) == b"# x\n"
    assert fstab.part(fstab.MARK, b"", both.encode()).decode() == both.replace(tmpfs, "")
    assert fstab.part(fstab.MARK, tmpfs.encode(), fstab.with_lines(both, []).encode()).decode().endswith(tmpfs)


def test_the_way_back_for_windows_programs() -> None:
    assert workspace_plan.way_back("Debian", "/home/a/src/shop") == r"\\wsl.localhost\Debian\home\a\src\shop"
    assert workspace_plan.way_back(None, "/home/a/src/shop") is None


def test_room_is_counted_in_blocks() -> None:
    assert workspace_plan.room([1, 4096, 4097], 2) == (6 * 4096 + workspace_plan.SPARE, 5)


def test_what_git_and_go_say() -> None:
    assert workspace_plan.parse_names("a\0b c/\0") == {"a", "b c/"}
    listed = "\0".join(["100644 e69d 0\ta", "100755 e69d 0\tb c", "160000 e69d 0\tsub", ""])
    assert workspace_plan.parse_index(listed) == {"a": False, "b c": True, "sub": False}
    events = (
        '{"Action":"run","Package":"p","Test":"A"}\n{"Action":"pass","Package":"p","Test":"A","Elapsed":0.1}\n'
        'not json\n7\n{"Action":"fail","Package":"q"}\n'
    )
    assert workspace_plan.test_results(events) == {"p A": "pass", "q": "fail"}
    assert workspace_plan.difference("a\nb\n", "a\nc\n") == "b" and workspace_plan.difference("a", "a\nd") == "d"


EXT4 = mountinfo.Mount("/", "/", "ext4", "/dev/sdc", mount_id=1)
LETTER = dataclasses.replace(DRIVE, mount_id=2, parent_id=1)


@pytest.mark.parametrize(
    ("on", "to", "sentence"),
    [
        (mountinfo.Mount(SHOP.source, "/", "9p", "C:", windows_drive=True), EXT4, "is a whole drive or mount"),
        (DRIVE, DRIVE, "The target /home/a/src/shop is a Windows drive"),
        (DRIVE, mountinfo.Mount("/home", "/", "tmpfs", "tmpfs"), "is in memory and gone at the next start"),
    ],
)
def test_places_that_a_project_is_not_copied_between(on: mountinfo.Mount, to: mountinfo.Mount, sentence: str) -> None:
    with pytest.raises(WorkspaceError, match=sentence):
        workspace_plan.check_places(SHOP, on, to)


def test_places_that_a_project_is_copied_between() -> None:
    workspace_plan.check_places(SHOP, DRIVE, EXT4)
    workspace_plan.check_places(SHOP, None, None)
    assert workspace_plan.slow_note(SHOP, DRIVE) == workspace_plan.slow_note(SHOP, None) == ""
    assert "does not lie on a Windows drive (ext4)" in workspace_plan.slow_note(SHOP, EXT4)


def test_a_source_in_use_names_the_programs() -> None:
    workspace_plan.check_unused(SHOP, [])
    with pytest.raises(WorkspaceError, match="is in use by 1, 2, 3, 4, 5: end"):
        workspace_plan.check_unused(SHOP, list("123456"))


@pytest.mark.parametrize(
    ("table", "writable", "followed", "sentence"),
    [
        ("broken\n", True, True, "/etc/fstab is broken, line 1"),
        ("", False, True, "/etc/fstab cannot be written"),
        ("/x /mnt/c/work/shop none bind 0 0\n", True, True, "that wsltune did not write"),
        ("", True, False, "no bind mount would come back at the next start"),
    ],
)
def test_an_fstab_that_cannot_bring_a_mount_back(table: str, writable: bool, followed: bool, sentence: str) -> None:
    with pytest.raises(WorkspaceError, match=sentence):
        workspace_plan.check_bind([SHOP], [EXT4, LETTER], table, writable, followed)
    workspace_plan.check_bind([Project(SHOP.source, SHOP.target, "a")], [EXT4], table, writable, followed)


def test_a_path_off_the_drives_is_never_bound() -> None:
    with pytest.raises(WorkspaceError, match="does not lie on a Windows drive"):
        workspace_plan.check_bind([SHOP], [EXT4], "", True, True)
    workspace_plan.check_bind([SHOP], [EXT4, LETTER], "", True, True)


def test_the_lines_of_the_projects() -> None:
    def render(table: str) -> list[str]:
        lines = workspace_plan.lines_for([SHOP], [EXT4, LETTER], table, False, lambda drive: f"of={drive.mount_point}")
        return [line.render() for line in lines]

    bind = f"/home/a/src/shop /mnt/c/work/shop none bind,nofail,{places.MARK} 0 0"
    assert render("") == [f"C: /mnt/c drvfs noatime,of=/mnt/c,nofail,{places.MARK} 0 0", bind]
    assert render("C: /mnt/c drvfs metadata 0 0\n") == [bind]


def test_which_binds_a_rollback_takes_away() -> None:
    bind = fstab.Line("/home/a/src/shop", "/mnt/c/work/shop", "none", ("bind", places.MARK))
    drive = fstab.Line("C:", "/mnt/c", "drvfs", ("nofail", places.MARK))
    other = fstab.Line("/x", "/y", "none", ("bind",))
    table = "".join(line.render() + "\n" for line in (drive, bind, other))
    assert workspace_plan.binds_to_leave(table, []) == [bind]
    assert workspace_plan.binds_to_leave(table, [bind]) == []


@pytest.mark.parametrize(
    ("was", "there", "here", "state"),
    [
        ("1", "1", "1", "unchanged"),
        ("1", "1", "2", "changed here"),
        ("1", "2", "1", "changed there"),
        ("1", "2", "2", "both the same"),
        ("1", "2", "3", "both differently"),
        ("1", "1", None, "gone here"),
        ("1", None, "1", "gone there"),
        ("1", None, None, "both the same"),
        ("1", None, "2", "both differently"),
        ("1", "2", None, "both differently"),
        (None, None, "1", "changed here"),
        (None, "1", None, "changed there"),
        (None, "1", "1", "both the same"),
        (None, "1", "2", "both differently"),
    ],
)
def test_what_became_of_a_file(was: str | None, there: str | None, here: str | None, state: str) -> None:
    sides = [{} if content is None else {"a": content} for content in (was, there, here)]
    assert workspace_plan.compare(*sides) == {"a": state}


def test_without_a_base_nobody_knows_which_side_changed() -> None:
    assert set(workspace_plan.compare(None, {"a": "1", "b": "1"}, {"a": "2", "c": "1"}).values()) == {
        "both differently"
    }
    assert workspace_plan.compare(None, {"a": "1"}, {"a": "1"}) == {"a": "both the same"}


def test_a_file_here_where_there_is_a_folder_there_is_changed_on_both_sides() -> None:
    states = workspace_plan.compare({}, {"a/b/c": "1", "d": "1"}, {"a": "2"})
    assert states == {"a": "both differently", "a/b/c": "both differently", "d": "changed there"}
    # One side alone made a folder of a file.
    assert workspace_plan.compare({"a": "1"}, {"a": "1"}, {"a/b": "1"}) == {"a": "gone here", "a/b": "changed here"}


def test_a_direction_takes_what_its_other_side_alone_changed() -> None:
    states = workspace_plan.compare(
        {"a": "1", "b": "1", "c": "1"}, {"a": "1", "b": "2"}, {"a": "2", "b": "1", "c": "1"}
    )
    assert workspace_plan.to_carry(states, "to_drive") == (["a"], [])
    assert workspace_plan.to_carry(states, "to_distro") == (["b"], ["c"])
    assert workspace_plan.to_carry(states, "report") == ([], [])


def test_what_both_sides_changed_is_refused_in_one_sentence() -> None:
    with pytest.raises(WorkspaceError, match=r"^a and 1 more of .* changed on both sides: merge that with Git.*\.$"):
        workspace_plan.check_conflicts(SHOP, {"a": "both differently", "b": "both differently"}, True)
    with pytest.raises(WorkspaceError, match="no base is kept"):
        workspace_plan.check_conflicts(SHOP, {"a": "both differently"}, False)
    workspace_plan.check_conflicts(SHOP, {"a": "changed here", "b": "changed there"}, True)


@pytest.mark.parametrize(
    "name", ["a:b", "con", "d/NUL.txt", "a.", "a ", 'a"', "x\\y", "README", "Dir/new", "Git~1/hooks/pre-commit"]
)
def test_names_that_windows_cannot_have(name: str) -> None:
    with pytest.raises(WorkspaceError, match="Windows: rename"):
        workspace_plan.check_windows_names([name], ["readme", "dir/a"])


def test_names_that_windows_can_have() -> None:
    workspace_plan.check_windows_names(
        ["console.go", "dir/b", "readme", "é.txt", "git~", "agit~1"], ["readme", "dir/a", "Old", "old"]
    )


def test_branches_are_fetched_and_never_pushed() -> None:
    branches = [
        workspace_plan.Branch("main", "1", "2", here_knows_there=True),
        workspace_plan.Branch("x", "1", "2", there_knows_here=True),
        workspace_plan.Branch("y", "1", "2"),
        workspace_plan.Branch("z", "", "2"),
    ]
    first, second, third, fourth = workspace_plan.branch_notes(dataclasses.replace(SHOP, bind=False), branches)
    assert first.endswith("only in /home/a/src/shop: git -C /mnt/c/work/shop fetch /home/a/src/shop main")
    assert second.endswith("only in /mnt/c/work/shop: git -C /home/a/src/shop fetch /mnt/c/work/shop x")
    assert "not the same commit" in third and third.endswith("then merge") and "only in /mnt/c" in fourth
    # The old path shows the copy while it is bound, which would fetch from itself.
    assert "after its bind mount is taken away" in workspace_plan.branch_notes(SHOP, branches)[0]


def test_other_commits_are_refused() -> None:
    for here, there in (("1", "2"), (None, "1"), ("", "1")):
        with pytest.raises(WorkspaceError, match="not at the same commit"):
            workspace_plan.check_heads(SHOP, here, there)
    workspace_plan.check_heads(SHOP, None, None)
    workspace_plan.check_heads(SHOP, "1", "1")


def test_what_a_module_names_outside_the_project() -> None:
    text = """module a
// replace x => ../no
replace (
    a => ../lib // here
    b => ./inner
    c => example.com/c v1.2.3
)
use ../one
use (
    ../../two
    ./three
)
"""
    assert workspace_plan.places_outside(text, "/m/work/shop", "/m/work/shop") == [
        "/m/two",
        "/m/work/lib",
        "/m/work/one",
    ]


def test_a_folder_with_a_blank_that_a_module_names_is_one() -> None:
    text = 'use "../my one"\nuse (\n\t"../my dir"\n\t`../their dir`\n\t./in\n)\nreplace a => `../my lib`\n'
    assert workspace_plan.places_outside(text, "/m/work", "/m/work") == [
        "/m/my dir",
        "/m/my lib",
        "/m/my one",
        "/m/their dir",
    ]


ODD = "error in commit bb57f85ae2f492adf97e03ca6a25547cf92d41a4: badTimezone: invalid author/committer line\n"


@pytest.mark.parametrize(
    ("code", "said", "odd"),
    [
        (1, ODD + "warning in tree bb57f85a: zeroPaddedFilemode: contains zero-padded file modes\n", True),
        (1, "", False),
        (1, ODD + "error: bb57f85a: object corrupt or missing: .git/objects/bb/57f85a\n", False),
        (3, ODD, False),
        (2, "missing blob bb57f85a\n", False),
        (1, "error in blob bb57f85a: gitmodulesUrl: disallowed submodule url: -x\n", False),
    ],
)
def test_an_odd_form_is_no_damage(code: int, said: str, odd: bool) -> None:
    assert workspace_plan.is_of_odd_form(code, said) is odd
