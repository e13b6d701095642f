# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the doctor in the distro is told by Windows; simulated: Defender, SecurityCenter2 (standins/)."""

from __future__ import annotations

import json

import pytest

TEMP = "/mnt/c/users/erin/AppData/Local/Temp"
WSLCONFIG = "/mnt/c/users/erin/.wslconfig"
SOURCE = "/mnt/c/src/shop"
SHOP = r"C:\src\shop"
REPORTS = "/tmp/doctor-of-windows"
CHECKS = ["WT-025", "WT-026", "WT-030", "WT-048"]


@pytest.fixture
def windows(windows_host):
    """Puts Windows into a state, and asks the doctor."""

    class Windows:
        def put(self, path: str, content: object) -> None:
            text = content if isinstance(content, str) else json.dumps(content)
            windows_host.run("sh", "-c", f"cat > {path} && chmod 666 {path}", text=text)

        def defender(self, **state: object) -> None:
            self.put(f"{TEMP}/Defender.json", state)

        def security_center(self, **state: object) -> None:
            self.put(f"{TEMP}/SecurityCenter2.json", state)

        def asked(self, *before: str, modules: tuple[str, ...] = (), **how) -> dict[str, dict]:
            settings = {"doctor_checks": CHECKS, "doctor_modules": modules, "doctor_report_dir": REPORTS}
            command = ["ansible-playbook", "-i", "inventory/local.yml", "playbooks/doctor.yml"]
            command += ["-e", json.dumps(settings)]
            done = windows_host.run(*before, *command, check=False, **how)
            print(done.stdout, done.stderr)
            found = json.loads(windows_host.run("cat", f"{REPORTS}/doctor.json").stdout)
            print(json.dumps(found["checks"], indent=1))
            checks = {check["id"]: check for check in found["checks"]}
            # doctor_fail_on's default.
            critical = any(check["status"] == "critical" for check in checks.values())
            assert done.returncode == (2 if critical else 0)
            return checks

    windows_host.set_execution_policy("Bypass")
    windows_host.run("sh", "-c", f"mkdir -p {SOURCE} && echo 'module shop' > {SOURCE}/go.mod")
    yield Windows()
    windows_host.set_execution_policy("Undefined")
    windows_host.run("rm", "-rf", f"{TEMP}/Defender.json", f"{TEMP}/SecurityCenter2.json", WSLCONFIG, SOURCE, REPORTS)


def test_defender_is_on_and_excludes_nothing(windows):
    """Where Go's files lie on the distro's own disk that is in order; where they lie on C: it is not."""
    windows.defender(path=["C:\\Games"])
    found = windows.asked()["WT-048"]
    assert found["status"] == "ok"
    assert found["reason"] == "Windows Defender scans Windows drives; nothing of Go lies there."
    found = windows.asked(modules=(SOURCE,))["WT-048"]
    assert found["status"] == "warning"
    assert found["reason"] == rf"Windows Defender scans {SHOP}, and no exclusion names it."
    assert found["details"]["exclusions"] == ["C:\\Games"]


def test_defender_excludes_the_folder(windows):
    windows.defender(path=["c:\\SRC\\shop\\:{PathType:folder,ScanTrigger:OnAccess}"])
    found = windows.asked(modules=(SOURCE,))["WT-048"]
    assert found["status"] == "ok" and "Windows Defender excludes Go's folders" in found["reason"]


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ({"elevated": False}, "Must be an administrator to view exclusions"),
        ({"hidden": "administrators"}, "Administrators are not allowed to view exclusions"),
        ({"fails": "0x800106ba"}, "Operation failed with the following error"),
    ],
)
def test_exclusions_that_are_hidden_are_not_none(windows, state, sentence):
    windows.defender(path=[SHOP], **state)
    found = windows.asked(modules=(SOURCE,), elevated=False)["WT-048"]
    assert found["status"] == "unknown" and sentence in found["reason"] and SHOP in found["reason"]


def test_another_product_took_over(windows):
    products = [
        {"displayName": "Windows Defender", "productState": 393472},
        {"displayName": "Caf\u00e9 Protect", "productState": 266240},
    ]
    windows.security_center(products=products)
    windows.defender(fails="0x800106ba")
    found = windows.asked(modules=(SOURCE,))["WT-048"]
    assert found["status"] == "warning" and "Caf\u00e9 Protect scans" in found["reason"]


def test_a_question_that_failed_is_no_good_answer(windows):
    windows.security_center(missing=True)
    windows.put(WSLCONFIG, "[wsl2]\n")
    found = windows.asked()
    assert found["WT-048"]["status"] == "unknown" and "Invalid namespace" in found["WT-048"]["reason"]
    assert found["WT-026"]["status"] == "ok"


def test_harmful_lines_of_wslconfig(windows):
    lines = [
        "\ufeff[wsl2]",
        "processors=63 # all",
        "swapFile=C:\\temp\\swap.vhdx",
        "memory=8GB",
        "memory=4GB",
        "",
        "[experimental]",
        "autoMemoryReclaim=gradual",
        "sparseVhd=true",
    ]
    windows.put(WSLCONFIG, "\r\n".join(lines) + "\r\n")
    found = windows.asked()
    assert found["WT-025"]["status"] == "warning"
    assert "line 3" in found["WT-025"]["reason"] and "line 5" in found["WT-025"]["reason"]
    assert found["WT-026"]["status"] == "critical"
    assert "line 8: autoMemoryReclaim=gradual" in found["WT-026"]["reason"]
    assert "line 9: sparseVhd=true" in found["WT-026"]["reason"]
    assert found["WT-030"]["status"] == "warning" and "processors=63" in found["WT-030"]["reason"]


def test_no_wslconfig(windows):
    found = windows.asked()
    assert [found[check_id]["reason"] for check_id in ("WT-025", "WT-026", "WT-030")] == [
        "There is no .wslconfig: WSL uses its defaults."
    ] * 3


def test_interop_is_off(windows):
    """Nothing is known then, which is no finding; the distro without its sockets is one with interop.enabled=false."""
    windows.put(WSLCONFIG, "[experimental]\nsparseVhd=true\n")
    windows.defender()
    hide = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs tmpfs /run/WSL; exec "$@"', "-")
    found = windows.asked(*hide, modules=(SOURCE,))
    assert {check["status"] for check in found.values()} == {"unknown"}
    assert all("interop.enabled was false" in check["reason"] for check in found.values())
