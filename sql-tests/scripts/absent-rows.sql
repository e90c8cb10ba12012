-- The whole row of a table that an outer join leaves out is NULL, not a row of NULLs.
create table absent_rows (a int, b text); insert into absent_rows values (1,'x'),(2,null);
select v.x, t2, row_to_json(t2), t2 is null, t2 is not null, (t2) is distinct from null from (values (1),(3)) v(x) left join (select 1 as y) t2 on v.x=t2.y;
select v.x, absent_rows, row_to_json(absent_rows), to_jsonb(absent_rows.*), count(absent_rows) over () from (values (1),(3)) v(x) left join absent_rows on v.x=absent_rows.a;
select json_agg(absent_rows) , count(absent_rows), count(*) from (values (1),(3)) v(x) left join absent_rows on v.x=absent_rows.a;
select v.x, row_to_json(s) from (values (1),(3)) v(x) left join lateral (select absent_rows.a, absent_rows.b from absent_rows where absent_rows.a = v.x) s on true;
select v.x, s from (values (1),(3)) v(x) left join lateral (select absent_rows from absent_rows where absent_rows.a = v.x) s on true;
select a.*, b, c from (values (1),(3)) a(x) left join (absent_rows b left join absent_rows c on b.a = c.a and c.b is not null) on a.x = b.a + 1;
select b, a from absent_rows a right join (values (1),(5)) b(x) on a.a = b.x;
select a, b from absent_rows a full join (values (1),(5)) b(x) on a.a = b.x order by 1;
select count(a), count(b) from absent_rows a full join (values (1),(5)) b(x) on a.a = b.x;
select x, g from (values (1),(0)) v(x) left join lateral generate_series(1, x) g on true;
select x, g from (values (1),(0)) v(x) left join lateral unnest(array[x]) with ordinality g on g.ordinality = x;
with t as (select 1 as p, 2 as q) select v.x, t from (values (1),(3)) v(x) left join t on t.p = v.x;
select coalesce(to_json(absent_rows), '"none"') from (values (1),(3)) v(x) left join absent_rows on v.x=absent_rows.a where absent_rows is null or absent_rows.a = 1;
select v.x from (values (1),(3)) v(x) left join absent_rows on v.x=absent_rows.a group by v.x, absent_rows having count(absent_rows) = 0;
create view absent_view as select v.x, absent_rows as w from (values (1),(3)) v(x) left join absent_rows on v.x=absent_rows.a;
select * from absent_view; select pg_get_viewdef('absent_view'::regclass);
drop view absent_view;
select (select absent_rows from absent_rows where a = v.x), (select absent_rows.* is null from absent_rows where a= v.x) from (values (1),(3)) v(x);
drop table absent_rows;
-- In changes, in groups, behind USING and in nested joins.
CREATE TABLE absent_a (k int PRIMARY KEY, t text);
CREATE TABLE absent_b (k int, u text);
INSERT INTO absent_a VALUES (1, 'x'), (2, 'y'), (3, NULL);
INSERT INTO absent_b VALUES (1, 'p'), (3, NULL);
SELECT k, b, to_json(a) FROM absent_a a LEFT JOIN absent_b b USING (k) ORDER BY k;
SELECT k, a, b FROM absent_a a FULL JOIN absent_b b USING (k) ORDER BY k;
SELECT a.k, json_agg(b) FROM absent_a a NATURAL LEFT JOIN absent_b b GROUP BY a.k ORDER BY 1;
SELECT b, count(*) FROM absent_a a LEFT JOIN absent_b b USING (k) GROUP BY b ORDER BY b;
SELECT a.k, (SELECT row_to_json(b)), b IS NULL, b IS NOT NULL, NOT b IS NULL FROM absent_a a LEFT JOIN absent_b b ON a.k = b.k ORDER BY 1;
SELECT a.k, s FROM absent_a a LEFT JOIN (SELECT b FROM absent_b b RIGHT JOIN absent_a c ON b.k = c.k WHERE c.k < 3) s ON a.k = (s.b).k ORDER BY 1;
SELECT a.k, s.* FROM absent_a a LEFT JOIN (SELECT * FROM absent_b b RIGHT JOIN absent_a c USING (k)) s ON a.k = s.k + 1 ORDER BY 1;
SELECT a.k, s FROM absent_a a LEFT JOIN (SELECT * FROM absent_b b RIGHT JOIN absent_a c USING (k)) s ON a.k = s.k + 1 ORDER BY 1;
SELECT j FROM absent_a a LEFT JOIN (absent_b b JOIN absent_b c USING (k)) AS j ON a.k = j.k ORDER BY a.k;
UPDATE absent_a SET t = row_to_json(b)::text FROM absent_a a LEFT JOIN absent_b b ON a.k = b.k WHERE absent_a.k = a.k RETURNING absent_a.k, t, b;
DELETE FROM absent_a USING absent_a a LEFT JOIN absent_b b ON a.k = b.k AND b.u IS NOT NULL WHERE absent_a.k = a.k AND b IS NULL
  RETURNING absent_a, b;
DROP TABLE absent_a, absent_b;
-- The row of a table has its columns' names as a record, too.
CREATE TABLE absent_names (a int, b text);
INSERT INTO absent_names VALUES (1, 'x'), (2, NULL);
SELECT row_to_json(n), to_jsonb(n), row_to_json(n, true) FROM absent_names n;
SELECT row_to_json(absent_names.*), count(*) OVER () FROM absent_names;
SELECT row_to_json(n) FROM (VALUES (1), (3)) v(x) LEFT JOIN absent_names n ON n.a = v.x;
DROP TABLE absent_names;
