-- The order in which rows with equal sort keys come out: PostgreSQL's sorts in memory always do the same.
create table equals(id int, k int, t text);
insert into equals select g, g * 7919 % 10007 % 5, chr(97 + g % 3) from generate_series(1, 90) g;
select string_agg(id::text, ' ') from (select id from equals order by k) x;
select string_agg(id::text, ' ') from (select id from equals order by k desc, t) x;
select string_agg(id::text, ' ') from (select id from equals where id <= 6 order by k) x;
select string_agg(id::text, ' ') from (select id from equals where id <= 40 order by t) x;
select string_agg(id::text, ' ') from (select id from equals where id between 10 and 51 order by t desc) x;
select id from equals order by k limit 4;
select id from equals order by k limit 5 offset 3;
select id from equals order by t, k desc limit 60 offset 55;
select id from equals order by k fetch first 3 rows only;
select string_agg(id::text, ' ' order by t) from equals;
select k, array_agg(distinct t order by t) from equals group by k order by k;
select id, k, row_number() over (order by k) from equals where id < 30;
select id, t, k, rank() over w, first_value(id) over w, last_value(id) over w
from equals where id < 25 window w as (partition by t order by k);
select id, sum(id) over (partition by t order by k rows between 1 preceding and 1 following) from equals where id < 20;
select * from equals e order by (select count(*) from equals x where x.k < e.k) limit 7;
select id from (values (1, 2), (2, 1), (3, 2), (4, 1), (5, 2), (6, 1), (7, 2), (8, 1)) v(id, k) order by k;
select id from (values (1, 2), (2, 1), (3, 2), (4, 1), (5, 2), (6, 1), (7, 2), (8, 1)) v(id, k) order by k limit 3;
select id from equals order by null::int limit 9;
select id from equals where id < 12 order by k nulls first, t collate "C" desc;
-- Keys that decide nothing are no keys.
select id from equals where k = 2 order by k limit 4;
select id from equals where t = 'a' order by t desc, 'x'::text limit 4 offset 1;
select id from (select id, k as z from equals where k = 1) x order by z limit 5;
drop table equals;
