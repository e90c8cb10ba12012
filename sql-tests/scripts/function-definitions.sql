CREATE FUNCTION add2(a int, b int DEFAULT 3+4, OUT c int) LANGUAGE sql IMMUTABLE STRICT COST 5 SET work_mem='64kB' AS $$ select a+b $$;
\sf add2
CREATE FUNCTION tt(x anyelement, VARIADIC y int[] DEFAULT '{1,2}') RETURNS TABLE(k int, "V" text) LANGUAGE sql STABLE SECURITY DEFINER LEAKPROOF PARALLEL SAFE ROWS 5 AS 'select 1, ''x''';
\sf tt
CREATE FUNCTION st(a int) RETURNS int RETURN a+1;
\sf st
CREATE PROCEDURE pp(a int, INOUT b text) LANGUAGE sql AS $$select b$$;
\sf pp
\df
select pg_get_function_arguments('tt'::regproc), pg_get_function_result('tt'::regproc), pg_get_function_identity_arguments('tt'::regproc), pg_get_function_arg_default('add2'::regproc, 2), 'add2'::regproc, 'add2(int,int)'::regprocedure;
SELECT proname, prokind, prolang, procost, prorows, provariadic::regtype, prosecdef, proleakproof, proisstrict, proretset, provolatile, proparallel, pronargs, pronargdefaults, prorettype::regtype, proargtypes, proallargtypes, proargmodes, proargnames, prosrc, proconfig FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY proname;
SELECT * FROM tt(1, 2, 3), tt('a'::text);
SELECT add2(1), add2(1, 2), add2(NULL);
-- rights
CREATE ROLE fn_user;
CREATE TABLE secret(x int);
INSERT INTO secret VALUES (42);
CREATE FUNCTION peek() RETURNS int LANGUAGE sql AS 'SELECT x FROM secret';
CREATE FUNCTION peek_def() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT x FROM secret';
CREATE FUNCTION who() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT current_user::text';
REVOKE EXECUTE ON FUNCTION who() FROM PUBLIC;
SET ROLE fn_user;
SELECT peek();
SELECT peek_def();
SELECT who();
DROP FUNCTION peek();
CREATE OR REPLACE FUNCTION peek() RETURNS int LANGUAGE sql AS 'SELECT 1';
RESET ROLE;
GRANT EXECUTE ON FUNCTION who() TO fn_user;
SET ROLE fn_user;
SELECT who(), current_user;
SELECT current_user;
RESET ROLE;
\df+ who
SELECT proacl FROM pg_proc WHERE proname = 'who';
ALTER FUNCTION who() OWNER TO fn_user;
SELECT who();
DROP ROLE fn_user;
DROP FUNCTION peek, peek_def, who;
DROP ROLE fn_user;
DROP TABLE secret;
-- SET clause
CREATE FUNCTION setf() RETURNS text LANGUAGE sql SET work_mem = '123kB' SET search_path = pg_catalog AS $$SELECT current_setting('work_mem') || current_setting('search_path')$$;
SHOW work_mem;
SELECT setf();
SHOW work_mem;
ALTER FUNCTION setf() RESET ALL;
SELECT setf() = current_setting('work_mem') || current_setting('search_path');
-- overloading
CREATE FUNCTION ov(int) RETURNS text LANGUAGE sql AS 'SELECT ''int''';
CREATE FUNCTION ov(text) RETURNS text LANGUAGE sql AS 'SELECT ''text''';
CREATE FUNCTION ov(numeric) RETURNS text LANGUAGE sql AS 'SELECT ''numeric''';
SELECT ov(1), ov('x'), ov(1.5), ov(1::bigint);
SELECT ov(true);
DROP FUNCTION ov;
DROP FUNCTION ov(int), ov(text), ov(numeric);
CREATE FUNCTION public.upper(text) RETURNS text LANGUAGE sql AS 'SELECT ''mine''';
SELECT upper('a'), public.upper('a');
SET search_path = public, pg_catalog;
SELECT upper('a');
RESET search_path;
DROP FUNCTION public.upper(text);
-- composite arguments and results
CREATE TABLE emp(name text, salary int);
INSERT INTO emp VALUES ('a', 10), ('b', 20);
CREATE FUNCTION dbl(emp) RETURNS int LANGUAGE sql AS 'SELECT $1.salary * 2';
SELECT name, dbl(emp), dbl(emp.*) FROM emp ORDER BY 1;
SELECT name, emp.dbl FROM emp ORDER BY 1;
CREATE FUNCTION new_emp() RETURNS emp LANGUAGE sql AS $$SELECT 'none'::text, 1$$;
SELECT new_emp();
SELECT (new_emp()).name, name(new_emp());
SELECT * FROM new_emp();
CREATE FUNCTION all_emps() RETURNS SETOF emp LANGUAGE sql STABLE AS 'SELECT * FROM emp';
SELECT * FROM all_emps() ORDER BY name;
SELECT name FROM all_emps() WHERE salary > 10;
CREATE FUNCTION rec() RETURNS record LANGUAGE sql AS 'SELECT 1, ''x''::text';
SELECT rec();
SELECT * FROM rec() AS r(a int, b text);
SELECT * FROM rec() AS r(a int, b int);
SELECT * FROM rec();
CREATE FUNCTION bigger(IN a int, INOUT b int, OUT c text) LANGUAGE sql AS 'SELECT b + a, ''c''::text';
SELECT bigger(1, 2), (bigger(1,2)).c;
SELECT * FROM bigger(3, 4) WITH ORDINALITY;
DROP TABLE emp;
DROP TABLE emp CASCADE;
DROP FUNCTION add2, tt, st, setf, rec, bigger;
DROP PROCEDURE pp;
