# Copyright (c) 2026 wsltune contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the collection uses of ansible-core, which has no py.typed; for mypy alone (mypy_path in pyproject.toml)."""
