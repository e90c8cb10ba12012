#!/usr/bin/env python3
"""Records what PostgreSQL's aggregates answer, for `tests/aggregates.rs`.

    python3 gen_aggregates.py OUTFILE -h /tmp -p 5999 -U postgres

One line per call, tab-separated in COPY's text format: aggregate OID, result type, argument types, the answer's text (or
`!SQLSTATE message`, or \\N), then the rows' values, row by row.
"""

import pathlib
import random
import sys

from gen_kernels import POLY, POOL, psql, literal
import gen_kernels

SKIP = {"xmlagg", "jsonb_agg", "jsonb_object_agg", "range_agg", "range_intersect_agg", "percentile_disc", "percentile_cont", "mode", "rank", "dense_rank",
        "percent_rank", "cume_dist"}


def main():
    outfile, rest = sys.argv[1], sys.argv[2:]
    gen_kernels.TYPES = {int(a): b for a, b in (l.split("|") for l in psql(rest, "select oid, quote_ident(typname) from pg_type where oid < 16384").splitlines())}
    types_of = gen_kernels.TYPES
    rows = psql(rest, "select oid, proname, proargtypes from pg_proc where prokind = 'a' and oid < 10000 order by oid").splitlines()
    calls = []
    for row in rows:
        oid, name, args = row.split("|")
        oid, args = int(oid), [int(x) for x in args.split()]
        if name in SKIP:
            continue
        for choice in (0, 1):
            types = [POLY[a][choice] if a in POLY else a for a in args]
            if any(t not in POOL for t in types) or choice == 1 and types == args:
                continue
            rng = random.Random(oid * 2 + choice)
            for n in (0, 1, 2, 5, 9):
                for nulls in (0, 0.3):
                    data = [[None if rng.random() < nulls else rng.choice(POOL[t]) for t in types] for _ in range(n)]
                    if name == "array_agg" and args == [2277]:
                        data = [["{1,2}" if types == [1007] else "{a,b}"] for _ in range(n)]
                    calls.append((oid, name, types, data))
                if types:
                    # Finite small values, where sums and variances say something.
                    plain = {701: ["1.5", "2.25", "-3", "100", "0.1"], 700: ["1.5", "2.25", "-3", "100"], 1700: ["1.5", "2.25", "-3.00", "100", "0.001"],
                             20: ["1", "7", "-3", "123456789"], 23: ["1", "7", "-3", "12345"], 21: ["1", "7", "-3", "123"], 1186: ["1 day", "1 mon 2 days", "-03:00:00"]}
                    if all(t in plain for t in types):
                        calls.append((oid, name, types, [[rng.choice(plain[t]) for t in types] for _ in range(n)]))
    esc = lambda s: s.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
    sql = ["set timezone = 'America/New_York'; set search_path = pg_catalog; set client_min_messages = error;",
           """create function pg_temp.run(expr text) returns text[] language plpgsql as $$
              declare r text; t regtype; begin execute expr into t, r; return array[coalesce(t, 0)::oid::text, r];
              exception when others then return array['0', '!' || sqlstate || ' ' || sqlerrm]; end $$;""",
           "create temp table calls(n int, expr text);\ncopy calls from stdin;"]
    for n, (oid, name, types, data) in enumerate(calls):
        cols = ", ".join("c%d" % i for i in range(len(types))) or "*"
        lines = ["(" + ", ".join(["%d" % k] + [literal(v, t) if v is not None else "NULL::" + types_of[t] for v, t in zip(r, types)]) + ")" for k, r in enumerate(data)]
        none = "(" + ", ".join(["0"] + ["NULL::" + types_of[t] for t in types]) + ")"
        source = "(values %s) v(n%s)" % (", ".join(lines or [none]), "".join(", c%d" % i for i in range(len(types))))
        where = "" if data else " where false"
        expr = "select pg_typeof(x), case when x is null then null else format('%%s', x) end from (select pg_catalog.\"%s\"(%s) from (select * from %s%s order by n) q) s(x)" % (name, cols, source, where)
        sql.append("%d\t%s" % (n, esc(expr)))
    sql += ["\\.", "copy (select n, r[1], r[2] from (select n, pg_temp.run(expr) r from calls) x order by n) to stdout;"]
    out = []
    for line in psql(rest, "\n".join(sql)).split("\n"):
        if not line:
            continue
        n, rtype, answer = line.split("\t")
        oid, name, types, data = calls[int(n)]
        # count(*) has no values: its rows are marked by a dash each.
        values = [("\\N" if v is None else esc(v)) for r in data for v in r] if types else ["-"] * len(data)
        out.append("\t".join([str(oid), rtype, ",".join(map(str, types)), answer, *values]))
    pathlib.Path(outfile).write_text("\n".join(out) + "\n")
    print(len(out), "calls of", len({c[0] for c in calls}), "aggregates")


if __name__ == "__main__":
    main()
