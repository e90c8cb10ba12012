"""asyncpg against a server: python3 asyncpg_smoke.py HOST PORT. Exits with 0 when everything held.

asyncpg uses nothing but the extended protocol in binary format, and reads pg_type with a recursive query."""

import asyncio
import datetime
import decimal
import sys
import time
import uuid

import asyncpg


def check(what, got, want):
    if got != want:
        raise SystemExit(f"asyncpg: {what}: got {got!r}, want {want!r}")
    print(f"asyncpg: {what}")


async def failure(conn, sql, *parameters):
    try:
        await conn.execute(sql, *parameters)
    except asyncpg.PostgresError as e:
        return e
    raise SystemExit(f"asyncpg: no error from {sql}")


async def main(host, port):
    conn = await asyncpg.connect(host=host, port=port, user="postgres", database="postgres", timeout=20)
    check("connects", conn.get_settings().server_encoding, "UTF8")
    await conn.execute("DROP TABLE IF EXISTS asyncpg_smoke")
    await conn.execute(
        """CREATE TABLE asyncpg_smoke (
            id integer PRIMARY KEY, small smallint, big bigint, price numeric(12,3), ratio double precision, single real,
            ok boolean, name text NOT NULL, code varchar(10), raw bytea, day date, clock time, at timestamptz,
            local timestamp, span interval, tag uuid, words text[], numbers integer[], doc json,
            CONSTRAINT asyncpg_smoke_price_check CHECK (price >= 0))"""
    )
    row = (
        1, -7, 2**62, decimal.Decimal("12345.678"), 0.1, 1.5, True, "naïve ‘text’", "code", b"\x00\xff\x10",
        datetime.date(2024, 2, 29), datetime.time(23, 59, 59, 999999),
        datetime.datetime(2024, 2, 29, 12, 30, 1, 250000, tzinfo=datetime.timezone.utc),
        datetime.datetime(1999, 12, 31, 23, 59, 59), datetime.timedelta(days=3, seconds=4),
        uuid.UUID(int=2**100 + 5), ["a", 'b"c', None, "NULL", ""], [[1, 2], [3, 4]], '{"k": [1, 2]}',
    )
    marks = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    await conn.execute(f"INSERT INTO asyncpg_smoke VALUES ({marks})", *row)
    check("values, binary", tuple(await conn.fetchrow("SELECT * FROM asyncpg_smoke WHERE id = $1", 1)), row)

    statement = await conn.prepare("SELECT id, name FROM asyncpg_smoke WHERE id = ANY($1::int[]) ORDER BY id")
    check("described parameters", [p.name for p in statement.get_parameters()], ["int4[]"])
    check("described columns", [(a.name, a.type.name) for a in statement.get_attributes()], [("id", "int4"), ("name", "text")])
    insert = await conn.prepare("INSERT INTO asyncpg_smoke (id, name) VALUES ($1, $2) RETURNING id")
    check("RETURNING", [await insert.fetchval(n, f"row {n}") for n in range(2, 102)], list(range(2, 102)))
    check("prepared statements", [r["id"] for r in await statement.fetch([5, 100, 7])], [5, 7, 100])
    await conn.executemany("UPDATE asyncpg_smoke SET big = $1 WHERE id = $2", [(n * 10, n) for n in range(1, 51)])
    check("executemany", await conn.fetchval("SELECT sum(big) FROM asyncpg_smoke WHERE id <= 50"), 12750)

    async with conn.transaction():
        cursor = await conn.cursor("SELECT id FROM asyncpg_smoke ORDER BY id")
        rows = await cursor.fetch(3)
        check("a portal in parts", [r[0] for r in rows + await cursor.fetch(2)], [1, 2, 3, 4, 5])
    try:
        async with conn.transaction():
            await conn.execute("DELETE FROM asyncpg_smoke")
            raise KeyError
    except KeyError:
        check("rollback", await conn.fetchval("SELECT count(*) FROM asyncpg_smoke"), 101)

    await conn.execute("DROP TABLE IF EXISTS asyncpg_copy")
    await conn.execute("CREATE TABLE asyncpg_copy (id integer, name text, at timestamptz)")
    at = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
    records = [(n, f"row {n}", at + datetime.timedelta(seconds=n)) for n in range(5000)]
    check("COPY in, binary", await conn.copy_records_to_table("asyncpg_copy", records=records), "COPY 5000")
    check("what it brought", [tuple(r) for r in await conn.fetch("SELECT * FROM asyncpg_copy ORDER BY id")], records)
    parts = []

    async def receive(data):
        parts.append(bytes(data))

    await conn.copy_from_query("SELECT id, name FROM asyncpg_copy ORDER BY id LIMIT 2", output=receive, format="csv")
    check("COPY out", b"".join(parts), b"0,row 0\n1,row 1\n")

    e = await failure(conn, "INSERT INTO asyncpg_smoke (id, name) VALUES ($1, $2)", 1, "again")
    check(
        "unique violation's fields",
        (type(e).__name__, e.sqlstate, e.schema_name, e.table_name, e.constraint_name, e.detail),
        ("UniqueViolationError", "23505", "public", "asyncpg_smoke", "asyncpg_smoke_pkey", "Key (id)=(1) already exists."),
    )
    e = await failure(conn, "INSERT INTO asyncpg_smoke (id, name, price) VALUES (1000, 'x', -1)")
    check("check violation", (e.sqlstate, e.constraint_name), ("23514", "asyncpg_smoke_price_check"))
    e = await failure(conn, "SELECT 1 FROM nowhere")
    check("position", (e.sqlstate, e.position), ("42P01", "15"))

    began = time.monotonic()
    try:
        await asyncio.wait_for(conn.execute("SELECT pg_sleep(60)"), timeout=0.3)
        raise SystemExit("asyncpg: pg_sleep was not cancelled")
    except asyncio.TimeoutError:
        pass
    # The client sent a cancel request; the session is free again when the server has acted on it.
    check("cancel", await conn.fetchval("SELECT 1"), 1)
    check("in time", time.monotonic() - began < 30, True)
    await conn.execute("DROP TABLE asyncpg_smoke, asyncpg_copy")
    await conn.close()


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
