-- Window frames, the order of windows, users' window functions and moving aggregates; constants in the session's formats.
CREATE TABLE numerics (id int, f_float4 float4, f_float8 float8, f_numeric numeric);
INSERT INTO numerics VALUES
(0, '-infinity', '-infinity', '-infinity'), (1, -3, -3, -3), (2, -1, -1, -1), (3, 0, 0, 0), (4, 1.1, 1.1, 1.1),
(5, 1.12, 1.12, 1.12), (6, 2, 2, 2), (7, 100, 100, 100), (8, 'infinity', 'infinity', 'infinity'), (9, 'NaN', 'NaN', 'NaN');
SELECT id, f_float4, first_value(id) OVER w, last_value(id) OVER w FROM numerics WINDOW w AS (ORDER BY f_float4 RANGE BETWEEN 'inf' PRECEDING AND 'inf' FOLLOWING) ORDER BY id;
SELECT id, f_float4, first_value(id) OVER w, last_value(id) OVER w FROM numerics WINDOW w AS (ORDER BY f_float4 DESC RANGE BETWEEN 'inf' PRECEDING AND 'inf' FOLLOWING) ORDER BY id;
SELECT id, f_float8, first_value(id) OVER w, last_value(id) OVER w FROM numerics WINDOW w AS (ORDER BY f_float8 RANGE BETWEEN 'inf' PRECEDING AND 'inf' PRECEDING) ORDER BY id;
SELECT id, f_float8, first_value(id) OVER w, last_value(id) OVER w FROM numerics WINDOW w AS (ORDER BY f_float8 DESC RANGE BETWEEN 'inf' PRECEDING AND 'inf' PRECEDING) ORDER BY id;
SELECT id, f_numeric, first_value(id) OVER w, last_value(id) OVER w FROM numerics WINDOW w AS (ORDER BY f_numeric RANGE BETWEEN 'inf' FOLLOWING AND 'inf' FOLLOWING) ORDER BY id;
SELECT id, f_numeric, first_value(id) OVER w, last_value(id) OVER w FROM numerics WINDOW w AS (ORDER BY f_numeric DESC RANGE BETWEEN 'inf' FOLLOWING AND 'inf' FOLLOWING) ORDER BY id;
SELECT id, f_numeric, first_value(id) OVER w, last_value(id) OVER w FROM numerics WINDOW w AS (ORDER BY f_numeric DESC RANGE BETWEEN 1.1 PRECEDING AND 'inf' FOLLOWING) ORDER BY id;
SELECT f_numeric, first_value(id) OVER w FROM numerics WINDOW w AS (ORDER BY f_numeric RANGE BETWEEN '-inf' PRECEDING AND 'inf' FOLLOWING);
SELECT f_float8, first_value(id) OVER w FROM numerics WINDOW w AS (ORDER BY f_float8 RANGE BETWEEN 'NaN' PRECEDING AND 'inf' FOLLOWING);
-- The ends of int8.
SELECT x, count(*) OVER (ORDER BY x RANGE BETWEEN 10 FOLLOWING AND 20 FOLLOWING), count(*) OVER (ORDER BY x RANGE BETWEEN 10 PRECEDING AND CURRENT ROW)
FROM (VALUES (9223372036854775807), (9223372036854775800), (-9223372036854775808), (-9223372036854775800)) v(x) ORDER BY x;
-- Offsets that subqueries compute.
SELECT id, sum(id) OVER (ORDER BY id ROWS (SELECT id FROM numerics ORDER BY id LIMIT 1) + 1 PRECEDING) FROM numerics ORDER BY id;
SELECT id, sum(id) OVER (ORDER BY id RANGE BETWEEN (SELECT 2) PRECEDING AND (SELECT max(id) FROM numerics) / 4 FOLLOWING) FROM numerics ORDER BY id;
SELECT id, sum(id) OVER (ORDER BY id ROWS (SELECT NULL::int) PRECEDING) FROM numerics;
SELECT id, sum(id) OVER (ORDER BY id ROWS (SELECT -1) PRECEDING) FROM numerics;
SELECT o, (SELECT string_agg(s::text, ',') FROM (SELECT sum(id) OVER (ORDER BY id ROWS o PRECEDING) s FROM numerics WHERE id < 4) q) FROM generate_series(0, 2) o;
SELECT sum(id) OVER (ORDER BY id ROWS id PRECEDING) FROM numerics;
SELECT sum(id) OVER (ORDER BY id RANGE BETWEEN CURRENT ROW AND (SELECT id) FOLLOWING) FROM numerics;
SELECT sum(id) OVER (ORDER BY id ROWS max(1) PRECEDING) FROM numerics;
SELECT sum(id) OVER (ORDER BY id GROUPS max(id) PRECEDING) FROM numerics;
SELECT sum(id) OVER (ORDER BY id ROWS row_number() OVER () PRECEDING) FROM numerics;
-- Types that have no such frames are those that the operators take.
CREATE DOMAIN short AS varchar(10);
CREATE TABLE t (v varchar, d short, a int[], c cidr, n name, b bool, u uuid, r int4range);
SELECT sum(1) OVER (ORDER BY v RANGE 1 PRECEDING) FROM t;
SELECT sum(1) OVER (ORDER BY d RANGE 1 PRECEDING) FROM t;
SELECT sum(1) OVER (ORDER BY a RANGE 1 PRECEDING) FROM t;
SELECT sum(1) OVER (ORDER BY c RANGE 1 PRECEDING) FROM t;
SELECT sum(1) OVER (ORDER BY n RANGE 1 PRECEDING) FROM t;
SELECT sum(1) OVER (ORDER BY r RANGE 1 PRECEDING) FROM t;
-- What may stand where.
SELECT rank() OVER (ORDER BY rank() OVER (ORDER BY random()));
SELECT rank() OVER (PARTITION BY rank() OVER ());
SELECT sum(rank() OVER ()) OVER () FROM numerics;
SELECT sum(id) FILTER (WHERE rank() OVER () > 1) OVER () FROM numerics;
SELECT sum(id) FILTER (WHERE rank() OVER () > 1) FROM numerics;
SELECT sum(id) FILTER (WHERE sum(id) > 1) OVER () FROM numerics;
SELECT count(*) OVER w FROM numerics WINDOW w AS (ORDER BY id), w AS (ORDER BY id);
SELECT 1 FROM numerics WINDOW w AS (ORDER BY nothing);
SELECT 1 FROM numerics WINDOW w AS (v);
SELECT count() OVER () FROM numerics;
SELECT count() FROM numerics;
SELECT sum() OVER () FROM numerics;
SELECT max() FROM numerics;
SELECT string_agg() FROM numerics;
SELECT rank() FROM numerics;
SELECT row_number(*) OVER () FROM numerics;
CREATE AGGREGATE pg_temp.nothing(*) (sfunc = int8inc, stype = int8, initcond = '0');
SELECT pg_temp.nothing() FROM numerics;
SELECT pg_temp.nothing() OVER () FROM numerics;
SELECT pg_temp.nothing(*) FROM numerics;
SELECT DISTINCT pg_temp.nothing(*) OVER () FROM numerics;
-- The last window that is computed decides on the order of the rows.
CREATE TABLE pay (dep text, no int, pay int, since date);
INSERT INTO pay VALUES ('develop', 10, 5200, '2007-08-01'), ('sales', 1, 5000, '2006-10-01'), ('personnel', 5, 3500, '2007-12-10'),
('sales', 4, 4800, '2007-08-08'), ('personnel', 2, 3900, '2006-12-23'), ('develop', 7, 4200, '2008-01-01'), ('develop', 9, 4500, '2008-01-02'),
('sales', 3, 4700, '2007-08-01'), ('develop', 8, 6000, '2006-10-02'), ('develop', 11, 5201, '2007-08-15');
SELECT sum(pay), row_number() OVER (ORDER BY dep), sum(sum(pay)) OVER (ORDER BY dep DESC) FROM pay GROUP BY dep;
SELECT sum(pay), sum(sum(pay)) OVER (ORDER BY dep DESC), row_number() OVER (ORDER BY dep) FROM pay GROUP BY dep;
SELECT dep, no, row_number() OVER (PARTITION BY dep ORDER BY since), row_number() OVER (PARTITION BY dep ORDER BY since DESC) FROM pay;
SELECT no, rank() OVER (ORDER BY pay), rank() OVER (ORDER BY no) FROM pay;
SELECT no, rank() OVER (ORDER BY no), rank() OVER (ORDER BY pay) FROM pay;
SELECT dep, no, rank() OVER (PARTITION BY dep ORDER BY no), rank() OVER (ORDER BY dep, no, pay), count(*) OVER (ORDER BY pay DESC) FROM pay;
SELECT dep, no, rank() OVER w2, rank() OVER w1, count(*) OVER w1 FROM pay WINDOW w1 AS (PARTITION BY dep ORDER BY pay), w2 AS (ORDER BY no);
SELECT dep, no, rank() OVER w2, rank() OVER w1 FROM pay WINDOW w1 AS (ORDER BY no), w2 AS (PARTITION BY dep ORDER BY pay);
SELECT dep, no, rank() OVER (PARTITION BY dep ORDER BY dep DESC, no) FROM pay;
SELECT DISTINCT ON (no) no, pay, rank() OVER (ORDER BY pay) r, count(*) OVER (PARTITION BY dep) FROM pay ORDER BY no;
SELECT no, rank() OVER (ORDER BY pay NULLS FIRST), rank() OVER (ORDER BY pay) FROM pay;
-- Equal keys of a union.
SELECT x, y, first_value(y) OVER w, last_value(y) OVER w FROM (SELECT x, x AS y FROM generate_series(1, 5) AS x UNION ALL SELECT NULL, 42 UNION ALL SELECT NULL, 43) s
WINDOW w AS (ORDER BY x DESC NULLS FIRST RANGE BETWEEN 2 PRECEDING AND 2 FOLLOWING);
SELECT x, y FROM (SELECT x, x AS y FROM generate_series(1, 5) AS x UNION ALL SELECT NULL, 42 UNION ALL SELECT NULL, 43) s ORDER BY x DESC NULLS FIRST;
-- Users' window functions.
CREATE FUNCTION nth_value_def(val anyelement, n integer = 1) RETURNS anyelement LANGUAGE internal WINDOW IMMUTABLE STRICT AS 'window_nth_value';
SELECT nth_value_def(n := 2, val := no) OVER (PARTITION BY dep ORDER BY no ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING), no, dep FROM pay ORDER BY dep, no;
SELECT nth_value_def(no) OVER (PARTITION BY dep ORDER BY no), no, dep FROM pay ORDER BY dep, no;
SELECT nth_value_def(no) FROM pay;
SELECT nth_value_def(no, 0) OVER () FROM pay;
SELECT nth_value_def(DISTINCT no) OVER () FROM pay;
CREATE FUNCTION my_rank() RETURNS bigint LANGUAGE internal WINDOW AS 'window_rank';
SELECT my_rank() OVER (ORDER BY dep), dep FROM pay ORDER BY no;
SELECT prokind, prosrc FROM pg_proc WHERE proname IN ('my_rank', 'nth_value_def') ORDER BY 2;
SELECT pg_get_functiondef('my_rank'::regproc);
CREATE OR REPLACE FUNCTION my_rank() RETURNS bigint LANGUAGE internal AS 'window_rank';
CREATE OR REPLACE FUNCTION my_rank() RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';
CREATE FUNCTION bad_rank() RETURNS bigint LANGUAGE internal WINDOW AS 'no_such_function';
CREATE VIEW ranks AS SELECT my_rank() OVER (ORDER BY dep), dep FROM pay;
SELECT pg_get_viewdef('ranks');
DROP FUNCTION my_rank();
DROP FUNCTION my_rank() CASCADE;
-- Moving aggregates.
CREATE FUNCTION logging_sfunc_nonstrict(text, anyelement) RETURNS text AS 'SELECT COALESCE($1, '''') || ''*'' || quote_nullable($2)' LANGUAGE SQL IMMUTABLE;
CREATE FUNCTION logging_msfunc_nonstrict(text, anyelement) RETURNS text AS 'SELECT COALESCE($1, '''') || ''+'' || quote_nullable($2)' LANGUAGE SQL IMMUTABLE;
CREATE FUNCTION logging_minvfunc_nonstrict(text, anyelement) RETURNS text AS 'SELECT $1 || ''-'' || quote_nullable($2)' LANGUAGE SQL IMMUTABLE;
CREATE AGGREGATE logging_agg_nonstrict (anyelement) (stype = text, sfunc = logging_sfunc_nonstrict, mstype = text, msfunc = logging_msfunc_nonstrict, minvfunc = logging_minvfunc_nonstrict);
CREATE AGGREGATE logging_agg_nonstrict_initcond (anyelement) (stype = text, sfunc = logging_sfunc_nonstrict, mstype = text, msfunc = logging_msfunc_nonstrict, minvfunc = logging_minvfunc_nonstrict, initcond = 'I', minitcond = 'MI');
CREATE FUNCTION logging_sfunc_strict(text, anyelement) RETURNS text AS 'SELECT $1 || ''*'' || quote_nullable($2)' LANGUAGE SQL STRICT IMMUTABLE;
CREATE FUNCTION logging_msfunc_strict(text, anyelement) RETURNS text AS 'SELECT $1 || ''+'' || quote_nullable($2)' LANGUAGE SQL STRICT IMMUTABLE;
CREATE FUNCTION logging_minvfunc_strict(text, anyelement) RETURNS text AS 'SELECT $1 || ''-'' || quote_nullable($2)' LANGUAGE SQL STRICT IMMUTABLE;
CREATE AGGREGATE logging_agg_strict (text) (stype = text, sfunc = logging_sfunc_strict, mstype = text, msfunc = logging_msfunc_strict, minvfunc = logging_minvfunc_strict);
CREATE AGGREGATE logging_agg_strict_initcond (anyelement) (stype = text, sfunc = logging_sfunc_strict, mstype = text, msfunc = logging_msfunc_strict, minvfunc = logging_minvfunc_strict, initcond = 'I', minitcond = 'MI');
SELECT p::text || ',' || i::text || ':' || COALESCE(v::text, 'NULL') AS row, logging_agg_nonstrict(v) OVER wnd AS nstrict, logging_agg_nonstrict_initcond(v) OVER wnd AS nstrict_init,
 logging_agg_strict(v::text) OVER wnd AS strict, logging_agg_strict_initcond(v) OVER wnd AS strict_init
FROM (VALUES (1, 1, NULL), (1, 2, 'a'), (1, 3, 'b'), (1, 4, NULL), (1, 5, NULL), (1, 6, 'c'), (2, 1, NULL), (2, 2, 'x'), (3, 1, 'z')) AS t(p, i, v)
WINDOW wnd AS (PARTITION BY p ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) ORDER BY p, i;
SELECT p::text || ',' || i::text || ':' || CASE WHEN f THEN COALESCE(v::text, 'NULL') ELSE '-' END AS row, logging_agg_nonstrict(v) FILTER (WHERE f) OVER wnd AS nstrict,
 logging_agg_strict(v::text) FILTER (WHERE f) OVER wnd AS strict, logging_agg_strict_initcond(v) FILTER (WHERE f) OVER wnd AS strict_init
FROM (VALUES (1, 1, true, NULL), (1, 2, false, 'a'), (1, 3, true, 'b'), (1, 4, false, NULL), (1, 5, false, NULL), (1, 6, false, 'c'), (2, 1, false, NULL), (2, 2, true, 'x'), (3, 1, true, 'z')) AS t(p, i, f, v)
WINDOW wnd AS (PARTITION BY p ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) ORDER BY p, i;
SELECT i, logging_agg_strict(v::text) OVER wnd AS inverse, logging_agg_strict(v::text || CASE WHEN random() < 0 THEN '?' ELSE '' END) OVER wnd AS noinverse,
 logging_agg_strict(v::text) FILTER (WHERE random() >= 0) OVER wnd AS nofilter, logging_agg_strict((SELECT v::text)) OVER wnd AS sub
FROM (VALUES (1, 'a'), (2, 'b'), (3, 'c')) AS t(i, v) WINDOW wnd AS (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) ORDER BY i;
SELECT i, logging_agg_nonstrict(v) OVER (ORDER BY i ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING) AS ahead, logging_agg_nonstrict(v) OVER (ORDER BY i ROWS UNBOUNDED PRECEDING) AS grows,
 logging_agg_nonstrict(v) OVER (ORDER BY i ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS shrinks, logging_agg_nonstrict(v) OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) AS but
FROM (VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')) AS t(i, v) ORDER BY i;
CREATE FUNCTION sum_int_randrestart_minvfunc(int4, int4) RETURNS int4 AS 'SELECT CASE WHEN $2 < 30 THEN NULL ELSE $1 - $2 END' LANGUAGE SQL STRICT;
CREATE AGGREGATE sum_int_randomrestart (int4) (stype = int4, sfunc = int4pl, mstype = int4, msfunc = int4pl, minvfunc = sum_int_randrestart_minvfunc);
SELECT i, sum_int_randomrestart(i * 10) OVER (ORDER BY i ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) FROM generate_series(1, 6) i ORDER BY i;
CREATE FUNCTION nothing_minv(int4, int4) RETURNS int4 AS 'SELECT NULL::int4' LANGUAGE SQL;
CREATE FUNCTION nothing_ms(int4, int4) RETURNS int4 AS 'SELECT NULL::int4' LANGUAGE SQL;
CREATE AGGREGATE nothing_agg (int4) (stype = int4, sfunc = nothing_ms, mstype = int4, msfunc = nothing_ms, minvfunc = nothing_minv);
SELECT nothing_agg(i) OVER (ORDER BY i ROWS 1 PRECEDING) FROM generate_series(1, 3) i;
SELECT nothing_agg(i) OVER (ORDER BY i) FROM generate_series(1, 3) i;
CREATE AGGREGATE changing (int4) (stype = int4, sfunc = int4pl, finalfunc_modify = read_write, mstype = int4, msfunc = int4pl, minvfunc = int4mi);
SELECT changing(i) OVER (ORDER BY i) FROM generate_series(1, 3) i;
CREATE AGGREGATE always_changing (int4) (stype = int4, sfunc = int4pl, finalfunc = int4abs, finalfunc_modify = shareable);
SELECT always_changing(i) OVER (ORDER BY i) FROM generate_series(1, 3) i;
SELECT always_changing(i) FROM generate_series(1, 3) i;
-- Constants are shown in the session's formats.
CREATE VIEW constants AS SELECT '1 day 02:00'::interval AS i, '2001-02-03'::date AS d, '2001-02-03 04:05'::timestamp AS t, '0.1'::float8 AS f, '\x01ff'::bytea AS b, '{2001-02-03}'::date[] AS a, '[2001-02-03,2002-03-04)'::daterange AS r, 'x'::text AS x;
CREATE TABLE dated (d date DEFAULT '2001-02-03', CHECK (d < '2002-03-04'), i interval DEFAULT '1 day') PARTITION BY RANGE (d);
CREATE TABLE dated_1 PARTITION OF dated FOR VALUES FROM ('2001-01-01') TO ('2002-01-01');
SET IntervalStyle = postgres_verbose;
SET DateStyle = German;
SET extra_float_digits = 0;
SET bytea_output = escape;
SELECT pg_get_viewdef('constants');
\d dated
\d+ dated_1
SET IntervalStyle = iso_8601;
SET DateStyle = 'SQL, DMY';
SELECT pg_get_viewdef('constants', true);
SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'dated'::regclass ORDER BY adnum;
