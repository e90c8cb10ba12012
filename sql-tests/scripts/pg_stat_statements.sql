-- The extension pg_stat_statements, extensions as objects, and query ids.
create extension foo;
create extension if not exists foo cascade;
create extension "a/b";
create extension "-a";
create extension pg_stat_statements version '9.9';
create extension pg_stat_statements schema nosuch;
create extension pg_stat_statements schema pg_catalog;
create extension pg_stat_statements version '1.10' schema public version '1.10';
create extension pg_stat_statements from unpackaged;
drop extension pg_stat_statements;
create extension pg_stat_statements version '1.10';
create extension pg_stat_statements;
create extension if not exists pg_stat_statements;
select extname, extowner, extnamespace::regnamespace, extrelocatable, extversion, extconfig, extcondition
  from pg_extension where extname like 'pg_stat%';
\dx pg_stat*
\dx+ pg_stat_statements
\d+ pg_stat_statements
\d+ pg_stat_statements_info
\dp pg_stat_statements*
select proname, proacl, prolang, probin, prosrc, procost, prorows, provolatile, proparallel, proisstrict, pg_get_functiondef(oid)
  from pg_proc where proname like 'pg_stat_statements%' order by 1;
select pg_describe_object(classid, objid, 0), pg_describe_object(refclassid, refobjid, 0), deptype
  from pg_depend where refclassid = 'pg_extension'::regclass and refobjid >= 16384 or classid = 'pg_extension'::regclass and objid >= 16384
  order by 1, 2;
select pg_describe_object(classoid, objoid, objsubid), privtype, initprivs from pg_init_privs where objoid >= 16384 order by 1;
select (pg_identify_object_as_address(3079, oid, 0)).*, (pg_identify_object(3079, oid, 0)).identity
  from pg_extension where extname = 'pg_stat_statements';
select pg_get_object_address('extension', '{pg_stat_statements}', '{}') is not null;
select * from pg_available_extensions where name = 'pg_stat_statements';
select version, installed, superuser, trusted, relocatable, schema, requires
  from pg_available_extension_versions where name = 'pg_stat_statements' and version = '1.10';

-- Its objects go with it only.
drop view pg_stat_statements;
drop view pg_stat_statements cascade;
drop function pg_stat_statements(bool);
drop view pg_stat_statements, pg_stat_statements_info;
alter view pg_stat_statements rename to x;
alter view x rename to pg_stat_statements;
alter extension pg_stat_statements drop view pg_stat_statements;
alter extension pg_stat_statements add view pg_stat_statements;
alter extension pg_stat_statements add view pg_stat_statements;
create table tt (a int);
alter extension pg_stat_statements add table tt;
drop table tt;
alter extension pg_stat_statements drop table tt;
alter extension pg_stat_statements drop table tt;
drop table tt;
alter extension pg_stat_statements rename to x;
alter extension pg_stat_statements owner to postgres;
alter extension pg_stat_statements frob;
alter extension pg_stat_statements add default x;

-- Schemas, versions, comments.
create schema s1;
alter extension pg_stat_statements set schema s1;
alter extension pg_stat_statements set schema s1;
alter extension pg_stat_statements set schema nosuch;
alter extension foo set schema s1;
alter extension foo update;
alter extension pg_stat_statements update;
alter extension pg_stat_statements update to '1.10';
alter extension pg_stat_statements update to '9.9';
select * from pg_stat_statements;
select count(*) > 0 from s1.pg_stat_statements;
comment on extension pg_stat_statements is 'hi';
comment on extension foo is 'hi';
\dx pg_stat*
drop schema s1;
drop schema s1 cascade;
\dx pg_stat*
create extension pg_stat_statements;
create view vv as select * from pg_stat_statements;
drop extension pg_stat_statements;
drop extension pg_stat_statements cascade;
drop extension if exists pg_stat_statements;
create view pg_stat_statements as select 1;
create extension pg_stat_statements;
drop view pg_stat_statements;
create function pg_stat_statements_info() returns int language sql as 'select 1';
create extension pg_stat_statements;
drop function pg_stat_statements_info();
begin;
create extension pg_stat_statements;
select count(*) > 0 from pg_stat_statements;
rollback;
\dx pg_stat*

-- Whose it is.
create schema s2;
create extension pg_stat_statements with schema s2 cascade;
create role pgss_joe;
set role pgss_joe;
drop extension pg_stat_statements;
alter extension pg_stat_statements set schema public;
alter extension pg_stat_statements update;
comment on extension pg_stat_statements is 'hi';
select * from s2.pg_stat_statements limit 0;
reset role;
grant usage on schema s2 to pgss_joe;
set role pgss_joe;
select s2.pg_stat_statements_reset();
select count(*) > 0 from s2.pg_stat_statements;
create extension if not exists pg_stat_statements;
reset role;
drop extension pg_stat_statements;
set role pgss_joe;
create extension pg_stat_statements;
reset role;
drop schema s2;

-- Settings.
create extension pg_stat_statements;
show pg_stat_statements.max;
show pg_stat_statements.track;
set pg_stat_statements.max = 5;
set pg_stat_statements.save = off;
set pg_stat_statements.track = 'foo';
set pg_stat_statements.foo = 1;
show pg_stat_statements.foo;
select name, setting, unit, category, context, vartype, min_val, max_val, enumvals, boot_val
  from pg_settings where name like 'pg_stat_st%' order by 1;
set compute_query_id = 'foo';
set role pgss_joe;
set pg_stat_statements.track = all;
set compute_query_id = on;
reset role;

-- What is one statement, and what its text is.
create table t (a int, b text, c numeric(10,2));
create function own(out toplevel bool, out calls bigint, out rows bigint, out query text) returns setof record language sql
begin atomic
  select toplevel, calls, rows, query from pg_stat_statements
   where dbid = (select oid from pg_database where datname = current_database()) order by query collate "C", toplevel, calls;
end;
select pg_stat_statements_reset() is null;
select 1;
SELECT   1  ;
select 1 /* c */ + 2;
select 1+3;
/* lead */ select 'x'::text, true, null, -5, - 6, +7, 1.5, 1e5, b'01', x'1F', 10000000000, E'a\nb', $$q$$, U&'\0041';
insert into t values (1, 'a', 1.5), (2, 'b', 2);
insert into t values (3,'a',1.5),(4,'b',2);
select * from t where a = 1 and b like 'a%' order by 1 limit 5 offset 0;
select * from T x where x.a=2 and b like 'b%' order by 1 limit 7 offset 1;
select a from t where false; select t.a from t where false; select public.t.a from public.t where true; select x.a as q from t x where false;
select extract(year from date '2020-01-01'), interval '1' day, timestamp(3) '2020-01-01', cast('1' as numeric(5,1)), '1'::int;
select count(*) filter (where a > 1), sum(a) over (order by a rows 1 preceding) from t group by a order by a;
select case when a=1 then 'x' else 'y' end, coalesce(a,0), a in (1,2,3), a between 1 and 2, array[1,2], (1,2), a is null from t where a = 1;
update t set b='z' where a=1 returning a; update t set b = 'w' where a = 9 returning a;
delete from t where a=100;
with w as (select 1 as x) select * from w where x=1;
select * from generate_series(1,10) g where g > 5 fetch first 2 rows only;
select at.x at time zone 'UTC' is null from (select now() x) at;
select trim(both 'x' from 'xax'), position('a' in 'abc'), substring('abc' from 1 for 2), overlay('abc' placing 'x' from 1);
begin; select 1; commit;
set work_mem='4MB';
show work_mem;
prepare p as select $1::int + 1, 'k';
execute p(1);
execute p(2);
deallocate p;
explain (costs off) select 1+1+1;
begin; declare c cursor for select a from t where a > 0 order by a; fetch 1 from c; fetch all from c; close c; commit;
create table t3 as select 1 as x, 2 as y;
copy t3 to stdout;
create function f(i int) returns int language sql as 'select i + 1; select count(*)::int + 5 from t where a > i';
select f(1); select f(2);
select distinct on (a) a from t order by a, 1;
select a from t group by 1 having count(*) > 0 order by 1;
select 1 union all select 2 order by 1;
select 1 where 1=0 union select 2;
values (1,2),(3,4);
table t3;
select "a" from "t" where a = 1 for update;
select a from t tablesample system (100) repeatable (1) order by a;
select 1 as x; select 2 as "X";
select '{1,2}'::int[], '(1,2)'::point;
select (array[1,2,3])[1], ('{1,2}'::int[])[1:2], ARRAY[[1,2],[3,4]];
select not true; select 5 is distinct from null;
select current_date = '2020-01-01', current_timestamp(3) is null;
insert into t default values;
insert into t(a) select 1 on conflict do nothing returning 'r';
select 'a'
'b';
select xmlelement(name foo, 'x'), json_build_object('a', 1);
merge into t using (values (1)) v(x) on t.a = v.x when matched then update set b = 'm' when not matched then insert values (v.x, 'n');
create temp table tmp1(a int default 5, check (a > 0));
alter table t add column d int default 7;
truncate t3;
drop table t3;
select error;
select 1/0;
grant select on t to public;
vacuum t;
lock table t;
notify foo;
select 1 \; select 2 \; select 'x' ;
select 1 -- trailing
;
/* first */ select 7 /* last */;
select * from own();

-- Statements within statements, and binding.
set pg_stat_statements.track = 'all';
select pg_stat_statements_reset() is null;
select f(1); select f(2);
create materialized view mv as select a from t where a > 1;
refresh materialized view mv;
copy (select a from t where a = 3) to stdout;
explain (analyze, costs off, timing off, summary off) select 1+1+1;
select * from own();
set pg_stat_statements.track_utility = off;
select pg_stat_statements_reset() is null;
show work_mem;
select * from own();
set pg_stat_statements.track_planning = on;
select pg_stat_statements_reset() is null;
select 1 + 1;
select calls, plans, total_plan_time > 0 as planned, query from pg_stat_statements where query like 'select $1 +%';
reset pg_stat_statements.track_planning;
set pg_stat_statements.track = 'none';
select pg_stat_statements_reset() is null;
select 1;
select * from own();
reset pg_stat_statements.track;
reset pg_stat_statements.track_utility;

-- The same text on other tables is another statement.
create schema a; create schema b; create table a.u(x int); create table b.u(x int);
select pg_stat_statements_reset() is null;
set search_path = a, public; select x from u; select  X from U; select "x" from "u"; select z.x from u z; select u.x from a.u;
set search_path = b, public; select x from u;
reset search_path;
select calls, query from pg_stat_statements where query like '%x from u' order by 1;
select pg_stat_statements_reset(0, 0, (select queryid from pg_stat_statements where query = 'select x from u' and calls = 5));
select calls, query from pg_stat_statements where query = 'select x from u';
select pg_stat_statements_reset(1, 1, 1);
select pg_stat_statements_reset(null);
select dealloc, stats_reset < now() from pg_stat_statements_info;
select calls, rows, total_exec_time >= max_exec_time, min_exec_time <= mean_exec_time, mean_exec_time <= max_exec_time,
       stddev_exec_time >= 0, plans, total_plan_time, wal_bytes >= 0, pg_typeof(wal_bytes), jit_functions
  from pg_stat_statements where query = 'select x from u';
select count(*) from pg_stat_statements(false) where query is not null;

-- Who sees what.
grant usage on schema public to pgss_joe;
set role pgss_joe;
select 5 as joe;
select query, queryid is null as noid, toplevel from pg_stat_statements(true) where query in ('select $1 as joe', 'select x from u');
select count(*) > 0 from pg_stat_statements where query = '<insufficient privilege>' and queryid is null;
reset role;
grant pg_read_all_stats to pgss_joe;
set role pgss_joe;
select query, queryid is null as noid from pg_stat_statements where query in ('select $1 as joe', 'select x from u') order by 1;
reset role;

-- Query ids.
set compute_query_id = off;
select query_id is null from pg_stat_activity where pid = pg_backend_pid();
select pg_stat_statements_reset() is null;
select * from own();
set compute_query_id = on;
select query_id is null from pg_stat_activity where pid = pg_backend_pid();
create temp table ids (id bigint);
insert into ids select query_id from pg_stat_activity where pid = pg_backend_pid();
select count(*) from ids join pg_stat_statements on queryid = id and query like 'insert into ids%';
drop function own();
drop extension pg_stat_statements;
drop schema a cascade;
drop schema b cascade;
revoke usage on schema public from pgss_joe;
drop role pgss_joe;
