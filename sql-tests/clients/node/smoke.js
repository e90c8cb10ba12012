// node-postgres against a server: node smoke.js HOST PORT, with NODE_PATH at the folder where pg is installed.
// Exits with 0 when everything held.
'use strict';

const assert = require('node:assert/strict');
const { Readable } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const { Client, Pool } = require('pg');
const { from: copyFrom, to: copyTo } = require('pg-copy-streams');

const [host, port] = process.argv.slice(2);
const options = { host, port: Number(port), user: 'postgres', database: 'postgres', connectionTimeoutMillis: 20000 };

function check(what, got, want) {
  assert.deepStrictEqual(got, want, `node-postgres: ${what}`);
  console.log(`node-postgres: ${what}`);
}

async function failure(client, ...query) {
  try {
    await client.query(...query);
  } catch (e) {
    return e;
  }
  throw new Error(`node-postgres: no error from ${query[0]}`);
}

async function main() {
  const client = new Client(options);
  await client.connect();
  check('connects', (await client.query('SELECT 1 AS one')).rows, [{ one: 1 }]);
  await client.query('DROP TABLE IF EXISTS node_smoke');
  await client.query(`CREATE TABLE node_smoke (
    id integer PRIMARY KEY, big bigint, price numeric(12,3), ratio double precision, ok boolean, name text NOT NULL,
    raw bytea, at timestamptz, doc json, words text[],
    CONSTRAINT node_smoke_price_check CHECK (price >= 0))`);
  const at = new Date('2024-02-29T12:30:01.250Z');
  const raw = Buffer.from([0, 255, 16]);
  const values = [1, '4611686018427387904', '12345.678', 0.1, true, 'naïve ‘text’', raw, at, { k: [1, 2] }, ['a', 'b"c', null, '']];
  await client.query('INSERT INTO node_smoke VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)', values);
  const whole = await client.query({ text: 'SELECT * FROM node_smoke WHERE id = $1', values: [1], rowMode: 'array' });
  check('values', whole.rows[0], values);
  check('type oids', whole.fields.map((f) => f.dataTypeID), [23, 20, 1700, 701, 16, 25, 17, 1184, 114, 1009]);

  for (let n = 2; n <= 101; n += 1) {
    const query = { name: 'insert', text: 'INSERT INTO node_smoke (id, name) VALUES ($1, $2) RETURNING id', values: [n, `row ${n}`] };
    assert.equal((await client.query(query)).rows[0].id, n);
  }
  check('prepared statements', (await client.query('SELECT count(*)::int AS n FROM node_smoke')).rows, [{ n: 101 }]);

  // The library asks for results in text only; it sends a Buffer as a parameter in binary format.
  const sent = await client.query('SELECT $1::bytea = raw AS same, octet_length($1) AS n FROM node_smoke WHERE id = 1', [raw]);
  check('binary parameters', sent.rows, [{ same: true, n: 3 }]);

  const several = await client.query('SELECT 1 AS a; SELECT 2 AS b; SELECT 3 AS c');
  check('several statements at once', several.map((r) => r.rows[0]), [{ a: 1 }, { b: 2 }, { c: 3 }]);

  await client.query('DROP TABLE IF EXISTS node_copy');
  await client.query('CREATE TABLE node_copy (id integer, name text)');
  const lines = Array.from({ length: 5000 }, (_, n) => `${n}\trow ${n}\\twith tab\n`);
  const sink = client.query(copyFrom('COPY node_copy FROM STDIN'));
  await pipeline(Readable.from(lines), sink);
  check('COPY in', sink.rowCount, 5000);
  let out = '';
  for await (const chunk of client.query(copyTo('COPY (SELECT * FROM node_copy ORDER BY id) TO STDOUT'))) out += chunk;
  check('COPY out', out, lines.join(''));

  let e = await failure(client, 'INSERT INTO node_smoke (id, name) VALUES ($1, $2)', [1, 'again']);
  check('unique violation', [e.code, e.severity, e.schema, e.table, e.constraint, e.detail],
    ['23505', 'ERROR', 'public', 'node_smoke', 'node_smoke_pkey', 'Key (id)=(1) already exists.']);
  e = await failure(client, "INSERT INTO node_smoke (id, name, price) VALUES (1000, 'x', -1)");
  check('check violation', [e.code, e.constraint], ['23514', 'node_smoke_price_check']);
  e = await failure(client, 'SELECT * FROM node_smoke WHERE nothing = 1');
  check('position', [e.code, e.position], ['42703', '32']);

  const pool = new Pool({ ...options, max: 4 });
  const sums = await Promise.all(Array.from({ length: 40 }, (_, n) => pool.query('SELECT $1::int + 1 AS s', [n])));
  check('a pool', sums.map((r) => r.rows[0].s), Array.from({ length: 40 }, (_, n) => n + 1));
  await pool.end();

  const pid = (await client.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;
  assert.equal(pid, client.processID);
  const began = Date.now();
  const sleeping = failure(client, 'SELECT pg_sleep(60)');
  await new Promise((resolve) => { setTimeout(resolve, 300); });
  const canceller = new Client(options);
  canceller.connection.on('connect', () => canceller.connection.cancel(client.processID, client.secretKey));
  canceller.connection.on('error', () => {});
  canceller.connection.connect(options.port, host);
  e = await sleeping;
  check('cancel', [e.code, Date.now() - began < 30000], ['57014', true]);
  check('the session goes on', (await client.query('SELECT 2 AS two')).rows, [{ two: 2 }]);
  await client.query('DROP TABLE node_smoke, node_copy');
  await client.end();
}

main().catch((e) => {
  console.error(e);
  process.exit(1);
});
