"""Durations as people write them, such as "1h30m"."""

import re

UNITS = {"h": 3600, "m": 60, "s": 1}
PART = re.compile(r"(\d+)([hms])")


def parse(text):
    """Return the number of seconds that a text such as "1h30m" means."""
    seconds = 0
    for amount, unit in PART.findall(text):
        seconds += int(amount) * UNITS[unit]
    return seconds
