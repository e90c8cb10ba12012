#!/usr/bin/env python3
"""Writes src/oid_table.rs from the pg_type of a running PostgreSQL 15.

Run by hand:  engine/types/data/gen_types.py -h HOST -p PORT -U postgres > engine/types/src/oid_table.rs
The arguments go to psql as they are. Only facts are taken: OIDs, names and the scalar columns of pg_type.
Row types of catalogs and everything made by initdb's SQL scripts (information_schema) are left out.
"""
import re
import subprocess
import sys

QUERY = """
select t.oid, t.typname, t.typlen, t.typbyval, t.typalign, t.typcategory, t.typispreferred, t.typdelim, t.typelem,
       t.typarray, t.typcollation, t.typtype, t.typstorage, t.typinput::text, t.typoutput::text, t.typreceive::text,
       t.typsend::text, t.typmodin::text, t.typmodout::text, t.typsubscript::text, format_type(t.oid, null)
from pg_type t left join pg_type e on e.oid = t.typelem
where t.oid < 12000 and t.typrelid = 0 and coalesce(e.typrelid, 0) = 0
order by t.oid
"""

def const_name(name: str) -> str:
    array = name.startswith("_")
    base = re.sub(r"[^A-Za-z0-9_]", "_", name.lstrip("_")).upper()
    return base + "_ARRAY" if array else base


def quoted(s: str) -> str:
    return '"' + s.replace("\\", "\\\\").replace('"', '\\"') + '"'


def main() -> None:
    out = subprocess.run(
        ["psql", *sys.argv[1:], "-XAt", "-F", "\t", "-c", QUERY], check=True, capture_output=True, text=True
    ).stdout
    rows = [line.split("\t") for line in out.splitlines()]
    p = print
    p("// Made by data/gen_types.py from PostgreSQL 15's pg_type. Do not edit.")
    p("// One row per type; wide rows read better than wrapped ones.")
    p()
    p("#[rustfmt::skip]")
    p("#[allow(missing_docs, reason = \"the name is the type's name in pg_type\")]")
    p("mod consts {")
    for r in rows:
        p(f"    pub const {const_name(r[1])}: u32 = {r[0]};")
    p("}")
    p("pub use consts::*;")
    p()
    p("/// Every built-in type that is not a row type, ordered by OID.")
    p("#[rustfmt::skip]")
    p("pub static TYPES: &[TypeInfo] = &[")
    for r in rows:
        (oid, name, tlen, byval, align, cat, pref, delim, elem, array, coll, typ, storage, tin, tout, recv, send,
         modin, modout, sub, shown) = r
        p(
            f"    TypeInfo {{ oid: {oid}, name: {quoted(name)}, len: {tlen}, by_val: {'true' if byval == 't' else 'false'}, "
            f"align: '{align}', category: '{cat}', preferred: {'true' if pref == 't' else 'false'}, delim: '{delim}', "
            f"elem: {elem}, array_oid: {array}, collation: {coll}, typtype: '{typ}', storage: '{storage}', "
            f"input: {quoted(tin)}, output: {quoted(tout)}, receive: {quoted(recv)}, send: {quoted(send)}, "
            f"modin: {quoted(modin)}, modout: {quoted(modout)}, subscript: {quoted(sub)}, shown: {quoted(shown)} }},"
        )
    p("];")


if __name__ == "__main__":
    main()
