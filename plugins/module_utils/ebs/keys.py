# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whether EC2 has encrypted with the KMS key that was asked for."""

from __future__ import annotations


def other_key(asked: str | None, said: str | None) -> bool:
    """True when the key that EC2 says, always an ARN, is surely not the one that was asked for.

    An alias does not say which key it means, so it is never taken for another.
    """
    if not asked or not said or "alias/" in asked:
        return False
    return asked.rpartition("/")[2] != said.rpartition("/")[2]
