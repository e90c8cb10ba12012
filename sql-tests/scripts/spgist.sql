-- SP-GiST indexes: the same answers as without, the catalog's names, and what they refuse.
create table sp_t (id int, p point, b box, r int4range, ip inet, s text);
create index sp_p on sp_t using spgist (p);
create index sp_kd on sp_t using spgist (p kd_point_ops) with (fillfactor = 70);
create index sp_b on sp_t using spgist (b);
create index sp_r on sp_t using spgist (r) include (id);
create index sp_ip on sp_t using spgist (ip);
create index sp_s on sp_t using spgist (s) where id > 0;
\d sp_t
\d sp_kd
\d sp_s
select pg_get_indexdef('sp_kd'::regclass), pg_get_indexdef('sp_r'::regclass);
select i, p, pg_index_column_has_property(i::regclass, 1, p)
  from unnest(array['sp_p', 'sp_kd', 'sp_b', 'sp_r', 'sp_ip', 'sp_s']) i,
       unnest(array['asc', 'orderable', 'distance_orderable', 'returnable', 'search_array', 'search_nulls']) p
  order by 1, 2;
create unique index on sp_t using spgist (p);
create index on sp_t using spgist (p, b);
create index on sp_t using spgist (p desc);
create index on sp_t using spgist (id);
create index on sp_t using spgist (p) with (buffering = on);
cluster sp_t using sp_p;
insert into sp_t select i, point(x, y), box(point(x, y), point(x + w, y + w)), int4range(x, x + w),
  (x % 4 + 10 || '.' || y % 256 || '.' || w || '.0/24')::inet, 'k' || x || repeat('z', w)
from (select i, (i * 7919) % 1009 as x, (i * 104729) % 997 as y, 1 + (i * 31) % 23 as w from generate_series(1, 2000) i) g;
insert into sp_t values (2001, null, null, null, null, null), (2002, null, null, 'empty', '::1', '');
analyze sp_t;
select count(*), sum(id) from sp_t where p << point(50, 0);
select count(*), sum(id) from sp_t where p <@ box(point(100, 100), point(300, 250));
select count(*), sum(id) from sp_t where p ~= point(910, 45);
select count(*), sum(id) from sp_t where p |>> point(0, 900) and b && box(point(0, 0), point(200, 2000));
select count(*), sum(id) from sp_t where b @> box(point(300, 300), point(301, 301));
select count(*), sum(id) from sp_t where r @> 77;
select count(*), sum(id) from sp_t where r <@ int4range(500, 520);
select count(*), sum(id) from sp_t where r = 'empty';
select count(*), sum(id) from sp_t where ip << '10.17.0.0/16';
select count(*), sum(id) from sp_t where ip >>= '11.20.3.4';
select count(*), sum(id) from sp_t where id > 0 and s ^@ 'k10';
select count(*), sum(id) from sp_t where id > 0 and s = 'k910' || repeat('z', 11);
select count(*), sum(id) from sp_t where id > 0 and s ~<~ 'k11';
select count(*), sum(id) from sp_t where id > 0 and s ~>=~ 'k99';
select count(*) from sp_t where p is null;
select id from sp_t order by p <-> point(500, 500), id limit 3;
select round((b <-> point(10, 10))::numeric, 4) from sp_t order by b <-> point(10, 10) limit 3;
update sp_t set p = point(p[0] + 2000, p[1]) where id % 7 = 0;
delete from sp_t where id % 5 = 0;
select count(*), sum(id) from sp_t where p >> point(1999, 0);
reindex table sp_t;
select count(*), sum(id) from sp_t where p >> point(1999, 0);
create table sp_x (r int4range, exclude using spgist (r with &&));
insert into sp_x values ('[1,5)'), ('[5,7)');
insert into sp_x values ('[6,6]');
drop table sp_t, sp_x;
