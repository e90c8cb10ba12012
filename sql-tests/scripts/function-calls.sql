-- polymorphic
create function polyf(x anyelement) returns anyelement as $$
  select x + 1
$$ language sql;
select polyf(42) as int, polyf(4.5) as num;
select polyf(true);
drop function polyf(x anyelement);
create function polyf(x anyelement) returns anyarray as $$
  select array[x + 1, x + 2]
$$ language sql;
select polyf(42) as int, polyf(4.5) as num;
drop function polyf(x anyelement);
create function polyf(x anyarray) returns anyelement as $$
  select x[1]
$$ language sql;
select polyf(array[2,4]) as int, polyf(array[4.5, 7.7]) as num;
select polyf(stavalues1) from pg_statistic;
drop function polyf(x anyarray);
create function polyf(x anyelement) returns anyrange as $$
  select array[x + 1, x + 2]
$$ language sql;
create function polyf(x anyrange) returns anyarray as $$
  select array[lower(x), upper(x)]
$$ language sql;
select polyf(int4range(42, 49)) as int, polyf(numrange(4.5, 7.8)) as num;
drop function polyf(x anyrange);
create function polyf(x anycompatible, y anycompatible) returns anycompatiblearray as $$
  select array[x, y]
$$ language sql;
select polyf(2, 4) as int, polyf(2, 4.5) as num;
drop function polyf(x anycompatible, y anycompatible);
create function dfunc(a int = 1, int = 2) returns int as $$ select $1 + $2; $$ language sql;
select dfunc(); select dfunc(10); select dfunc(10, 20); select dfunc(10, 20, 30);
drop function dfunc();
drop function dfunc(int);
drop function dfunc(int, int);
create function dfunc(a int = 1, b int) returns int as $$ select $1 + $2; $$ language sql;
create function dfunc(a int = 1, out sum int, b int = 2) as $$ select $1 + $2; $$ language sql;
select dfunc();
\df dfunc
drop function dfunc(int, int);
create function dfunc(a int DEFAULT 1.0, int DEFAULT '-1') returns int as $$ select $1 + $2; $$ language sql;
select dfunc();
create function dfunc(a text DEFAULT 'Hello', b text DEFAULT 'World') returns text as $$ select $1 || ', ' || $2; $$ language sql;
select dfunc();
select dfunc('Hi'); select dfunc(10, 20);
drop function dfunc(int, int);
drop function dfunc(text, text);
create function dfunc(int = 1, int = 2) returns int as $$ select 2; $$ language sql;
create function dfunc(int = 1, int = 2, int = 3, int = 4) returns int as $$ select 4; $$ language sql;
select dfunc(); select dfunc(1); select dfunc(1, 2); select dfunc(1, 2, 3);
drop function dfunc(int, int); drop function dfunc(int, int, int, int);
create function dfunc(out int = 20) returns int as $$ select 1; $$ language sql;
create function dfunc(anyelement = 'World'::text) returns text as $$ select 'Hello, ' || $1::text; $$ language sql;
select dfunc(); select dfunc(0); select dfunc(to_date('20081215','YYYYMMDD'));
drop function dfunc(anyelement);
create function dfunc(a variadic int[]) returns int as $$ select array_upper($1, 1) $$ language sql;
select dfunc(); select dfunc(10); select dfunc(10,20);
create or replace function dfunc(a variadic int[] default array[]::int[]) returns int as $$ select array_upper($1, 1) $$ language sql;
select dfunc(); select dfunc(10);
create or replace function dfunc(a variadic int[]) returns int as $$ select array_upper($1, 1) $$ language sql;
drop function dfunc(a variadic int[]);
create function dfunc(int = 1, text default 'x', out a int, out b text) language sql as 'select $1, $2';
select * from dfunc(); select * from dfunc(10), dfunc(2,'b') as d2;
drop function dfunc(int, text);
create function dfunc(a int, b int, c int = 0, d int = 0) returns table (a int, b int, c int, d int) as $$ select $1, $2, $3, $4; $$ language sql;
create function dfunc(a int, b int, c int = 0, d int = 0) returns table (w int, x int, y int, z int) as $$ select $1, $2, $3, $4; $$ language sql;
select (dfunc(10,20,30)).*;
select (dfunc(a := 10, b := 20, c := 30)).*;
select * from dfunc(10, b := 20, d := 40);
select * from dfunc(x := 20, b := 10, x := 30);
select * from dfunc(10, 10, a := 20);
select * from dfunc(1,c := 2,d := 3);
drop function dfunc(int, int, int, int);
-- rangefuncs
CREATE TABLE rngfunc (rngfuncid int, rngfuncsubid int, rngfuncname text, primary key(rngfuncid,rngfuncsubid));
INSERT INTO rngfunc VALUES(1,1,'Joe'); INSERT INTO rngfunc VALUES(1,2,'Ed'); INSERT INTO rngfunc VALUES(2,1,'Mary');
CREATE FUNCTION getrngfunc1(int) RETURNS int AS 'SELECT $1;' LANGUAGE SQL;
SELECT * FROM getrngfunc1(1) AS t1;
SELECT * FROM getrngfunc1(1) WITH ORDINALITY AS t1(v,o);
CREATE VIEW vw_getrngfunc AS SELECT * FROM getrngfunc1(1);
SELECT * FROM vw_getrngfunc;
DROP VIEW vw_getrngfunc;
CREATE VIEW vw_getrngfunc AS SELECT * FROM getrngfunc1(1) WITH ORDINALITY as t1(v,o);
SELECT * FROM vw_getrngfunc;
DROP VIEW vw_getrngfunc;
CREATE FUNCTION getrngfunc2(int) RETURNS setof int AS 'SELECT rngfuncid FROM rngfunc WHERE rngfuncid = $1;' LANGUAGE SQL;
SELECT * FROM getrngfunc2(1) AS t1;
SELECT * FROM getrngfunc2(1) WITH ORDINALITY AS t1(v,o);
CREATE FUNCTION getrngfunc4(int) RETURNS rngfunc AS 'SELECT * FROM rngfunc WHERE rngfuncid = $1;' LANGUAGE SQL;
SELECT * FROM getrngfunc4(1) AS t1;
CREATE FUNCTION getrngfunc5(int) RETURNS setof rngfunc AS 'SELECT * FROM rngfunc WHERE rngfuncid = $1;' LANGUAGE SQL;
SELECT * FROM getrngfunc5(1) WITH ORDINALITY AS t1(a,b,c,o);
CREATE FUNCTION getrngfunc6(int) RETURNS RECORD AS 'SELECT * FROM rngfunc WHERE rngfuncid = $1;' LANGUAGE SQL;
SELECT * FROM getrngfunc6(1) AS t1(rngfuncid int, rngfuncsubid int, rngfuncname text);
SELECT * FROM ROWS FROM( getrngfunc6(1) AS (rngfuncid int, rngfuncsubid int, rngfuncname text) ) WITH ORDINALITY;
CREATE FUNCTION getrngfunc7(int) RETURNS setof record AS 'SELECT * FROM rngfunc WHERE rngfuncid = $1;' LANGUAGE SQL;
SELECT * FROM getrngfunc7(1) AS t1(rngfuncid int, rngfuncsubid int, rngfuncname text);
select * from rows from(getrngfunc1(1),getrngfunc2(1),getrngfunc4(1),getrngfunc5(1)) with ordinality as t1(a,b,c,d,e,f,g,h,i);
SELECT *, (select count(*) from getrngfunc2(r.rngfuncid)) FROM rngfunc r ORDER BY 1,2;
SELECT r.rngfuncid, s.* FROM rngfunc r, LATERAL getrngfunc5(r.rngfuncid) s ORDER BY 1,2,3;
CREATE FUNCTION dup(f1 anyelement, f2 out anyelement, f3 out anyarray) AS 'select $1, array[$1,$1]' LANGUAGE sql;
SELECT dup(22); SELECT dup('xyz'::text); SELECT * FROM dup('xyz'::text);
CREATE FUNCTION bad (f1 int, out f2 anyelement, out f3 anyarray) AS 'select $1, array[$1,$1]' LANGUAGE sql;
CREATE OR REPLACE FUNCTION rngfunc() RETURNS TABLE(a int) AS $$ SELECT a FROM generate_series(1,5) a(a) $$ LANGUAGE sql;
SELECT * FROM rngfunc(); SELECT rngfunc();
create function rngfunct() returns setof text as $$ insert into rngfunc values (7,7,'a'), (8,8,'b') returning rngfuncname $$ language sql;
select rngfunct(), 1; select * from rngfunct_nosuch(); select count(*) from rngfunc;
create function sin_sum(numeric) returns numeric language sql as 'select sum(x) from generate_series(1, $1) x';
select sin_sum(3), sin_sum(v) from (values (2),(4)) t(v);
drop function sin_sum, rngfunct, rngfunc, dup, getrngfunc1, getrngfunc2, getrngfunc6, getrngfunc7;
drop table rngfunc cascade;
-- procedures
CREATE TABLE cp_test (a int, b text);
CREATE PROCEDURE ptest1(x text) LANGUAGE SQL AS $$ INSERT INTO cp_test VALUES (1, x); $$;
\df ptest1
SELECT ptest1('x');
CALL ptest1('a'); CALL ptest1('xy' || 'zzy'); CALL ptest1(substring(random()::numeric(20,15)::text, 1, 1));
SELECT count(*) FROM cp_test;
CREATE PROCEDURE ptest3(y text) LANGUAGE SQL AS $$ CALL ptest1(y); CALL ptest1($1); $$;
CREATE PROCEDURE ptest4a(INOUT a int, INOUT b int) LANGUAGE SQL AS $$ SELECT 1, 2; $$;
CALL ptest4a(NULL, NULL);
CREATE PROCEDURE ptest6(a anyelement, b anyelement) LANGUAGE SQL AS $$ SELECT NULL::int; $$;
CALL ptest6(1, 2);
CREATE PROCEDURE ptest7(a text, b text) LANGUAGE SQL AS $$ SELECT a = b; $$;
CALL ptest7(least('a', 'b'), 'a');
CREATE PROCEDURE ptest9(OUT a int) LANGUAGE SQL AS $$ INSERT INTO cp_test VALUES (1, 'a'); SELECT 1; $$;
CALL ptest9(NULL); CALL ptest9(1./0.);
CREATE PROCEDURE ptest10(OUT a int, IN b int, IN c int) LANGUAGE SQL AS $$ SELECT b - c; $$;
CALL ptest10(null, 7, 4); CALL ptest10(a => null, b => 8, c => 2); CALL ptest10(null, 7, c => 2); CALL ptest10(null, c => 4, b => 11);
CALL version(); CALL sum(1);
CREATE PROCEDURE ptestx() LANGUAGE SQL WINDOW AS $$ INSERT INTO cp_test VALUES (1, 'a') $$;
CREATE PROCEDURE ptestx() LANGUAGE SQL STRICT AS $$ INSERT INTO cp_test VALUES (1, 'a') $$;
CREATE PROCEDURE ptestx(a VARIADIC int[], b OUT int) LANGUAGE SQL AS $$ SELECT a[1] $$;
CREATE PROCEDURE ptestx(a int DEFAULT 42, b OUT int) LANGUAGE SQL AS $$ SELECT a $$;
ALTER PROCEDURE ptest1(text) STRICT;
ALTER FUNCTION ptest1(text) VOLATILE;
ALTER PROCEDURE nonexistent(text) VOLATILE;
DROP FUNCTION ptest1(text); DROP PROCEDURE nonexistent();
DROP ROUTINE ptest1(text);
DROP PROCEDURE ptest3, ptest4a, ptest6, ptest7, ptest9, ptest10;
DROP TABLE cp_test;
-- operators
CREATE FUNCTION addtwo(int, int) RETURNS int LANGUAGE sql AS 'SELECT $1 + $2 + 1000' IMMUTABLE;
CREATE OPERATOR +++ (leftarg = int, rightarg = int, procedure = addtwo, commutator = +++);
SELECT 1 +++ 2, 5 OPERATOR(public.+++) 6;
CREATE OPERATOR ### (rightarg = int8, procedure = numeric_fac);
CREATE OPERATOR #%# (leftarg = int8, procedure = factorial);
CREATE OPERATOR #@%# (rightarg = int8, function = factorial);
CREATE OPERATOR #*# (leftarg = SETOF int8, procedure = factorial);
CREATE OPERATOR !=- (rightarg = int8, function = factorial);
SELECT !=- 10;
SELECT 10 !=-;
CREATE OPERATOR === (leftarg = int, rightarg = int, procedure = int4eq, commutator = ===, restrict = eqsel, join = eqjoinsel, hashes, merges);
SELECT 1 === 1, 1 === 2;
SELECT oprname, oprleft::regtype, oprright::regtype, oprresult::regtype, oprcode, oprcanhash, oprcanmerge, oprcom = oid FROM pg_operator WHERE oprnamespace = 'public'::regnamespace ORDER BY 1,2;
DROP FUNCTION addtwo(int,int);
DROP OPERATOR +++ (int, int); DROP OPERATOR +++ (int,int);
DROP OPERATOR IF EXISTS +++ (int, int);
DROP OPERATOR !=- (none, int8), #@%# (none, int8), === (int, int);
DROP FUNCTION addtwo(int,int);
