-- What is computed of constants before a statement runs, and in which order it fails.
\set VERBOSITY terse
-- A NULL among the constant arguments of a strict call stands for the call, and the others are never looked at.
SELECT make_date(array_position('{}'::integer[], 10), 1, CAST(jsonb_build_array('123'::text) AS integer)) AS x;
SELECT "position"(('null'::json ->> '-1'::integer), to_char('0.000'::numeric, 'S9G999D99MI')) AS x;
SELECT tsvector_concat(CASE WHEN 't'::boolean THEN NULL::tsvector ELSE 'a:1A b:2,3 c:4B'::tsvector END,
                       jsonb_to_tsvector('{}'::jsonb, '[1, 2, "x"]'::jsonb)) AS x;
-- Constant ones are computed though.
SELECT gcd(uuid_cmp('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, NULL::uuid),
           CAST(CASE WHEN 'f'::boolean THEN '1e10'::double precision ELSE '-Infinity'::double precision END AS integer)) AS x;
-- A branch that a constant condition rules out is not.
SELECT CASE WHEN ('abc'::character(5) ~>=~ COALESCE('ab'::character(5), 'ab'::character(5)))
            THEN LEAST('00:00:00'::interval, '1 day'::interval)
            ELSE justify_days('100 hours'::interval / '0'::double precision) END AS x;
SELECT COALESCE(CAST(CASE WHEN 't'::boolean THEN '(,0)'::numrange ELSE '[1.5,2.5]'::numrange END AS nummultirange),
                nummultirange(numrange('-1'::numeric, NULL::numeric, 'a'::text))) AS x;
-- From left to right.
SELECT range_merge(int4range(3, hashoid('0'::oid)),
                   GREATEST(COALESCE('[1,10)'::int4range, '[5,6)'::int4range), int4range(2, 1, 'Hello'::text))) AS x;
SELECT numrange(ln(EXTRACT(year FROM '0001-01-01 BC'::date)), '-Infinity'::numeric,
                to_char(('Infinity'::real / '0'::real), overlay('abc'::text, 'ABC'::text, 1))) AS x;
SELECT 1 FROM (VALUES (1), (2)) v(x) WHERE x + COALESCE(NULL, 1) / 0 > 1 AND x > 5;
-- Strings of bits: the length that is given by name, and the one of a cast over it.
SELECT x, "bit"(x, NULL::int)::bit(4), "bit"(x, 3)::bit(4), x::bit(3)::bit(4), x::bit(4), "bit"(x, 2147483647)
FROM (VALUES (5::bigint)) v(x);
CREATE TABLE pc_bits (a bit(4), x bigint);
INSERT INTO pc_bits SELECT "bit"(x, NULL::int), x FROM (VALUES (5::bigint), (6)) v(x);
UPDATE pc_bits SET a = "bit"(x, 4) WHERE x = 5;
TABLE pc_bits ORDER BY x;
DROP TABLE pc_bits;
-- Long texts are divided among the parts of a pattern in time that grows with them.
SELECT length(SUBSTRING(lpad('abc', n, 'abc') SIMILAR '%#"[a-z]+#"%' ESCAPE '#')) FROM (VALUES (100), (50000)) v(n);
SELECT regexp_match('aXbXcX' || repeat('y', 30000), '^(.*?)(X)(.+)(y)$') IS NOT NULL,
       (regexp_match(repeat('ab', 5), '^((a)(b)){2,4}(.*)$'))[1:4], regexp_match('aaa', '^(a)*?(a*)$'),
       regexp_match('xabcabcy', '(a(b)?c){2}'), regexp_match('foobarbaz', '(fo|foo)(bar|obar)(baz|z)?');
-- The ends of what values can be.
SELECT make_interval(0, 10, 1, 2147483647, -2147483648, -2147483648, 0), make_interval(years => 2147483647),
       make_interval(secs => 1e300);
SELECT make_interval(secs => 'infinity');
SELECT '::1'::inet - '-9223372036854775808'::bigint;
SELECT age('infinity'::timestamp, '2000-01-01'::timestamp), age('2000-01-01'::timestamp, 'infinity'::timestamp);
SELECT age('-infinity'::timestamp, '2000-01-01'::timestamp);
SELECT timezone('-100:30:10'::interval, '12:00+00'::timetz), timezone('5x'::text, '2000-01-01 00:00+00'::timestamptz),
       timezone('5EDT'::text, '2000-07-01 00:00+00'::timestamptz), timezone('1.5'::text, '2000-07-01 00:00+00'::timestamptz),
       timezone(':UTC'::text, '2000-07-01 00:00+00'::timestamptz);
SELECT timezone('::1'::text, '2000-07-01 00:00+00'::timestamptz);
SELECT polygon(100000000, '<(0,0),1>'::circle) IS NULL;
SELECT polygon(2147483647, '<(0,0),1>'::circle) IS NULL;
SELECT length('\xdeadbeef'::bytea, 'win1258'::name), length('\xc3a9'::bytea, 'utf8');
SELECT length('\xff00ff'::bytea, 'win1258');
SELECT to_ascii('ABC', 8), to_ascii('ABC', 29);
SELECT to_ascii('ABC', 10);
-- A comparison of a name with a text by the collation of the call.
SELECT bttextnamecmp('a', ''), bttextnamecmp(t, n), btnametextcmp(n, t), btnametextcmp(n COLLATE "C", t)
FROM (SELECT 'abc'::text || '' AS t, ''::bpchar::name AS n) v;
-- Functions that aggregates and foreign servers have.
SELECT int2int4_sum('{1,2}'), int2int4_sum('{0,5}'), int2int4_sum('[3:4]={7,8}');
SELECT int2int4_sum('{1,NULL}');
SELECT postgresql_fdw_validator('{host=1,port}', 1417), postgresql_fdw_validator('{}', 0);
\set VERBOSITY default
SELECT postgresql_fdw_validator('{host=1}', 1418);
SELECT postgresql_fdw_validator('{a}', 5);
-- Time zones by POSIX rules.
SET timezone = 'x5';
SHOW timezone;
SELECT '2000-01-01 00:00+00'::timestamptz;
SET timezone = 'est5edt,m3.2.0,m11.1.0';
SHOW timezone;
SET timezone = '<+05:30>-05:30';
SHOW timezone;
SELECT '2000-01-01 00:00+00'::timestamptz;
SET timezone = ':UTC';
SHOW timezone;
SET timezone = '5x';
SHOW timezone;
SET timezone = 'PST';
RESET timezone;
-- Options of maintenance statements.
VACUUM (foo);
VACUUM (parallel);
VACUUM (parallel 2000);
VACUUM (parallel x);
VACUUM (full, parallel 2);
VACUUM (index_cleanup foo) pg_description;
VACUUM pg_description (objoid);
ANALYZE (parallel 2);
EXPLAIN (foo) SELECT 1;
EXPLAIN (format) SELECT 1;
EXPLAIN (format foo) SELECT 1;
-- A constant operand of CASE decides which results are looked at.
select case - - nullif(64, -5) when 16 then 9 / -0 end;
select case 34 when 4 then 1 when 46 then 1 / 0 else 57 end, case 34 when 34 then 2 else 1 / 0 end;
select case 34 when 4 then 1 when 34 then 1 / 0 else 57 end;
select case 1 when 2 then case 3 when 3 then 1 / 0 end else case 5 when 5 then 6 else 1 / 0 end end;
select case null::int when 1 then 1 / 0 else 2 end, case 1 when 2 / 0 then 1 end;
select case 'a'::text when 'b' then (1 / 0)::text when 'a' then case 'a' when 'c' then (1 / 0)::text else 'd' end end;
