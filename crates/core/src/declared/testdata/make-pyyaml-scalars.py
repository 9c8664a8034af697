#!/usr/bin/env python3
"""Writes pyyaml-scalars.json: what PyYAML's SafeLoader makes of plain scalars.

Each row is [text, type, value]. Floats are given as the hexadecimal bits of the double. The
scalars are resolved directly (not scanned), so that the table tests the resolver alone.
"""
import datetime
import json
import os
import random
import struct

import yaml

CONSTRUCT = {
    "tag:yaml.org,2002:" + name: getattr(yaml.constructor.SafeConstructor, "construct_yaml_" + name)
    for name in ("null", "bool", "int", "float", "timestamp")
}


def meaning(text):
    loader = yaml.SafeLoader("")
    tag = loader.resolve(yaml.ScalarNode, text, (True, False))
    if tag not in CONSTRUCT:  # text, and `<<` and `=`, which Lotse takes for text as well
        return "str", text
    try:
        value = CONSTRUCT[tag](loader, yaml.ScalarNode(tag, text))
    except (ValueError, OverflowError, IndexError):
        return "error", ""
    if value is None:
        return "null", ""
    if isinstance(value, bool):
        return "bool", str(value).lower()
    if isinstance(value, int):
        return ("int", str(value)) if -2**63 <= value < 2**64 else ("too-large", "")
    if isinstance(value, float):
        return "float", "nan" if value != value else struct.pack(">d", value).hex()
    if isinstance(value, datetime.datetime):
        return "datetime", value.isoformat()
    return "date", value.isoformat()


def candidates():
    words = "yes no true false on off null none y n inf nan".split()
    for word in words:
        yield from (word, word.title(), word.upper(), word[0].upper() + word[1:], "." + word,
                    "." + word.title(), "." + word.upper(), "+." + word, "-." + word, word + " ")
    yield from ("~", "", "=", "<<", "-", "+", ".", "..", "...", "_", "-_", "0_", "_0", "0b", "0x",
                "0b_", "0x_", "0o17", "0o", "08", "09", "007", "0755", "+0755", "-0755", "0b1010",
                "-0b1_0", "0xFf", "0XFF", "-0x_1", "0x1g", "1_000", "1__0", "+1", "-0", "+0", "00",
                "1:30", "01:30", "1:60", "1:5", "190:20:30", "-190:20:30", "190:20:30.15", "1:30.",
                "1_0:30", "0:30", "0:30.5", "1:", ":1", "1:2:", "1e3", "1e+3", "1.0e3", "1.0e+3",
                "1.e+3", "1.E-3", ".5", "-.5", "+.5", "._5", ".5_", "1.", "1._", "1_.5", "1.5.2",
                "12.04", "1.10", "22.04", "3.10", "9223372036854775807", "9223372036854775808",
                "-9223372036854775808", "-9223372036854775809", "18446744073709551615",
                "18446744073709551616", "1" + "0" * 60, "1.0e+400", "-1.0e+400", "1.0e-400",
                "0.1", "1.7976931348623157e+308", "5e-324", "5.0e-324", "0." + "0" * 30 + "1",
                "123456789012345678901234567890.5", "1,000", "1.2.3", "1-2", "2024", "20240819",
                "2024-08-19", "2024-8-19", "2024-08-9", "2024-02-30", "2024-02-29", "2023-02-29",
                "0000-01-01", "0001-01-01", "9999-12-31", "2024-13-01", "2024-00-10", "24-08-19",
                "2024-08-19T10:11:12", "2024-08-19t1:11:12", "2024-08-19 10:11:12",
                "2024-08-19   10:11:12", "2024-08-19\t10:11:12", "2024-08-19T10:11:12Z",
                "2024-08-19T10:11:12.5Z", "2024-08-19T10:11:12.Z", "2024-08-19T10:11:12.1234567Z",
                "2024-08-19T10:11:12+2", "2024-08-19T10:11:12+02:00", "2024-08-19T10:11:12 -02:30",
                "2024-08-19T10:11:12-0230", "2024-08-19T24:00:00", "2024-08-19T10:60:00",
                "2024-08-19T10:11:60", "2024-08-19T10:11:12+24:00", "2024-08-19T10:11:12-23:59",
                "2024-08-19T10:11:12 ", "2024-08-19T10:11", "2024-08-19T", "2024-8-1 1:02:03",
                "2024-08-19T10:11:12z", "2024-08-19Z", "2001-12-14t21:59:43.10-05:00",
                "2024-08-19T10:11:12+00:99", "last-3", "x86_64", "25.7", "1.11.3", "12-13", "1/2")
    rng = random.Random(20241119)
    alphabet = "0123456789" * 2 + "__::..--++eExbTZ "
    for _ in range(3000):
        yield "".join(rng.choice(alphabet) for _ in range(rng.randint(1, 9)))
    for _ in range(1000):  # numbers that mostly are some
        whole = rng.choice(["0", "7", "12", "1_0", "012", "99"])
        yield rng.choice(["", "+", "-"]) + whole + rng.choice(
            ["", ".", ".5", ".25_", ":07", ":7.5", ":59:59", ".0e+7", ".5E-11", "e5", "e+5", "_"])
    for _ in range(300):
        yield "%04d-%02d-%02d%s" % (
            rng.randint(0, 3000), rng.randint(0, 13), rng.randint(0, 32),
            rng.choice(["", "T%d:%02d:%02d" % (rng.randint(0, 25), rng.randint(0, 61),
                                               rng.randint(0, 61))]))


rows, seen = [], set()
for text in candidates():
    if text not in seen:
        seen.add(text)
        rows.append([text, *meaning(text)])
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pyyaml-scalars.json")
with open(path, "w", encoding="utf-8") as out:
    out.write("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
print(len(rows), "rows")
