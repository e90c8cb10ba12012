-- FROM items that read those to their left.
CREATE TABLE pack (name text, depends text[], n int);
INSERT INTO pack VALUES ('a', '{b,c}', 2), ('b', '{c}', 1), ('c', '{}', 0), ('d', NULL, 3);
SELECT d FROM pack, unnest(depends) AS d ORDER BY d;
SELECT d, count(*) FROM pack, unnest(depends) AS d GROUP BY d ORDER BY 2 DESC, 1;
SELECT name, d, o FROM pack, unnest(depends) WITH ORDINALITY AS u (d, o) ORDER BY 1, 3;
SELECT name, i FROM pack, generate_series(1, n) AS i ORDER BY 1, 2;
SELECT name, i FROM pack LEFT JOIN LATERAL generate_series(1, n) AS i ON i > 1 ORDER BY 1, 2;
SELECT p.name, q.name FROM pack p, LATERAL (SELECT name FROM pack WHERE pack.n < p.n ORDER BY n DESC LIMIT 1) q ORDER BY 1;
SELECT p.name, s FROM pack p CROSS JOIN LATERAL (SELECT sum(n) FROM pack q WHERE q.name = ANY (p.depends)) x (s) ORDER BY 1;
SELECT x FROM pack p, LATERAL (VALUES (p.n), (p.n * 10)) v (x) ORDER BY 1;
WITH RECURSIVE needs (name) AS (SELECT 'a'::text UNION SELECT d FROM needs JOIN pack p USING (name), unnest(p.depends) AS d)
  SELECT name FROM needs ORDER BY name;
SELECT p.name, count(d) FROM pack p LEFT JOIN LATERAL unnest(p.depends) d ON true GROUP BY p.name ORDER BY 1;
SELECT (SELECT string_agg(d, ',' ORDER BY d) FROM unnest(depends) d) FROM pack ORDER BY 1;
UPDATE pack SET n = x.c FROM (SELECT name, count(*)::int AS c FROM pack, unnest(depends) GROUP BY name) x WHERE x.name = pack.name RETURNING pack.name, n;
DROP TABLE pack;
-- An order by columns of the joined side, where the driving side has one row.
CREATE TABLE o (id int PRIMARY KEY, c text);
CREATE TABLE l (id int PRIMARY KEY, o int, n int);
CREATE INDEX ON l (o);
INSERT INTO o VALUES (1, 'x'), (2, 'y');
INSERT INTO l VALUES (1, 1, 5), (2, 1, 9), (3, 1, 7), (4, 2, 1), (5, 1, 9);
SELECT l.id, l.n FROM o, l WHERE o.id = 1 AND l.o = o.id ORDER BY l.n DESC, l.id;
SELECT l.id, l.n FROM o LEFT JOIN l ON l.o = o.id WHERE o.id = 1 ORDER BY l.n, l.id DESC;
SELECT l.id, l.n FROM o, l WHERE o.id = 1 AND l.o = o.id ORDER BY o.c, l.n DESC, l.id DESC LIMIT 2;
SELECT o.c, l.n FROM o JOIN l ON l.o = o.id WHERE o.id IN (1, 2) ORDER BY o.id DESC, l.n LIMIT 3;
DROP TABLE o, l;
