-- Hash indexes: what they answer, what they refuse, what the catalog says of them.
create table hx (id int, v int, t text, n numeric, f float8, b bool);
insert into hx select g, g % 97, 'text ' || g % 53, (g % 31)::numeric / 4, g % 17, g % 2 = 0 from generate_series(1, 3000) g;
insert into hx values (null, null, null, null, null, null), (4000, null, null, null, null, null);
create index hx_v on hx using hash (v);
create index hx_t on hx using hash (t);
create index hx_n on hx using hash (n numeric_ops);
create index hx_f on hx using hash ((f * 2));
create index hx_part on hx using hash (id) where v > 20;
create index on hx using hash (lower(t));

select count(*), sum(id) from hx where v = 13;
select count(*), sum(id) from hx where t = 'text 7';
select count(*) from hx where n = 2.5;
select count(*) from hx where n = 2.50000;
select count(*) from hx where f * 2 = 8;
select id, v from hx where id = 1500 and v > 20;
select count(*) from hx where lower(t) = 'text 11';
select count(*) from hx where v = 5::bigint;
select count(*) from hx where v = 5::smallint;
select count(*) from hx where v in (1, 2, 3, null, 1);
select count(*) from hx where v = any (array[4, 5, 500]);
select count(*) from hx where v = 12345;
select count(*) from hx where v is null;
select count(*) from hx where v = null;
select count(*) from hx where v < 3;
select v, count(*) from hx where v in (3, 2) group by v order by v;
select a.id, b.id from hx a join hx b on a.v = b.v where a.id = 1 and b.id < 300 order by 1, 2;

-- changes
update hx set v = 1000 + id where id <= 500;
select count(*) from hx where v = 13;
select id from hx where v = 1400;
delete from hx where v = 1400;
select id from hx where v = 1400;
begin;
update hx set v = 7777 where id between 600 and 700;
savepoint a;
delete from hx where v = 7777 and id > 650;
select count(*) from hx where v = 7777;
rollback to a;
select count(*) from hx where v = 7777;
rollback;
select count(*) from hx where v = 7777;
update hx set t = null where id = 501;
select count(*) from hx where t = 'text 24';
truncate hx;
select count(*) from hx where v = 13;
insert into hx select g, g % 3, repeat(chr(97 + g % 3), 5000), 1, 1, true from generate_series(1, 300) g;
select count(*) from hx where v = 2;
select count(*) from hx where t = repeat('b', 5000);
reindex index hx_t;
reindex table hx;
select count(*) from hx where t = repeat('b', 5000);
alter index hx_v rename to hx_v2;

-- the catalog
select indexrelid::regclass, pg_get_indexdef(indexrelid), indisunique, indnatts, indclass, indoption from pg_index where indrelid = 'hx'::regclass order by 1;
select c.relname, a.amname, o.opcname from pg_class c join pg_am a on a.oid = c.relam join pg_index i on i.indexrelid = c.oid
  join pg_opclass o on o.oid = i.indclass[0] where i.indrelid = 'hx'::regclass order by 1;
\d hx
\d hx_v2
drop table hx;

-- what they cannot do
create table hx (a int, b int, c xml, p point, j json, arr int[], r int4range, e text collate "C");
create unique index on hx using hash (a);
create index on hx using hash (a, b);
create index on hx using hash (a) include (b);
create index on hx using hash (a asc);
create index on hx using hash (a desc);
create index on hx using hash (a nulls first);
create index on hx using hash (a nulls last);
create index on hx using hash (a text_ops);
create index on hx using hash (a nonesuch_ops);
create index on hx using hash (c);
create index on hx using hash (p);
create index on hx using hash (j);
create index on hx using hash (nosuch);
create index on hx using nosuch (a);
create index on hx using hash (a) with (fillfactor = 9);
create index on hx using hash (a) with (fillfactor = 101);
create index on hx using hash (a) with (deduplicate_items = on);
create index hx_a on hx using hash (a);
create index hx_arr on hx using hash (arr);
create index hx_r on hx using hash (r);
create index hx_e on hx using hash (e text_pattern_ops);
cluster hx using hx_a;
alter table hx cluster on hx_a;
insert into hx (a, arr, r, e) select g % 10, array[g % 7, 1], int4range(g % 5, 10), 'e' || g % 3 from generate_series(1, 500) g;
select count(*) from hx where arr = array[3, 1];
select count(*) from hx where r = int4range(2, 10);
select count(*) from hx where e = 'e1';
insert into hx (a) values (1) on conflict (a) do nothing;
create table hx2 (like hx including indexes);
select indexrelid::regclass, pg_get_indexdef(indexrelid) from pg_index where indrelid = 'hx2'::regclass order by 1;
alter table hx alter a type bigint;
select count(*) from hx where a = 3;
create index concurrently hx_b on hx using hash (b);
update hx set b = a;
select count(*) from hx where b = 3;
drop table hx, hx2;

-- parts, temporary and unlogged tables
create table hp (k int, v int) partition by range (k);
create table hp1 partition of hp for values from (0) to (100);
create index hp_v on hp using hash (v);
create table hp2 partition of hp for values from (100) to (200);
insert into hp select g, g % 5 from generate_series(0, 199) g;
select count(*) from hp where v = 3;
select tablename, indexdef from pg_indexes where tablename like 'hp%' order by 1, 2;
drop table hp;
create temp table ht (v int);
create index ht_v on ht using hash (v);
insert into ht select g % 4 from generate_series(1, 100) g;
select count(*) from ht where v = 2;
drop table ht;
create unlogged table hu (v int);
create index on hu using hash (v);
insert into hu select g % 4 from generate_series(1, 100) g;
select count(*) from hu where v = 2;
drop table hu;
