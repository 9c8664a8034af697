#!/usr/bin/env python3
"""Tells on the console how good the random numbers of this server are. Needs no network."""
import os

BLOCKS = 1000
BITS = 20000
RUNS = {1: (2315, 2685), 2: (1114, 1386), 3: (527, 723), 4: (240, 384), 5: (103, 209), 6: (103, 209)}


def broken(block):
    """Which tests of FIPS 140-2 these 20 000 bits fail."""
    bits = bin(int.from_bytes(block, "big"))[2:].zfill(BITS)
    tests = []
    if not 9725 < bits.count("1") < 10275:
        tests.append("monobit")
    nibbles = [0] * 16
    for byte in block:
        nibbles[byte >> 4] += 1
        nibbles[byte & 15] += 1
    poker = 16 / 5000 * sum(count * count for count in nibbles) - 5000
    if not 2.16 < poker < 46.17:
        tests.append("poker")
    wrong = False
    for mark, other in (("0", "1"), ("1", "0")):
        lengths = [len(run) for run in bits.split(other) if run]
        counts = dict.fromkeys(RUNS, 0)
        for length in lengths:
            counts[min(length, 6)] += 1
        wrong = wrong or any(not low <= counts[length] <= high for length, (low, high) in RUNS.items())
        if max(lengths, default=0) >= 26:
            tests.append("long run of " + mark)
    if wrong:
        tests.append("runs")
    return tests


def main():
    with open("/proc/sys/kernel/random/entropy_avail") as file:
        entropy = file.read().strip()
    failures = 0
    with open("/dev/random", "rb", buffering=0) as source:
        for _ in range(BLOCKS):
            block = b""
            while len(block) < BITS // 8:
                block += source.read(BITS // 8 - len(block))
            failures += bool(broken(block))
    lines = f"lotse-entropy: {entropy}\nlotse-fips: {failures} of {BLOCKS}\nlotse-end\n"
    with open("/dev/console", "w") as console:
        console.write("\n" + lines)


if __name__ == "__main__":
    main()
