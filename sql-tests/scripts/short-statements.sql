-- Groups, unions, subqueries and common tables over few rows: statements that run without the planner of large ones.
CREATE TABLE ss_a (id int PRIMARY KEY, k int, t text, n numeric);
CREATE TABLE ss_b (id int PRIMARY KEY, a int REFERENCES ss_a, v int);
CREATE INDEX ON ss_b (a);
INSERT INTO ss_a SELECT i, nullif(i % 4, 3), 'n' || i % 3, i % 2 + CASE WHEN i % 3 = 0 THEN 0.0 ELSE 0.00 END FROM generate_series(1, 12) AS i;
INSERT INTO ss_b SELECT i, i % 10 + 1, nullif(i * 7 % 5, 0) FROM generate_series(1, 30) AS i;
ANALYZE ss_a, ss_b;

-- Groups.
SELECT k, count(*), sum(id), min(t), max(n) FROM ss_a GROUP BY k ORDER BY k;
SELECT k, t, count(*) FILTER (WHERE id > 4), count(DISTINCT n) FROM ss_a GROUP BY k, t HAVING count(*) > 0 AND k IS NOT NULL ORDER BY k, t;
SELECT n, count(*) FROM ss_a GROUP BY n ORDER BY n;
SELECT k + 1 AS x, avg(id)::numeric(10, 2) FROM ss_a WHERE id <= 8 GROUP BY k + 1 HAVING k + 1 < 3 ORDER BY 1;
SELECT count(*), sum(id) FROM ss_a WHERE false;
SELECT k, count(*) FROM ss_a WHERE false GROUP BY k;
SELECT t, array_agg(DISTINCT k ORDER BY k) FROM ss_a GROUP BY t ORDER BY t;
SELECT a.t, count(b.id), coalesce(sum(b.v), 0) FROM ss_a a LEFT JOIN ss_b b ON b.a = a.id GROUP BY a.t ORDER BY a.t;
SELECT DISTINCT count(*) FROM ss_b GROUP BY a ORDER BY 1;
SELECT x.c, count(*) FROM (SELECT a, count(*) AS c FROM ss_b GROUP BY a) AS x GROUP BY x.c ORDER BY 1;
SELECT sum(1 / (id - 3)) FROM ss_a GROUP BY k ORDER BY 1;

-- Unions.
SELECT id FROM ss_a WHERE id < 3 UNION ALL SELECT a FROM ss_b WHERE id < 4 ORDER BY 1;
SELECT k FROM ss_a UNION SELECT v FROM ss_b ORDER BY 1;
SELECT 1 AS x UNION SELECT 2 UNION ALL SELECT 1 UNION ALL SELECT 1 ORDER BY 1;
SELECT 1 AS x UNION ALL SELECT 1 UNION SELECT 1;
SELECT * FROM (SELECT id, t FROM ss_a UNION ALL SELECT id, v::text FROM ss_b) AS u WHERE id = 5 ORDER BY 2;
SELECT u.x, count(*) FROM (SELECT k AS x FROM ss_a UNION ALL SELECT v FROM ss_b) AS u GROUP BY u.x ORDER BY 1;
SELECT 1 UNION ALL SELECT 2 LIMIT 1;
SELECT NULL UNION SELECT NULL;
SELECT id FROM ss_a WHERE id < 5 INTERSECT SELECT a FROM ss_b ORDER BY 1;
SELECT id FROM ss_a EXCEPT SELECT a FROM ss_b ORDER BY 1;

-- Subqueries.
SELECT id, (SELECT count(*) FROM ss_b b WHERE b.a = a.id) FROM ss_a a ORDER BY id;
SELECT id, (SELECT b.v FROM ss_b b WHERE b.a = a.id ORDER BY b.id LIMIT 1) AS f FROM ss_a a WHERE id IN (1, 2, 11) ORDER BY id;
SELECT id FROM ss_a a WHERE EXISTS (SELECT FROM ss_b b WHERE b.a = a.id AND b.v = 4) ORDER BY id;
SELECT id FROM ss_a a WHERE NOT EXISTS (SELECT FROM ss_b b WHERE b.a = a.id) ORDER BY id;
SELECT id FROM ss_a WHERE id IN (SELECT a FROM ss_b WHERE id = 7 OR id = 8) ORDER BY id;
SELECT id FROM ss_a WHERE id = ANY (SELECT a + 1 FROM ss_b WHERE id < 3) ORDER BY id;
SELECT id FROM ss_a WHERE k NOT IN (SELECT v FROM ss_b WHERE id < 4) ORDER BY id;
SELECT id FROM ss_a WHERE k NOT IN (SELECT v FROM ss_b) ORDER BY id;
SELECT id, k IN (SELECT v FROM ss_b WHERE id < 4) AS i, k NOT IN (SELECT v FROM ss_b WHERE v > 1) AS o FROM ss_a ORDER BY id;
SELECT id FROM ss_a WHERE id > ALL (SELECT a FROM ss_b) ORDER BY id;
SELECT id FROM ss_a WHERE id >= ALL (SELECT a FROM ss_b WHERE false) AND id < 3 ORDER BY id;
SELECT id FROM ss_a WHERE id = (SELECT max(a) FROM ss_b);
SELECT id FROM ss_a WHERE id = (SELECT a FROM ss_b WHERE false);
SELECT id FROM ss_a WHERE id = (SELECT a FROM ss_b);
SELECT (SELECT a, v FROM ss_b WHERE id = 3) IS NULL;
SELECT (SELECT b FROM ss_b b WHERE id = 3);
SELECT ARRAY(SELECT id FROM ss_b WHERE a = 2 ORDER BY id DESC), ARRAY(SELECT v FROM ss_b WHERE false);
SELECT ARRAY(SELECT ARRAY[id, a] FROM ss_b WHERE a = 2 ORDER BY id);
SELECT (1, 2) = (SELECT 1, 2), (1, 2) IN (SELECT id, a FROM ss_b), (SELECT 1 WHERE false) IS NULL;
SELECT (id, k) IN (SELECT id, v FROM ss_b) AS x FROM ss_a ORDER BY id;
SELECT CASE WHEN id < 3 THEN (SELECT count(*) FROM ss_b WHERE a = ss_a.id) ELSE (SELECT 1 / (id - id) FROM ss_b LIMIT 1) END FROM ss_a WHERE id < 3 ORDER BY id;
SELECT coalesce((SELECT v FROM ss_b WHERE id = ss_a.id), (SELECT -1)) FROM ss_a ORDER BY id;
SELECT id, (SELECT (SELECT max(x.v) FROM ss_b x WHERE x.a = b.a AND x.id > a.id) FROM ss_b b WHERE b.id = a.id) AS deep FROM ss_a a ORDER BY id;
SELECT (SELECT sum(a.id) FROM ss_b b WHERE b.a = 1) FROM ss_a a WHERE id < 3;
SELECT a.id, x.n FROM ss_a a, LATERAL (SELECT count(*) AS n FROM ss_b b WHERE b.a = a.id) AS x WHERE a.id < 4 ORDER BY 1;
SELECT a.id, x.v FROM ss_a a LEFT JOIN LATERAL (SELECT v FROM ss_b b WHERE b.a = a.id ORDER BY b.id DESC LIMIT 1) AS x ON true WHERE a.id IN (2, 12) ORDER BY 1;
SELECT id FROM ss_a ORDER BY (SELECT count(*) FROM ss_b WHERE a = ss_a.id) DESC, id LIMIT 3;
SELECT id FROM ss_a ORDER BY id LIMIT (SELECT 2) OFFSET (SELECT count(*) FROM ss_b WHERE a = 1);
SELECT count(*) FROM ss_a GROUP BY (SELECT 1);
SELECT sum((SELECT count(*) FROM ss_b WHERE a = ss_a.id)) FROM ss_a;
SELECT t, (SELECT max(v) FROM ss_b WHERE a = min(ss_a.id)) FROM ss_a GROUP BY t ORDER BY t;
SELECT t FROM ss_a GROUP BY t HAVING count(*) = (SELECT max(v) FROM ss_b) ORDER BY t;
SELECT * FROM ss_a a JOIN ss_b b ON b.a = a.id AND b.v = (SELECT max(v) FROM ss_b x WHERE x.a = a.id) WHERE a.id < 4 ORDER BY a.id, b.id;
SELECT a.id, b.id FROM ss_a a LEFT JOIN ss_b b ON b.a = a.id AND b.id = (SELECT min(x.id) FROM ss_b x WHERE x.a = a.id) ORDER BY 1;
SELECT (SELECT count(*) FROM ss_b) + (SELECT count(*) FROM ss_a) AS both;
VALUES ((SELECT max(id) FROM ss_a), 1), (2, (SELECT min(v) FROM ss_b));
SELECT (SELECT 1 UNION ALL SELECT 2);
SELECT id, (SELECT string_agg(b.v::text, ',' ORDER BY b.id) FROM ss_b b WHERE b.a = a.id) FROM ss_a a WHERE id = 3;
SELECT random() < 2, (SELECT random() < 2) FROM ss_a WHERE id = 1;
SELECT 'x' WHERE EXISTS (SELECT FROM ss_a WHERE id = 3) AND NOT EXISTS (SELECT FROM ss_a WHERE id = 99);

-- Common tables.
WITH x AS (SELECT a, count(*) AS c FROM ss_b GROUP BY a) SELECT a.id, x.c FROM ss_a a JOIN x ON x.a = a.id WHERE a.id < 4 ORDER BY 1;
WITH x AS (SELECT id FROM ss_a WHERE id < 4) SELECT x.id, y.id FROM x, x AS y WHERE x.id < y.id ORDER BY 1, 2;
WITH x AS MATERIALIZED (SELECT id FROM ss_a WHERE id < 4) SELECT id FROM x WHERE id = 2;
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 4) SELECT n FROM r ORDER BY 1;
WITH gone AS (DELETE FROM ss_b WHERE id > 28 RETURNING id) SELECT count(*) FROM gone;

-- Changes with subqueries.
UPDATE ss_a SET k = (SELECT count(*) FROM ss_b WHERE a = ss_a.id) WHERE id IN (1, 2, 12) RETURNING id, k;
DELETE FROM ss_b WHERE a IN (SELECT id FROM ss_a WHERE t = 'n0') AND id > 20 RETURNING id;
INSERT INTO ss_b SELECT 100, 1, 5 WHERE NOT EXISTS (SELECT FROM ss_b WHERE id = 100) RETURNING *;
INSERT INTO ss_b SELECT 100, 1, 5 WHERE NOT EXISTS (SELECT FROM ss_b WHERE id = 100) RETURNING *;
INSERT INTO ss_b VALUES (101, (SELECT min(id) FROM ss_a), (SELECT count(*) FROM ss_a)) RETURNING *;
UPDATE ss_a SET (k, t) = (SELECT max(v), 'z' FROM ss_b WHERE a = ss_a.id) WHERE id = 3 RETURNING *;
SELECT id FROM ss_a WHERE id = (SELECT min(a) FROM ss_b) FOR UPDATE;
PREPARE ss (int) AS SELECT (SELECT count(*) FROM ss_b WHERE a = $1), $1 IN (SELECT a FROM ss_b), ARRAY(SELECT id FROM ss_b WHERE a = $1 ORDER BY id);
EXECUTE ss (1);
EXECUTE ss (NULL);
EXECUTE ss (11);
DEALLOCATE ss;
DROP TABLE ss_b, ss_a;

-- Aggregates that want their rows in an order.
CREATE TABLE ss_o (g int, v int, t text);
INSERT INTO ss_o SELECT i % 3, nullif(i * 7 % 11, 4), 't' || i % 4 FROM generate_series(1, 14) AS i;
SELECT g, string_agg(t, ',' ORDER BY v DESC NULLS LAST, t), array_agg(v ORDER BY v NULLS FIRST) FROM ss_o GROUP BY g ORDER BY g;
SELECT string_agg(DISTINCT t, ',' ORDER BY t DESC), array_agg(DISTINCT v ORDER BY v), json_agg(t ORDER BY t, v) FILTER (WHERE v > 6) FROM ss_o;
SELECT array_agg(v ORDER BY t, v), sum(v ORDER BY v) FROM ss_o WHERE g > 5;
SELECT (SELECT array_agg(x.v ORDER BY x.t, x.v) FROM ss_o x WHERE x.g = o.g) FROM (SELECT DISTINCT g FROM ss_o) AS o ORDER BY g;
SELECT min(v ORDER BY t), max(v) FROM ss_o;
DROP TABLE ss_o;
