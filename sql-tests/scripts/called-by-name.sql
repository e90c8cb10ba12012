-- Functions that are mostly met behind operators and types, called by their names.
SELECT bttextcmp('abc', 'ab'), bttextcmp('abc' COLLATE "C", 'ab'), bttext_pattern_cmp('abc', 'az'), byteacmp('abc', 'ab'), bpcharcmp('ab', 'ad');
SELECT btnamecmp('abc', 'ab'), btnametextcmp('abc', 'ae'), bttextnamecmp('abc', 'ab'), btint2cmp(2::int2, (-5)::int2);
SELECT varbitcmp('1011', '1'), bitcmp('1010', '1000'), varbitcmp('10', '1');
SELECT uuid_cmp('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a15');
SELECT network_cmp('10.1.2.3/8', '192.168.0.1'), network_cmp('10.1.2.3/8', '10.1.2.3/9'), network_cmp('10.1.2.3/8', '10.1.2.4/8');
SELECT "interval"('1 day 02:03:04.567'::interval, 5);
SELECT "interval"('1 day 02:03:04.567'::interval, 2147418114);
SELECT varbit('1011'::varbit, 0, false), "bit"(B'1011', -1, false);
SELECT bpchar('abcd'::bpchar, 1073741827, false);
SELECT to_char(1, 'abc'), to_char(-5, 'C9');
SELECT to_char(5, 'FM9.9EEEE');
SELECT '100'::xid = -3, '100'::xid <> -3, '4294967293'::xid = -3;
SELECT txid_visible_in_snapshot(-1, '3:3:');
SELECT convert('\x61', 'abc', 'utf8'), convert_from('\x61', 'win1258'), convert_to('a', 'koi8r');
SELECT to_ascii('abc', 8);
SELECT to_ascii('abc', 100);
-- A POSIX rule need not have letters only, nor three of them.
SELECT timezone('ab 5', '2020-01-01'::timestamp), timezone('a1 B-2', '2020-07-01 00:00+00'::timestamptz);
SELECT timezone('x5y', '2020-01-01 00:00+00'::timestamptz), timezone('A5B', '2020-07-01 00:00+00'::timestamptz);
SELECT timezone('<a b>5', '2020-07-01 00:00+00'::timestamptz), timezone('x-5:30', '2020-01-01 00:00+00'::timestamptz);
SELECT timezone('abc', '2020-01-01 00:00+00'::timestamptz);
SELECT timezone('x168', '2020-01-01 00:00+00'::timestamptz);
-- Rows by their images.
SELECT record_image_eq(ROW(1, 'x'::text), ROW(1, 'x'::text)), record_image_ne(ROW(1, 'x'::text), ROW(1, 'y'::text)),
  record_image_lt(ROW(1, 'x'::text), ROW(1, 'y'::text)), record_image_ge(ROW(2), ROW(1)), record_image_eq(ROW(1.0), ROW(1.00));
SELECT record_image_eq(ROW(1), ROW('x'::text));
SELECT record_image_eq(ROW(1), ROW(1, 2));
SELECT record_out(ROW(1, 'a b')), array_out(ARRAY[1, 2]), range_out(int4range(1, 5)), record_send(ROW(1, 'x'::text));
SELECT xid8_larger('3', '100'), xid8_smaller('3', '100');
SELECT btequalimage(23);
SELECT btvarstrequalimage(25);
-- The arguments behind a NULL are computed, unless it is one before any row is seen.
SELECT int2or(NULL::int2, int2(3.4e38::real));
SELECT int2or(n, int2(3.4e38::real)) FROM (VALUES (NULL::int2)) v(n);
SELECT int4pl(NULL::int4, n / 0) FROM generate_series(1, 1) n;
-- Grouped by a subquery that compares.
CREATE TABLE called_t (k int, b bool, t text);
INSERT INTO called_t VALUES (1, true, 'a'), (2, false, 'b');
SELECT (y.t IN (SELECT x.t FROM called_t z WHERE x.b)), count(*) FROM called_t x RIGHT JOIN called_t y ON x.k = y.k GROUP BY 1 ORDER BY 1;
SELECT (y.t IN (SELECT x.t FROM called_t z)), count(*) FROM called_t x, called_t y GROUP BY y.t;
WITH RECURSIVE r(a, b) AS (SELECT 1, '1'::money UNION SELECT a + 1, b FROM r WHERE a < 3) SELECT * FROM r;
WITH RECURSIVE r(a, b) AS (SELECT 1, '1'::money UNION ALL SELECT a + 1, b FROM r WHERE a < 3) SELECT * FROM r;
-- Headlines of json, statistics of documents, rewriting by a query's rows.
SELECT ts_headline('english', '{"a": ["the fat cats", {"b": "rats"}], "c": null}'::json, 'cat & rat');
SELECT ts_headline('{"a": ["the fat cats", {"b": "rats"}], "c": 1.50}'::jsonb, 'cat', 'StartSel=<, StopSel=>');
CREATE TABLE called_d (v tsvector, a tsquery, b tsquery);
INSERT INTO called_d VALUES ('a:1A b:2 c', 'a', 'x & y'), ('a:3,4', 'b', 'z'), (NULL, NULL, 'z');
SELECT * FROM ts_stat('SELECT v FROM called_d') ORDER BY word;
SELECT word, ndoc, nentry FROM ts_stat('SELECT v FROM called_d', 'ab');
SELECT ts_stat('SELECT v FROM called_d WHERE a = ''b''');
SELECT * FROM ts_stat('SELECT a FROM called_d');
SELECT * FROM ts_stat('SELECT v, a FROM called_d');
SELECT * FROM ts_stat('SELECT nothing FROM called_d');
SELECT ts_rewrite('a & b'::tsquery, 'SELECT a, b FROM called_d');
SELECT ts_rewrite(a, 'SELECT a, b FROM called_d') FROM called_d;
SELECT ts_rewrite('a & b'::tsquery, 'SELECT a FROM called_d');
DROP TABLE called_t, called_d;
SELECT count(*) > 100 FROM pg_timezone_abbrevs;
SELECT abbrev, utc_offset, is_dst FROM pg_timezone_abbrevs WHERE abbrev IN ('EST', 'EDT', 'CET') ORDER BY 1;
SELECT current_query();
SELECT inet_client_addr() IS NULL, pg_stat_get_backend_pid(0) IS NULL, count(*) > 0 FROM pg_stat_get_backend_idset();
-- Lengths and distances beyond all bounds.
SELECT length("bit"(B'1010', 2147483647, true)), "bit"(B'1011', 6, true), "bit"(B'101101', 3, true), "bit"(B'1011011101', 9, true);
SELECT '2000-01-01'::timestamp + '2147483647 days'::interval;
SELECT '2000-01-01'::timestamp - '-2147483647 days'::interval;
SELECT '2000-01-01 00:00+00'::timestamptz + '2147483647 days'::interval;
