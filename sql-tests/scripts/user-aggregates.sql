CREATE FUNCTION inf() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE OR REPLACE FUNCTION inf() RETURNS int LANGUAGE sql AS 'SELECT inf()';
\set VERBOSITY terse
SELECT inf();
DROP FUNCTION inf();
\set VERBOSITY default
-- aggregates
CREATE FUNCTION addi(int, int) RETURNS int LANGUAGE sql IMMUTABLE STRICT AS 'SELECT $1 + $2';
CREATE AGGREGATE mysum(int) (sfunc = addi, stype = int);
CREATE AGGREGATE mysum0(int) (sfunc = int4pl, stype = int4, initcond = '100');
CREATE AGGREGATE myavg (basetype = int4, sfunc = int4_avg_accum, stype = _int8, finalfunc = int8_avg, initcond1 = '{0,0}');
CREATE AGGREGATE newcnt (sfunc = int8inc, basetype = 'any', stype = int8, initcond = '0');
CREATE AGGREGATE newcnt2 ("any") (sfunc = int8inc_any, stype = int8, initcond = '0');
CREATE AGGREGATE cat(anyelement) (sfunc = array_append, stype = anyarray, initcond = '{}');
SELECT mysum(g), mysum0(g), myavg(g), newcnt(*), newcnt2(g), cat(g) FROM generate_series(1,4) g;
SELECT mysum(g), mysum0(g), myavg(g), newcnt(*), newcnt2(g), cat(g) FROM generate_series(1,0) g;
SELECT g % 2, mysum(g), cat(g ORDER BY g DESC), cat(DISTINCT g % 3), mysum(g) FILTER (WHERE g > 3) FROM generate_series(1,6) g GROUP BY 1 ORDER BY 1;
SELECT cat(x) FROM (VALUES ('a'::text), ('b'), (NULL)) v(x);
CREATE AGGREGATE bad1(int) (stype = int);
CREATE AGGREGATE bad2(int) (sfunc = int4pl);
CREATE AGGREGATE bad3(int) (sfunc = nosuch, stype = int);
CREATE AGGREGATE bad4(int) (sfunc = int4larger, stype = text);
CREATE AGGREGATE bad5(text) (sfunc = addi, stype = int);
\da mysum
DROP FUNCTION addi(int,int);
DROP FUNCTION mysum(int);
DROP AGGREGATE mysum(int);
DROP AGGREGATE IF EXISTS mysum(int);
DROP AGGREGATE mysum(int);
DROP AGGREGATE mysum0(int), myavg(int), newcnt(*), newcnt2("any"), cat(anyelement);
DROP FUNCTION addi(int,int);
