-- What access methods, indexes and their columns can do; sizes; statistics; files; locks of ALTER TABLE.
create table amp (a int, b int, c text);
create index ampb on amp (a desc, b nulls first) include (c);
create index amph on amp using hash (a);
select i, n, p, pg_index_column_has_property(i::regclass, n, p)
  from unnest(array['ampb', 'amph']) i, generate_series(0, 4) n,
       unnest(array['asc', 'DESC', 'nulls_first', 'nulls_last', 'orderable', 'distance_orderable', 'returnable', 'search_array', 'search_nulls', 'bogus', 'clusterable', 'can_order']) p
  where not (i = 'amph' and n > 2)
  order by 1, 2, 3;
select i, p, pg_index_has_property(i::regclass, p)
  from unnest(array['ampb', 'amph', 'amp']) i, unnest(array['clusterable', 'index_scan', 'bitmap_scan', 'backward_scan', 'can_order', 'asc', 'bogus']) p order by 1, 2;
select amname, p, pg_indexam_has_property(a.oid, p)
  from pg_am a, unnest(array['can_order', 'can_unique', 'can_multi_col', 'can_exclude', 'can_include', 'asc', 'index_scan', 'bogus']) p where amtype = 'i' or amname = 'heap' order by 1, 2;
-- Sizes are of what there is, written or not.
select pg_relation_size('amp'), pg_table_size('amp') >= 0;
insert into amp select g, g, g::text from generate_series(1, 1000) g;
select pg_relation_size('amp') > 0, pg_indexes_size('amp') > 0, pg_total_relation_size('amp') > pg_relation_size('amp');
-- Statistics.
select pg_stat_have_stats('bgwriter', 0, 0), pg_stat_have_stats('zaphod', 0, 0);
select pg_stat_have_stats('database', (select oid from pg_database where datname = current_database()), 1 - 1);
select pg_stat_reset_shared('nosuch');
select pg_column_size(1), pg_column_size(1::int8), pg_column_size('abc'::text), pg_column_size('x'::name);
-- Files.
select pg_read_file('no such file');
select pg_read_file('no such file', 0, 10, true);
select pg_read_file('no such file', 0, -10);
select length(pg_read_file('postmaster.pid', 0, 3)), pg_read_binary_file('postmaster.pid', 0, 2) is not null;
select pg_ls_dir('no such folder');
select * from pg_ls_dir('no such folder', true, true);
select count(*) > 2 from pg_ls_dir('.', false, true);
select isdir from pg_stat_file('base');
create role amp_role;
set role amp_role;
select pg_read_file('postmaster.pid');
select pg_ls_dir('.');
reset role;
drop role amp_role;
-- Options of tables that are for what is kept apart.
create table amt (a int, b text) with (toast.autovacuum_enabled = false, fillfactor = 50);
select reloptions from pg_class where relname = 'amt';
alter table amt set (toast.fillfactor = 10);
alter table amt set (toast.vacuum_truncate = 7);
alter table amt set (toasted.vacuum_truncate = off);
alter table amt reset (toast.autovacuum_enabled, fillfactor);
select reloptions from pg_class where relname = 'amt';
-- Locks.
create index amti on amt (a);
begin; alter table amt cluster on amti; select mode from pg_locks where relation = 'amt'::regclass; rollback;
begin; alter table amt set (fillfactor = 70, autovacuum_enabled = off); select mode from pg_locks where relation = 'amt'::regclass; rollback;
begin; alter table amt alter a set (n_distinct = 5); select mode from pg_locks where relation = 'amt'::regclass; rollback;
begin; alter table amt set (fillfactor = 70), add column z int; select mode from pg_locks where relation = 'amt'::regclass order by 1; rollback;
-- Details of errors.
create type amp_color as enum ('red', 'green');
create table ampp (c amp_color primary key);
create table ampc (c amp_color references ampp, t text, check (t <> 'no'));
create unique index ampx on ampc (lower(t), (t || 'x'));
insert into ampp values ('red');
insert into ampp values ('red');
insert into ampc values ('green', 'a');
insert into ampc values ('red', 'A');
insert into ampc values ('red', 'A');
insert into ampc values ('red', 'no');
delete from ampp;
drop index ampx;
insert into ampc values ('red', 'A');
create unique index ampx on ampc (lower(t), (t || 'x'));
-- EXPLAIN of what makes tables.
explain (costs off) create table ampe as select 1;
explain (costs off) create table ampc as select 1;
explain (costs off) create table if not exists ampc as select 1;
drop table amp, amt, ampc, ampp;
drop type amp_color;
-- What a role sees of a row that is refused.
create table ampr (a int primary key, b int not null, c int check (c > 0), d text);
insert into ampr values (1, 1, 1, 'x');
create role ampr_role;
grant insert, update on ampr to ampr_role;
grant select (a) on ampr to ampr_role;
set role ampr_role;
insert into ampr (b, c) values (null, 5);
insert into ampr (a, c) values (5, -1);
insert into ampr (a, b, c, d) values (5, 1, -1, 'a-b');
update ampr set c = -5;
update ampr set b = null;
insert into ampr (a, b, c) values (1, 1, 1);
reset role;
drop table ampr;
drop role ampr_role;
