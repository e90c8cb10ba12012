-- Composite types: values, fields, assignment to parts, comparison.
CREATE TYPE pair AS (a int, b text);
CREATE TABLE r (id int, p pair, ps pair[], n int[]);
INSERT INTO r VALUES (1, ROW(1, 'x'), NULL, '{1,2,3}'), (2, '(2,"y z")', ARRAY[ROW(1, 'q')::pair], NULL);
SELECT * FROM r ORDER BY id;
SELECT id, (p).a, (p).b, (ps[1]).b FROM r ORDER BY id;
SELECT (p).* FROM r ORDER BY id;
SELECT '(1,'::pair;
SELECT '(1,2,3)'::pair;
SELECT '(1,2) x'::pair;
SELECT '(,)'::pair, '(,)'::pair IS NULL AS n, ROW(1, NULL)::pair IS NOT NULL AS nn;
SELECT ROW(1, 'b')::pair < ROW(1, 'c')::pair AS lt, ROW(2, 'a')::pair = ROW(2, 'a')::pair AS eq;
SELECT id FROM r ORDER BY p DESC;
UPDATE r SET p.a = 10 WHERE id = 1;
UPDATE r SET n[5] = 50 WHERE id = 1;
UPDATE r SET n[2:3] = '{20,30}', p.b = 'new' WHERE id = 1;
UPDATE r SET n[0] = 7 WHERE id = 2;
UPDATE r SET ps[1].a = 99 WHERE id = 2;
UPDATE r SET p.c = 1;
UPDATE r SET n.a = 1;
UPDATE r SET id[1] = 1;
UPDATE r SET n[NULL] = 1;
UPDATE r SET p.a = 1, p.a = 2 WHERE id = 2;
INSERT INTO r (id, p.a, n[2], n[3]) VALUES (3, 33, 2, 3);
SELECT * FROM r ORDER BY id;
UPDATE r SET (id, p) = (30, ROW(0, 'z')) WHERE id = 3;
SELECT r FROM r ORDER BY id;
SELECT (r).id, (r).p FROM r ORDER BY id;
SELECT (r.p).b FROM r ORDER BY id;
CREATE TYPE pair AS (x int);
CREATE TYPE dup AS (x int, x int);
ALTER TYPE pair ADD ATTRIBUTE c int;
SELECT id, (p).c FROM r ORDER BY id;
ALTER TYPE pair RENAME ATTRIBUTE c TO d;
SELECT attname, attnum, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'pair'::regclass ORDER BY attnum;
-- The order of what depends differs.
\set VERBOSITY terse
DROP TYPE pair;
\set VERBOSITY default
DROP TABLE r;
ALTER TYPE pair DROP ATTRIBUTE a;
ALTER TYPE pair ALTER ATTRIBUTE d TYPE text;
\d pair
DROP TYPE pair;
