# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Masks of e-mail addresses that keep a part of the domain, and of network addresses that keep who shares a prefix.

A mask is a function of one value (decoded by bson) and `draw` (see programs.py); it raises Unexpected.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

from ansible_collections.stagesync.aws.plugins.module_utils.masking.identifiers import Opener
from ansible_collections.stagesync.aws.plugins.module_utils.masking.programs import Unexpected

# A host name of RFC 1123 with two labels or more, or with letters beyond ASCII (RFC 6531).
_EMAIL = re.compile(r"[^\s@]{1,255}@((?:[^\W_](?:[\w-]{0,62})?\.)+([^\W\d_]{2,63}|xn--[a-z0-9-]{2,59}))")
_SPACE = " \t\n\v\f\r"
_TO_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
LOCAL_PART = 20  # hexadecimal digits


def folded(text: str) -> str:
    """Trimmed and with ASCII letters in lower case: as the native engine folds before it hashes."""
    return text.strip(_SPACE).translate(_TO_LOWER)


def email(keep: str) -> Callable[[str, Opener], str]:
    """A pseudonym before the original's domain, or at example and the original's top-level domain."""

    def mask(value: str, draw: Opener) -> str:
        text = folded(value)
        found = _EMAIL.fullmatch(text)
        # What follows an @ in any other text could be anything, a name too.
        if not found:
            raise Unexpected
        domain = found.group(1) if keep == "domain" else f"example.{found.group(2)}"
        return f"{draw(text).bytes(LOCAL_PART // 2).hex()}@{domain}"

    return mask


def ip(value: str, draw: Opener) -> str:
    """An address that shares a prefix with another's pseudonym exactly as long as the originals share one.

    The construction of J. Xu, J. Fan, M. Ammar, S. Moon, "Prefix-Preserving IP Address Anonymization", ICNP 2002: each
    bit is flipped or not by a keyed function of all bits before it. Takes IPv4, IPv6, and networks such as 10.0.0.0/8.
    """
    text, slash, length = value.strip(_SPACE).partition("/")
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise Unexpected from None
    if slash and not (
        length.isascii() and length.isdigit() and len(length) < 4 and int(length) <= address.max_prefixlen
    ):
        raise Unexpected
    inner = getattr(address, "ipv4_mapped", None)
    if getattr(address, "scope_id", None):
        raise Unexpected
    if inner is not None:
        return f"::ffff:{_flipped(inner, draw)}{slash}{length}"
    return f"{_flipped(address, draw)}{slash}{length}"


def _flipped(address, draw: Opener):
    """One byte at a time: the bytes before it open a stream of 32 bytes, a bit for each node of a tree of 8 levels."""
    packed, masked = address.packed, bytearray()
    for place, byte in enumerate(packed):
        tree = int.from_bytes(draw(packed[:place]).bytes(32), "big")
        flips = 0
        for bit in range(8):
            # The node's number is a 1 followed by the bits on the way to it.
            node = (1 << bit) | (byte >> (8 - bit))
            flips = flips << 1 | (tree >> node & 1)
        masked.append(byte ^ flips)
    return type(address)(bytes(masked))
