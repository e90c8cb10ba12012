"""psycopg 3 against a server: python3 psycopg_smoke.py HOST PORT. Exits with 0 when everything held."""

import datetime
import decimal
import sys
import threading
import time
import uuid

import psycopg
from psycopg import errors
from psycopg.rows import dict_row


def check(what, got, want):
    if got != want:
        raise SystemExit(f"psycopg: {what}: got {got!r}, want {want!r}")
    print(f"psycopg: {what}")


host, port = sys.argv[1], int(sys.argv[2])
options = dict(host=host, port=port, user="postgres", dbname="postgres", connect_timeout=20)
conn = psycopg.connect(**options, autocommit=True)
check("connects", conn.info.transaction_status.name, "IDLE")
check("server parameters", conn.info.parameter_status("server_encoding"), "UTF8")

conn.execute("DROP TABLE IF EXISTS psycopg_smoke")
conn.execute(
    """CREATE TABLE psycopg_smoke (
        id integer PRIMARY KEY, small smallint, big bigint, price numeric(12,3), ratio double precision, ok boolean,
        name text NOT NULL, raw bytea, day date, at timestamptz, span interval, tag uuid, words text[],
        CONSTRAINT psycopg_smoke_price_check CHECK (price >= 0))"""
)
row = (
    1, -7, 2**62, decimal.Decimal("12345.678"), 0.1, True, "naïve ‘text’ \\ 'quoted'", b"\x00\xff\x10",
    datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 12, 30, 1, 250000, tzinfo=datetime.timezone.utc),
    datetime.timedelta(days=3, seconds=4), uuid.UUID(int=2**100 + 5), ["a", 'b"c', None, "NULL", ""],
)
conn.execute(f"INSERT INTO psycopg_smoke VALUES ({', '.join(['%s'] * len(row))})", row)
for binary in (False, True):
    with conn.cursor(binary=binary) as cur:
        got = cur.execute("SELECT * FROM psycopg_smoke WHERE id = %s", (1,)).fetchone()
        check(f"values, binary={binary}", got, row)

# The server's prepared statements are used from the first execution on.
with conn.cursor(row_factory=dict_row) as cur:
    for n in range(2, 302):
        cur.execute("INSERT INTO psycopg_smoke (id, name) VALUES (%s, %s)", (n, f"row {n}"), prepare=True)
    got = cur.execute("SELECT count(*) AS n, sum(id) AS s FROM psycopg_smoke", prepare=True).fetchone()
    check("prepared statements", got, {"n": 301, "s": 45451})
    cur.executemany("UPDATE psycopg_smoke SET big = %s WHERE id = %s", [(n * 10, n) for n in range(1, 51)])
    check("a batch in pipeline mode", cur.rowcount, 50)

with conn.pipeline():
    cursors = [conn.execute("SELECT %s::int + 1", (n,)) for n in range(20)]
    check("pipeline", [c.fetchone()[0] for c in cursors], list(range(1, 21)))

with conn.transaction():
    with conn.cursor(name="held") as cur:
        cur.execute("SELECT id FROM psycopg_smoke ORDER BY id")
        check("a server-side cursor", [r[0] for r in cur.fetchmany(3)] + [cur.fetchone()[0]], [1, 2, 3, 4])

conn.execute("CREATE TABLE IF NOT EXISTS psycopg_copy (id integer, name text, words text[])")
conn.execute("TRUNCATE psycopg_copy")
with conn.cursor() as cur:
    with cur.copy("COPY psycopg_copy FROM STDIN") as copy:
        for n in range(1000):
            copy.write_row((n, f"tab\tand\nline {n}", ["x", str(n)]))
    check("COPY in", cur.rowcount, 1000)
    with cur.copy("COPY psycopg_copy FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int4", "text", "text[]"])
        for n in range(1000, 2000):
            copy.write_row((n, f"binary {n}", ["y"]))
    with cur.copy("COPY (SELECT * FROM psycopg_copy ORDER BY id) TO STDOUT") as copy:
        copy.set_types(["int4", "text", "text[]"])
        rows = list(copy.rows())
    check("COPY out", (len(rows), rows[7], rows[-1]), (2000, (7, "tab\tand\nline 7", ["x", "7"]), (1999, "binary 1999", ["y"])))


def failure(sql, parameters=None):
    try:
        conn.execute(sql, parameters)
    except psycopg.Error as e:
        return e
    raise SystemExit(f"psycopg: no error from {sql}")


e = failure("INSERT INTO psycopg_smoke (id, name) VALUES (1, 'again')")
check("unique violation", isinstance(e, errors.UniqueViolation), True)
check(
    "its fields",
    (e.diag.severity, e.sqlstate, e.diag.schema_name, e.diag.table_name, e.diag.constraint_name, e.diag.message_detail),
    ("ERROR", "23505", "public", "psycopg_smoke", "psycopg_smoke_pkey", "Key (id)=(1) already exists."),
)
e = failure("INSERT INTO psycopg_smoke (id, name, price) VALUES (1000, 'x', -1)")
check("check violation", (e.sqlstate, e.diag.constraint_name), ("23514", "psycopg_smoke_price_check"))
e = failure("INSERT INTO psycopg_smoke (id) VALUES (1001)")
check("not-null violation", (e.sqlstate, e.diag.column_name), ("23502", "name"))
e = failure("SELECT nothing FROM psycopg_smoke")
check("position", (e.sqlstate, e.diag.statement_position), ("42703", "8"))
e = failure("SELECT %s::int / 0", (1,))
check("division by zero", (e.sqlstate, e.diag.message_primary), ("22012", "division by zero"))

threading.Timer(0.3, conn.cancel).start()
began = time.monotonic()
e = failure("SELECT pg_sleep(60)")
check("cancel", (e.sqlstate, time.monotonic() - began < 30), ("57014", True))
check("the session goes on", conn.execute("SELECT 1").fetchone(), (1,))
conn.execute("DROP TABLE psycopg_smoke, psycopg_copy")
conn.close()
