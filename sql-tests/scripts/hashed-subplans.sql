-- IN over a subquery that reads nothing of the rows around it, where no join can answer it: NULLs, empty subqueries, CASE.
create table hs_a(a int, b text, n numeric);
create table hs_b(x bigint, y text, n numeric);
insert into hs_a select i, 'k'||(i%50), (i%40)+0.50 from generate_series(1,3000) i;
insert into hs_a values (null,null,null);
insert into hs_b select i*3, 'k'||(i%70), (i%30)+0.5 from generate_series(1,3000) i;
select count(*) from hs_a where a < 10 or a in (select x from hs_b);
select count(*) filter (where a in (select x from hs_b)), count(*) filter (where not a in (select x from hs_b)), count(*) filter (where (a in (select x from hs_b)) is null) from hs_a;
select count(*) from hs_a where a = 5 or n in (select n from hs_b);
select count(*) from hs_a where a = 5 or b in (select y from hs_b where x > 100);
select sum(case when a in (select x from hs_b where x > 8000) then 1 when b in (select y from hs_b) then 10 else 100 end) from hs_a;
insert into hs_b values (null,null,null);
select count(*) filter (where a in (select x from hs_b)), count(*) filter (where not a in (select x from hs_b)), count(*) filter (where (a in (select x from hs_b)) is null) from hs_a;
select count(*) filter (where a in (select x from hs_b where false)), count(*) filter (where not a in (select x from hs_b where false)), count(*) filter (where (a in (select x from hs_b where false)) is null) from hs_a;
select sum(case when a > 0 then (10/a in (select x from hs_b))::int end) from hs_a;
drop table hs_a, hs_b;
