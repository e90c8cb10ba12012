-- Objects are found by kind and name, told by class and OID, and put into words; whatever has a name comes back to itself.
\set VERBOSITY default
set client_min_messages = warning;
create schema shop;
set search_path to shop;
create text search dictionary words (template = simple);
create text search configuration texts (copy = english);
create text search template plain (lexize = dsimple_lexize);
create text search parser pieces (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype);
create table article (no int primary key constraint positive check (no > 0), label text default 'new', sizes varchar(10)[]);
create sequence numbers;
create table sale (day int primary key) partition by range (day);
create view offer as select no, label from article;
create materialized view stock as select no from article;
create type measure as (width int, height int);
create type colour as enum ('red', 'green');
create type span as range (subtype = int4);
create domain price as int4 constraint free check (value >= 0);
create function worth(amounts int[], unit text) returns int language sql as 'select 1';
create procedure tidy(int4) language sql as '';
create aggregate total(int4) (sfunc = int4pl, stype = int4);
create operator |+| (leftarg = int, rightarg = int, function = int4pl);
create policy mine on article;
create statistics pairs on no, label from article;
create conversion western for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;
create cast (colour as price) with inout;
alter default privileges in schema public grant all on tables to pg_monitor;
alter default privileges grant select on tables to public;
create temp table known (kind text, name text[], args text[]);
insert into known values
  ('table', '{shop,article}', '{}'), ('table', '{shop,sale}', '{}'), ('index', '{shop,article_pkey}', '{}'),
  ('sequence', '{shop,numbers}', '{}'), ('view', '{shop,offer}', '{}'), ('materialized view', '{shop,stock}', '{}'),
  ('table column', '{shop,article,label}', '{}'), ('view column', '{shop,offer,no}', '{}'),
  ('composite type column', '{shop,measure,height}', '{}'), ('default value', '{shop,article,label}', '{}'),
  ('table constraint', '{shop,article,positive}', '{}'), ('table constraint', '{shop,article,article_pkey}', '{}'),
  ('domain constraint', '{shop.price}', '{free}'), ('policy', '{shop,article,mine}', '{}'),
  ('rule', '{shop,offer,_RETURN}', '{}'), ('statistics object', '{shop,pairs}', '{}'),
  ('type', '{pg_catalog._int4}', '{}'), ('type', '{shop.colour}', '{}'), ('type', '{shop.span}', '{}'),
  ('type', '{shop.article}', '{}'), ('type', '{shop.measure}', '{}'), ('type', '{shop.price}', '{}'),
  ('function', '{shop,worth}', '{int[],text}'), ('function', '{pg_catalog,upper}', '{text}'),
  ('procedure', '{shop,tidy}', '{int4}'), ('aggregate', '{shop,total}', '{int4}'),
  ('operator', '{+}', '{int4,int4}'), ('operator', '{shop,|+|}', '{int4,int4}'),
  ('operator class', '{btree,text_ops}', '{}'), ('operator family', '{hash,integer_ops}', '{}'),
  ('operator of access method', '{btree,integer_ops,3}', '{integer,bigint}'),
  ('function of access method', '{btree,integer_ops,1}', '{integer,bigint}'),
  ('cast', '{shop.colour}', '{shop.price}'), ('cast', '{int4}', '{int8}'), ('collation', '{POSIX}', '{}'),
  ('conversion', '{shop,western}', '{}'), ('conversion', '{pg_catalog,iso_8859_1_to_utf8}', '{}'),
  ('text search dictionary', '{shop,words}', '{}'), ('text search parser', '{shop,pieces}', '{}'),
  ('text search configuration', '{shop,texts}', '{}'), ('text search template', '{shop,plain}', '{}'),
  ('language', '{sql}', '{}'), ('access method', '{hash}', '{}'), ('tablespace', '{pg_default}', '{}'),
  ('schema', '{shop}', '{}'), ('role', '{pg_monitor}', '{}'), ('database', '{template1}', '{}'),
  ('default acl', '{postgres,public}', '{r}'), ('default acl', '{postgres}', '{r}');
reset client_min_messages;

select k.kind, i.*, a.*, pg_describe_object(o.classid, o.objid, o.objsubid),
  (o.classid, o.objid, o.objsubid) = (b.classid, b.objid, b.objsubid) as same
from known k, pg_get_object_address(k.kind, k.name, k.args) o, pg_identify_object(o.classid, o.objid, o.objsubid) i,
  pg_identify_object_as_address(o.classid, o.objid, o.objsubid) a, pg_get_object_address(a.type, a.object_names, a.object_args) b
order by k.kind collate "C", k.name, k.args;

-- Names that are too short, too long, unknown or empty, with and without arguments, of every kind there is.
\set ECHO queries
select format('select (pg_get_object_address(%L, %L, %L)).objsubid', kind, name, args)
from unnest(array['access method', 'aggregate', 'cast', 'collation', 'composite type', 'composite type column', 'conversion', 'database',
    'default acl', 'default value', 'domain constraint', 'event trigger', 'extension', 'foreign table', 'foreign table column',
    'foreign-data wrapper', 'function', 'function of access method', 'index', 'language', 'large object', 'materialized view',
    'materialized view column', 'operator', 'operator class', 'operator family', 'operator of access method', 'policy', 'procedure',
    'publication', 'publication namespace', 'publication relation', 'role', 'routine', 'rule', 'schema', 'sequence', 'server',
    'statistics object', 'subscription', 'table', 'table column', 'table constraint', 'tablespace', 'text search configuration',
    'text search dictionary', 'text search parser', 'text search template', 'transform', 'trigger', 'type', 'user mapping', 'view',
    'view column', 'pebble']) with ordinality k(kind, n),
  unnest(array['{}', '{nobody}', '{shop,nobody}', '{shop,article,nobody}', '{a,b,c,d}', '{shop,article}', '{nobody,article}']) with ordinality m(name, o),
  unnest(array['{}', '{int4}', '{int4,text}']) with ordinality a(args, p)
where (o + p + n) % 3 = 0
order by n, o, p \gexec
\set ECHO all

-- What is not there, by class and OID.
select c::regclass, (pg_identify_object(c, 7, 0)).*, pg_describe_object(c, 7, 0)
from unnest(array['pg_class', 'pg_proc', 'pg_type', 'pg_cast', 'pg_collation', 'pg_constraint', 'pg_conversion', 'pg_attrdef',
    'pg_language', 'pg_operator', 'pg_opclass', 'pg_opfamily', 'pg_am', 'pg_rewrite', 'pg_trigger', 'pg_namespace', 'pg_ts_dict',
    'pg_authid', 'pg_database', 'pg_policy', 'pg_default_acl', 'pg_statistic_ext']::regclass[]) c;
select (pg_identify_object_as_address('pg_class'::regclass, 7, 0)).*;
select pg_identify_object(7, 7, 7);
select pg_describe_object(7, 7, 7);
select pg_identify_object_as_address('pg_statistic'::regclass, 7, 7);
select pg_describe_object('pg_proc'::regclass, 'upper(text)'::regprocedure, 0), pg_describe_object('pg_class'::regclass, 'article'::regclass, 2);
set client_min_messages = warning;
drop table known;
drop schema shop cascade;
alter default privileges in schema public revoke all on tables from pg_monitor;
alter default privileges revoke select on tables from public;
reset search_path;
reset client_min_messages;
