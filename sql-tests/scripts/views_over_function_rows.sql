-- Views over functions that give rows of a relation keep the columns they had; several unnests in FROM; column definition lists.
\set VERBOSITY verbose
\set SHOW_CONTEXT never
CREATE TABLE fr_users (userid text, seq int, email text, todrop bool, moredrop int, enabled bool);
INSERT INTO fr_users VALUES ('id', 1, 'email', true, 11, true), ('id2', 2, 'email2', true, 12, true);
ALTER TABLE fr_users DROP COLUMN todrop;
CREATE FUNCTION fr_get_users() RETURNS SETOF fr_users LANGUAGE sql STABLE AS $$ SELECT * FROM fr_users ORDER BY userid $$;
CREATE VIEW fr_v AS SELECT * FROM ROWS FROM (fr_get_users(), generate_series(10, 11)) WITH ORDINALITY;
CREATE VIEW fr_w AS SELECT seq, o FROM fr_get_users() WITH ORDINALITY u(a, seq, c, d, e, o);
SELECT * FROM fr_v;
ALTER TABLE fr_users ADD COLUMN junk text;
SELECT * FROM fr_v;
SELECT * FROM fr_w;
SELECT pg_get_viewdef('fr_v');
SELECT pg_get_viewdef('fr_w');
ALTER TABLE fr_users DROP COLUMN moredrop;
ALTER TABLE fr_users ALTER COLUMN seq TYPE numeric;
ALTER TABLE fr_users RENAME COLUMN email TO mail;
SELECT pg_get_viewdef('fr_v');
SELECT * FROM fr_v;
DROP VIEW fr_v;
ALTER TABLE fr_users DROP COLUMN moredrop;
SELECT * FROM fr_w;
ALTER TABLE fr_users DROP COLUMN seq;
DROP VIEW fr_w;
CREATE VIEW fr_u AS SELECT v.n, z.* FROM (VALUES (1)) v(n)
  JOIN ROWS FROM (unnest(ARRAY[10, 20]), unnest(ARRAY['foo', 'bar']), unnest(ARRAY[1.0])) WITH ORDINALITY z(a, b, c, ord) ON n = ord;
SELECT * FROM fr_u;
SELECT pg_get_viewdef('fr_u');
CREATE VIEW fr_u2 AS SELECT * FROM unnest(ARRAY[1, 2], ARRAY['a']) q(m, n), ROWS FROM (unnest(ARRAY[1]), generate_series(1, 2)) r(x, y),
  ROWS FROM (json_to_record('{"z": 1}') AS (z int)) WITH ORDINALITY jj, json_to_record('{"y": 1}') AS k(w int), CAST(1 AS text) ct;
SELECT pg_get_viewdef('fr_u2');
CREATE FUNCTION fr_rec(int) RETURNS SETOF record LANGUAGE sql AS 'SELECT $1, ''x''::text';
SELECT * FROM fr_rec(1) WITH ORDINALITY AS t(a int, b text);
SELECT * FROM ROWS FROM (fr_rec(1), fr_rec(2)) AS t(a int, b text);
SELECT * FROM unnest(ARRAY[1], ARRAY[2]) AS t(a int, b text);
SELECT * FROM ROWS FROM (fr_rec(1) AS (a int, b text)) WITH ORDINALITY AS t(x, y, o);
CREATE FUNCTION fr_out(a int DEFAULT 1, OUT int, OUT text) LANGUAGE sql AS 'SELECT 1, ''x''::text';
SELECT * FROM fr_out();
CREATE VIEW fr_win AS SELECT rank() OVER (w ROWS UNBOUNDED PRECEDING), sum(g) OVER (ORDER BY g ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
  FROM generate_series(1, 3) g WINDOW w AS (ORDER BY g);
SELECT pg_get_viewdef('fr_win');
-- Parameters that are rows.
CREATE TABLE fr_c (f1 int, f2 text);
CREATE FUNCTION fr_c1(v fr_c) RETURNS void LANGUAGE sql AS $$ INSERT INTO fr_c VALUES (v.*) $$;
CREATE FUNCTION fr_c2(v fr_c) RETURNS fr_c LANGUAGE sql AS $$ SELECT v.* $$;
CREATE FUNCTION fr_c3(fr_c) RETURNS SETOF fr_c LANGUAGE sql AS $$ VALUES ($1.*) $$;
CREATE FUNCTION fr_c4(v fr_c) RETURNS text LANGUAGE sql AS $$ SELECT row(v.*)::text || fr_c4.v.f2 $$;
SELECT fr_c1(row(1, 'one'));
SELECT * FROM fr_c;
SELECT fr_c2(row(2, 'two')), fr_c3(row(3, 'three')), fr_c4(row(4, 'four'));
-- Rows inside rows, and what rows lack.
CREATE TYPE fr_complex AS (r float8, i float8);
CREATE TYPE fr_quad AS (c1 fr_complex, c2 fr_complex);
CREATE TABLE fr_q (n int, q fr_quad, c fr_c);
INSERT INTO fr_q VALUES (1, ((null, 4.4), ('5.5', 6.6)), (1, 'x'));
UPDATE fr_q SET q.c1 = 3;
UPDATE fr_q SET q.c1.r = q.c1.i;
SELECT (q).nosuch FROM fr_q;
SELECT (fr_q).nosuch FROM fr_q;
SELECT (row(1, 2.0)).f3;
ALTER TABLE fr_c ADD COLUMN f3 int;
SELECT * FROM fr_q;
CREATE TYPE fr_point AS (a int, b point);
SELECT row(1, '(1,2)')::fr_point < row(1, '(1,3)')::fr_point;
SELECT row(1, '(1,2)')::fr_point = row(1, '(1,3)')::fr_point;
SELECT array[point '(1,1)'] = array[point '(1,1)'];
SELECT array['1'::json] = array['1'::json];
SELECT array_position(array[point '(1,1)'], point '(1,1)');
-- Rows of children.
CREATE TABLE fr_base (i int);
CREATE TABLE fr_derived (j int) INHERITS (fr_base);
CREATE TABLE fr_more (k int) INHERITS (fr_derived);
INSERT INTO fr_derived VALUES (0, 1);
SELECT fr_derived::fr_base FROM fr_derived;
SELECT NULL::fr_derived::fr_base, row(1, 2, 3)::fr_more::fr_derived::fr_base, row(1, 2, 3)::fr_more::fr_base;
CREATE FUNCTION fr_of_base(fr_base) RETURNS int LANGUAGE sql AS 'SELECT $1.i';
SELECT fr_of_base(d), d.fr_of_base FROM fr_derived d;
