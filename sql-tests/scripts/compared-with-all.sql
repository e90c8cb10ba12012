-- Comparisons with all or any rows of a subquery, over tables large enough not to be planned for a few rows.
create table cwa_a (id int, x int, t text, f float8);
create table cwa_b (id int, y int, u text, g float8);
insert into cwa_a select i, (i * 7919) % 1000, 't' || (i % 97), (i % 50) / 4.0 from generate_series(1, 1200) i;
insert into cwa_b select i, 200 + (i * 31) % 500, 't' || (i % 53), case when i % 40 = 0 then 'NaN' else (i % 30) / 4.0 end
  from generate_series(1, 900) i;
insert into cwa_a values (0, null, null, null), (-1, 2000, 'zz', 'NaN');
analyze cwa_a;
analyze cwa_b;
-- Both extremes, both ways, every operator.
select op, q, count(*) filter (where r), count(*) filter (where not r), count(*) filter (where r is null)
from (
  select '<' op, 'any' q, x < any (select y from cwa_b) r from cwa_a union all
  select '<=', 'any', x <= any (select y from cwa_b) from cwa_a union all
  select '>', 'any', x > any (select y from cwa_b) from cwa_a union all
  select '>=', 'any', x >= any (select y from cwa_b) from cwa_a union all
  select '=', 'any', x = any (select y from cwa_b) from cwa_a union all
  select '<>', 'any', x <> any (select y from cwa_b) from cwa_a union all
  select '<', 'all', x < all (select y from cwa_b) from cwa_a union all
  select '<=', 'all', x <= all (select y from cwa_b) from cwa_a union all
  select '>', 'all', x > all (select y from cwa_b) from cwa_a union all
  select '>=', 'all', x >= all (select y from cwa_b) from cwa_a union all
  select '=', 'all', x = all (select y from cwa_b) from cwa_a union all
  select '<>', 'all', x <> all (select y from cwa_b) from cwa_a
) s group by op, q order by op, q;
-- The same with a NULL among the rows, with no rows, and with NULLs only.
select op, q, count(*) filter (where r), count(*) filter (where not r), count(*) filter (where r is null)
from (
  select '<' op, 'any' q, x < any (select nullif(y, 300) from cwa_b) r from cwa_a union all
  select '>=', 'any', x >= any (select nullif(y, 300) from cwa_b) from cwa_a union all
  select '<>', 'any', x <> any (select nullif(y, 300) from cwa_b) from cwa_a union all
  select '<', 'all', x < all (select nullif(y, 300) from cwa_b) from cwa_a union all
  select '>=', 'all', x >= all (select nullif(y, 300) from cwa_b) from cwa_a union all
  select '=', 'all', x = all (select nullif(y, 300) from cwa_b) from cwa_a union all
  select '<>', 'all', x <> all (select nullif(y, 300) from cwa_b) from cwa_a union all
  select 'none <', 'any', x < any (select y from cwa_b where y < 0) from cwa_a union all
  select 'none >', 'all', x > all (select y from cwa_b where y < 0) from cwa_a union all
  select 'none <>', 'all', x <> all (select y from cwa_b where y < 0) from cwa_a union all
  select 'null <', 'any', x < any (select nullif(y, y) from cwa_b) from cwa_a union all
  select 'null >', 'all', x > all (select nullif(y, y) from cwa_b) from cwa_a
) s group by op, q order by op, q;
-- Other types, types that differ, NaN, and the subquery's value made of its columns.
select count(*) from cwa_a where f > all (select g from cwa_b);
select count(*) from cwa_a where f >= all (select g from cwa_b);
select count(*) from cwa_a where f < any (select g from cwa_b);
select count(*) from cwa_a where t > all (select u from cwa_b);
select count(*) from cwa_a where t <= any (select u from cwa_b);
select count(*) from cwa_a where x > all (select y::bigint + 1 from cwa_b);
select count(*) from cwa_a where x * 2 <= all (select y from cwa_b where id > 500);
select count(*) from cwa_a where not x > all (select y from cwa_b);
select count(*) from cwa_a where array[x, 1] > all (select array[y, 0] from cwa_b);
select count(*) from cwa_a where case when x > 500 then x > any (select y from cwa_b) else x > all (select y from cwa_b) end;
-- Rows around the subquery: run for each.
select count(*) from cwa_a a where x > all (select y from cwa_b b where b.id = a.id);
select count(*) from cwa_a a where exists (select from cwa_b b where b.y = a.x and b.g > (select avg(id) / 1000 from cwa_b));
select count(*) from cwa_a a
where a.x < 10 or exists (select from cwa_b b where b.y = a.x and b.id > (select avg(id) from cwa_b));
select count(*) from cwa_a a
where a.x < 10 or a.x in (select y from cwa_b b where b.u = a.t and b.id > all (select id from cwa_a where id < 100));
select (select max(x) from cwa_a) > all (select y from cwa_b), 1 < all (select y from cwa_b where id < 3);
drop table cwa_a, cwa_b;
