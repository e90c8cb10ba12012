#!/usr/bin/env python3
"""Writes src/datetime/abbrevs_table.rs: PostgreSQL 15's default time zone abbreviations.

Run by hand:  engine/types/data/gen_tzabbrevs.py -h HOST -p PORT -U postgres > engine/types/src/datetime/abbrevs_table.rs
The arguments go to psql as they are.
"""
import subprocess
import sys

QUERY = "select lower(abbrev), extract(epoch from utc_offset)::int, is_dst from pg_timezone_abbrevs order by 1"


def main() -> None:
    out = subprocess.run(
        ["psql", *sys.argv[1:], "-XAt", "-F", "\t", "-c", QUERY], check=True, capture_output=True, text=True
    ).stdout
    print("// Made by data/gen_tzabbrevs.py from PostgreSQL 15's pg_timezone_abbrevs. Do not edit.")
    print()
    print("/// (abbreviation, seconds east of UTC, daylight saving), ordered by abbreviation.")
    print("#[rustfmt::skip]")
    print("pub(crate) static ABBREVS: &[(&str, i32, bool)] = &[")
    for row in sorted(line.split("\t") for line in out.splitlines()):
        print(f'    ("{row[0]}", {row[1]}, {"true" if row[2] == "t" else "false"}),')
    print("];")


if __name__ == "__main__":
    main()
