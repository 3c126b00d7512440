"""Prints the table of names.c for the list in names.h: the perfect hash of the field names.

Run it after adding a name to FR_HEADER_LIST and put what it prints in names.c, between the two comments
that name this script; tests/core/http/test_names.c fails until then.
"""

from __future__ import annotations

import pathlib
import random
import re

SLOT_BITS = 8
LEN_MIN = 4  # shorter names are compared one by one


def read_names() -> list[tuple[str, str]]:
    text = (pathlib.Path(__file__).parent / "names.h").read_text()
    fields = text.partition("#define FR_HEADER_LIST(X)")[2].partition("enum fr_header_name")[0]
    return re.findall(r'X\((\w+), "([^"]+)"\)', fields)


def read_word(name: bytes, at: int) -> int:
    return int.from_bytes(name[at : at + 4], "little") | 0x20202020


def slot(name: str, multiplier: int) -> int:
    """The same sum as find_slot in names.c."""
    text = name.encode()
    first, last = read_word(text, 0), read_word(text, len(text) - 4)
    mixed = ((first + last * 9 + len(text)) * multiplier) & 0xFFFFFFFF
    return mixed >> (32 - SLOT_BITS)


def find_multiplier(names: list[str]) -> int:
    dice = random.Random(9110)
    while True:
        multiplier = dice.getrandbits(32) | 1
        if len({slot(name, multiplier) for name in names}) == len(names):
            return multiplier


def main() -> None:
    hashed = [(symbol, text) for symbol, text in read_names() if len(text) >= LEN_MIN]
    multiplier = find_multiplier([text for _, text in hashed])
    print(f"#define HASH_MULTIPLIER 0x{multiplier:08X}u\n")
    print(f"static const uint8_t slots[{1 << SLOT_BITS}] = {{")
    for symbol, text in sorted(hashed, key=lambda pair: slot(pair[1], multiplier)):
        print(f"    [{slot(text, multiplier)}] = FR_HEADER_{symbol},")
    print("};")


if __name__ == "__main__":
    main()
