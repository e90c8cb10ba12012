-- WITH: recursion and what it refuses, SEARCH and CYCLE, tables that change data.
CREATE TABLE wr_graph (f int, t int);
INSERT INTO wr_graph VALUES (1, 2), (1, 3), (2, 3), (1, 4), (4, 5), (5, 1);
-- Only as much of an endless table as is read.
WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t) SELECT * FROM t LIMIT 5;
WITH RECURSIVE t(n) AS (SELECT 1 UNION SELECT n + 1 FROM t) SELECT * FROM t LIMIT 5;
-- Tables may be named before they are defined.
WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT 1 AS x) SELECT * FROM a;
WITH a AS (SELECT * FROM b), b AS (SELECT 1 AS x) SELECT * FROM a;
WITH RECURSIVE a(x) AS (SELECT x FROM b UNION ALL SELECT 1), b(x) AS (SELECT x FROM a UNION ALL SELECT 1) SELECT * FROM a;
-- Forms that cannot be run.
WITH RECURSIVE x(n) AS (SELECT n FROM x) SELECT * FROM x;
WITH RECURSIVE x(n) AS (SELECT 1 INTERSECT SELECT n + 1 FROM x) SELECT * FROM x;
WITH RECURSIVE x(n) AS (SELECT n FROM x UNION ALL SELECT 1) SELECT * FROM x;
WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT n FROM x WHERE n IN (SELECT * FROM x)) SELECT * FROM x;
WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT x.n + 1 FROM wr_graph LEFT JOIN x ON n = f) SELECT * FROM x;
WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT count(*) FROM x) SELECT * FROM x;
WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x ORDER BY 1) SELECT * FROM x;
WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x LIMIT 2) SELECT * FROM x;
WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT (n + 1)::numeric FROM x) SELECT * FROM x;
-- SEARCH and CYCLE.
WITH RECURSIVE g(f, t) AS (SELECT * FROM wr_graph WHERE f = 1 AND t < 4 UNION ALL
  SELECT e.* FROM wr_graph e, g WHERE e.f = g.t) SEARCH DEPTH FIRST BY f, t SET seq
SELECT * FROM g ORDER BY seq;
WITH RECURSIVE g(f, t) AS (SELECT * FROM wr_graph WHERE f = 1 AND t < 4 UNION ALL
  SELECT e.* FROM wr_graph e, g WHERE e.f = g.t) SEARCH BREADTH FIRST BY f, t SET seq
SELECT * FROM g ORDER BY seq;
WITH RECURSIVE g(f, t) AS (SELECT * FROM wr_graph UNION ALL
  SELECT e.* FROM wr_graph e, g WHERE e.f = g.t) CYCLE f, t SET looped TO 'Y' DEFAULT 'N' USING path
SELECT * FROM g ORDER BY path, looped;
WITH RECURSIVE g(f, t) AS (SELECT * FROM wr_graph UNION ALL SELECT e.* FROM wr_graph e, g WHERE e.f = g.t)
  SEARCH DEPTH FIRST BY q SET seq SELECT * FROM g;
-- Tables that change data run once, to the end, and do not see each other.
CREATE TABLE wr_y (a int);
WITH ins AS (INSERT INTO wr_y VALUES (1), (2), (3) RETURNING a) SELECT * FROM ins LIMIT 1;
WITH up AS (UPDATE wr_y SET a = a + 10 RETURNING a) SELECT (SELECT count(*) FROM wr_y WHERE a < 10) AS old, sum(a) FROM up;
WITH RECURSIVE t AS (INSERT INTO wr_y SELECT a + 100 FROM d RETURNING a), d AS (DELETE FROM wr_y WHERE a > 11 RETURNING a)
  SELECT * FROM t ORDER BY a;
SELECT a FROM wr_y ORDER BY a;
WITH t AS (DELETE FROM wr_y RETURNING a) INSERT INTO wr_y SELECT -a FROM t;
SELECT a FROM wr_y ORDER BY a;
WITH t AS (INSERT INTO wr_y VALUES (7)) SELECT * FROM t;
SELECT * FROM (WITH t AS (INSERT INTO wr_y VALUES (7) RETURNING a) SELECT * FROM t) s;
SELECT a FROM wr_y ORDER BY a;
DROP TABLE wr_y;
DROP TABLE wr_graph;

-- Terms that read nothing but the step before
with recursive r(n) as (select 1 union all select n+1 from r where n<20000) select count(*), sum(n) from r;
with recursive r(n) as (select 1 union all select n*2 from r) select n from r limit 20;
with recursive r(n) as (select 1 union all select n*2 from r) select n from r limit 40;
with recursive r(n) as (values (1),(2) union all select n+2 from r where n<7) select n from r;
with recursive r(n, t) as (select 1, 'a'::text union all select n+1, t||'b' from r where n<5) select * from r;
with recursive r(n) as (select 1.5 union all select n*1.1 from r where n<3) select n from r;
with recursive r(d) as (select date '2024-01-01' union all select (d + interval '1 month')::date from r where d < '2024-06-01') select * from r;
with recursive r(n) as (select 1 union all select n+1 from r) select * from (select n from r limit 3) a, (select n from r offset 2 limit 2) b;
with recursive fib(a,b) as (select 0::numeric,1::numeric union all select b,a+b from fib where b<1e30) select max(b), count(*) from fib;
with recursive r(a) as (select array[1] union all select a||cardinality(a) from r where cardinality(a)<4) select a from r;
with recursive r(n) as (select 10 union all select n-1 from r where 100/(n-5) <> 0) select n from r;
with recursive r(n) as (select 10 union all select n-1 from r where 100/(n-5) <> 0) select n from r limit 5;
create temp table rt as select 3 as x; select (with recursive r(n) as (select x union all select n+1 from r where n < x+3) select count(*) from r) from rt;
with recursive r(n) as (select 1 union all select n+1 from r where n<5), s(m) as (select n from r union all select m*10 from s where m<100) select count(*), sum(m) from s;
with recursive r(n) as (select 1 where false union all select n+1 from r) select * from r;
with recursive r(n, m) as (select 1, 2 union all select m, n from r where n < 0) select * from r;
with recursive r(n, m) as (select 1, 1 union all select (n+1)::int, case when n%2=0 then m*2 else m end from (select * from r where n<10) x where m<100) select * from r;
drop table rt;
