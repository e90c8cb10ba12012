-- GIN indexes: what is looked for in arrays, documents and texts is found in every row that has it, and in no other.
set extra_float_digits = 0;

-- definitions
create table gin_t (id int primary key, a int[], t text[], j jsonb, v tsvector, body text);
create index gin_a on gin_t using gin (a);
create index gin_t_idx on gin_t using gin (t array_ops) with (fastupdate = off, gin_pending_list_limit = 128);
create index gin_j on gin_t using gin (j);
create index gin_jp on gin_t using gin (j jsonb_path_ops);
create index gin_v on gin_t using gin (v);
create index gin_body on gin_t using gin (to_tsvector('english', body));
create index gin_many on gin_t using gin (a, t, j jsonb_path_ops);
create index gin_part on gin_t using gin (a) where id > 2900;
\d gin_t
\d gin_many
select indexrelid::regclass, indnatts, indoption, indclass, indisunique, indisvalid from pg_index
  where indrelid = 'gin_t'::regclass order by 1::text;
select relname, amname, reloptions from pg_class c join pg_am a on a.oid = relam
  where relname like 'gin\_%' and relkind = 'i' order by 1;
select pg_get_indexdef('gin_many'::regclass), pg_get_indexdef('gin_body'::regclass);

-- what cannot be
create unique index on gin_t using gin (a);
create index on gin_t using gin (a) include (id);
create index on gin_t using gin (a desc);
create index on gin_t using gin (a nulls first);
create index on gin_t using gin (id);
create index on gin_t using gin (body);
create index on gin_t using gin (v tsvector_ops, body tsvector_ops);
create index on gin_t using gin (a no_such_ops);
create index on gin_t using gin (a) with (fillfactor = 70);
create index on gin_t using gin (a) with (gin_pending_list_limit = 1);
create index on gin_t using gin (a) with (fastupdate = maybe);
alter index gin_a set (fastupdate = off);
alter index gin_a set (fillfactor = 50);
alter index gin_a reset (fastupdate);
cluster gin_t using gin_a;
create table gin_p (p point[]);
create index on gin_p using gin (p);
drop table gin_p;
create table gin_x (a int[], exclude using gin (a with &&));

-- rows
insert into gin_t select i,
  case when i % 97 = 0 then null when i % 89 = 0 then '{}' when i % 83 = 0 then array[i, null] else array[i % 50, i % 7 + 100, i] end,
  array['w' || i % 40, case when i % 50 = 0 then null else 'x' || i % 300 end],
  case when i % 91 = 0 then null when i % 79 = 0 then to_jsonb(i) when i % 73 = 0 then to_jsonb('s' || i % 5)
       when i % 71 = 0 then '[]' when i % 67 = 0 then 'null'
       else jsonb_build_object('id', i, 'tags', jsonb_build_array('t' || i % 30, i % 11, i % 2 = 0), 'o', jsonb_build_object('k' || i % 60, i % 13)) end,
  to_tsvector('simple', 'word' || i % 45 || ' other' || i % 33 || ' ' || case when i % 17 = 0 then 'rare' else 'common' end),
  'The quick foxes number ' || i || ' jumped over ' || case when i % 59 = 0 then 'lazy dogs' else 'a fence' end
from generate_series(1, 3000) i;
analyze gin_t;
select count(*) from gin_t;

-- arrays
select id, a from gin_t where a @> '{17, 2017}' order by id;
select count(*) from gin_t where a @> '{17}';
select count(*) from gin_t where a @> '{17}' and a @> '{103}';
select count(*) from gin_t where a && '{17, 2018, 101}';
select id, a from gin_t where a && '{1162, 2999}' order by id;
select count(*) from gin_t where a <@ '{1, 101, 102, 2, 51, 151}';
select count(*) from gin_t where a <@ '{}';
select count(*) from gin_t where a @> '{}';
select count(*) from gin_t where a && '{}';
select count(*) from gin_t where a = '{}';
select id from gin_t where a = '{17, 101, 2017}' order by 1;
select id from gin_t where a = array[83, null] order by 1;
select count(*) from gin_t where a @> array[83, null];
select count(*) from gin_t where a && array[null]::int[];
select count(*) from gin_t where a @> null;
select count(*) from gin_t where '{17, 2017}' <@ a;
select count(*) from gin_t where '{1, 2, 3, 101, 102, 103, 51, 52}' @> a;
select count(*) from gin_t where t @> array['w17', 'x17'];
select count(*) from gin_t where t && array['x17', 'nothing'];
select count(*) from gin_t where t @> array['w17'] and a @> '{17}';
select count(*) from gin_t where t @> array['w17'] and a @> '{17}' and j @> '{"o": {"k17": 4}}';
select id from gin_t where id > 2900 and a @> '{17}' order by 1;
select count(*) from gin_t where not a @> '{17}';
select count(*) from gin_t where a @> '{17}' or t @> '{w5}';

-- jsonb
select count(*) from gin_t where j @> '{"tags": ["t7"]}';
select count(*) from gin_t where j @> '{"tags": ["t7", 3]}';
select count(*) from gin_t where j @> '{"o": {"k7": 7}}';
select count(*) from gin_t where j @> '{"o": {}}';
select count(*) from gin_t where j @> '{}';
select count(*) from gin_t where j @> '[]';
select count(*) from gin_t where j @> 'null';
select j from gin_t where j @> '1106' order by id;
select j from gin_t where j @> '1106.00' order by id;
select count(*) from gin_t where j @> '"s3"';
select count(*) from gin_t where j ? 's3';
select count(*) from gin_t where j ? 'tags';
select count(*) from gin_t where j ? 'k7';
select count(*) from gin_t where j ?| array['s3', 's4', 'nothing'];
select count(*) from gin_t where j ?| '{}';
select count(*) from gin_t where j ?& array['tags', 'o'];
select count(*) from gin_t where j ?& '{}';
select count(*) from gin_t where j ?& array['tags', null];
select count(*) from gin_t where j @? '$.o.k7';
select count(*) from gin_t where j @? '$.tags[*] ? (@ == "t7")';
select count(*) from gin_t where j @? '$.id ? (@ == 55 || @ == 56)';
select count(*) from gin_t where j @? '$.o.* ? (@ == 7)';
select count(*) from gin_t where j @? 'strict $.o.k7 ? (@ > 3)';
select count(*) from gin_t where j @? '$.o.keyvalue() ? (@.key == "k7")';
select count(*) from gin_t where j @? '$ ? (!(@.id == 55))';
select count(*) from gin_t where j @@ '$.id == 55';
select count(*) from gin_t where j @@ '$.id == 55 && $.o.k55 == 3';
select count(*) from gin_t where j @@ 'exists($.o.k7)';
select count(*) from gin_t where j @@ '$.tags[*] == "t7" || $.id == 2';
select count(*) from gin_t where j @@ '$.tags[*] starts with "t7"';
select count(*) from gin_t where j @@ '!($.id == 5)';
select count(*) from gin_t where j @@ '$.**.k7 == 7';
select count(*) from gin_t where '{"id": 77}' <@ j;

-- text
select count(*) from gin_t where v @@ 'word7';
select count(*) from gin_t where v @@ 'word7 & rare';
select count(*) from gin_t where v @@ 'word7 & !rare';
select count(*) from gin_t where v @@ '!rare';
select count(*) from gin_t where v @@ 'word7 | rare';
select count(*) from gin_t where v @@ 'word7 | !rare';
select count(*) from gin_t where v @@ 'wor:* & other3:*';
select count(*) from gin_t where v @@ 'word7 <-> other7';
select count(*) from gin_t where v @@ 'word7 <2> rare';
select count(*) from gin_t where v @@ 'word7:A';
select count(*) from gin_t where 'word7 & other10'::tsquery @@ v;
select count(*) from gin_t where to_tsvector('english', body) @@ to_tsquery('english', 'lazy & dog');
select id from gin_t where to_tsvector('english', body) @@ plainto_tsquery('english', 'foxes jumping 59') order by 1;

-- values that are known when it runs
prepare gin_q(int[]) as select count(*) from gin_t where a @> $1;
execute gin_q('{17}');
execute gin_q('{}');
execute gin_q(null);
execute gin_q('{17, 100}');
deallocate gin_q;
select k.x, (select count(*) from gin_t where a @> array[k.x]) from generate_series(10, 14) k(x) order by 1;
select k.x, c.n from generate_series(10, 14) k(x), lateral (select count(*) n from gin_t where v @@ ('word' || k.x)::tsquery) c order by 1;

-- changes
begin;
update gin_t set a = a || 9999 where a @> '{17}';
select count(*) from gin_t where a @> '{9999}';
savepoint s;
update gin_t set a = array_remove(a, 17) where a @> '{17}';
select count(*) from gin_t where a @> '{17}';
delete from gin_t where a @> '{9999}';
select count(*) from gin_t where a @> '{9999}';
rollback to s;
select count(*) from gin_t where a @> '{9999}';
select count(*) from gin_t where a @> '{17}';
rollback;
select count(*) from gin_t where a @> '{9999}';
select count(*) from gin_t where a @> '{17}';
update gin_t set a = '{}', j = '{"new": [1, {"deep": "value"}]}', v = 'fresh' where id between 100 and 110;
select count(*) from gin_t where a = '{}';
select count(*) from gin_t where j @> '{"new": [{"deep": "value"}]}';
select count(*) from gin_t where j @? '$.new.deep';
select count(*) from gin_t where v @@ 'fresh';
update gin_t set a = null, j = null, v = null where id between 105 and 110;
select count(*) from gin_t where a = '{}';
select count(*) from gin_t where j ? 'new';
select count(*) from gin_t where v @@ 'fresh';
delete from gin_t where id between 100 and 104;
select count(*) from gin_t where v @@ 'fresh';
insert into gin_t (id, a) values (100, '{17, 17, 17}'), (101, '{{17, 18}, {19, 20}}');
select id, a from gin_t where a @> '{17}' and id in (100, 101) order by id;
select id, a from gin_t where a @> '{20, 18}' order by id;
insert into gin_t (id, a) values (100, '{4242}') on conflict (id) do update set a = gin_t.a || excluded.a;
select id, a from gin_t where a @> '{4242}';
update gin_t set id = id + 10000 where id = 100;
select id, a from gin_t where a @> '{4242}';
select id, a from gin_t where a @> '{4242}' and id > 2900;
copy gin_t (id, a, t, j, v) from stdin;
5001	{5001,17}	{copied}	{"copied": true}	'copied':1A
5002	\N	{copied,null}	"copied"	\N
\.
select id from gin_t where t @> '{copied}' order by 1;
select id from gin_t where j ? 'copied' order by 1;
select id from gin_t where v @@ 'copied:A' order by 1;
select a.id, b.id from gin_t a, gin_t b where a.a @> array[b.id] and b.t @> '{copied}' order by 1, 2;
select id from gin_t where a @> '{5001}' for update;

select gin_clean_pending_list('gin_a') >= 0, gin_clean_pending_list('gin_v'::regclass) >= 0;
select gin_clean_pending_list('gin_t');
select gin_clean_pending_list('gin_t_pkey');

-- long things
insert into gin_t (id, t, j) values (6001, array[repeat('long', 400), 'short'], jsonb_build_object('long', repeat('x', 3000)));
insert into gin_t (id, t, j) values (6002, array[repeat('long', 400) || '!'], jsonb_build_object('long', repeat('x', 3001)));
select id from gin_t where t @> array[repeat('long', 400)];
select id from gin_t where j @> jsonb_build_object('long', repeat('x', 3001));

-- made anew
reindex index gin_j;
reindex table gin_t;
select count(*) from gin_t where j @> '{"tags": ["t7"]}';
drop index gin_a, gin_jp, gin_many, gin_part;
create index concurrently gin_a on gin_t using gin (a);
create index gin_jp on gin_t using gin (j jsonb_path_ops);
select count(*) from gin_t where a @> '{17}';
alter table gin_t alter column a type bigint[];
select count(*) from gin_t where a @> '{17}';
\d gin_a
truncate gin_t;
select count(*) from gin_t where a @> '{17}';
insert into gin_t (id, a) select i, array[i, i % 3] from generate_series(1, 2000) i;
select count(*) from gin_t where a @> '{17, 2}';
drop table gin_t;

-- partitions
create table gin_parts (k int, tags text[]) partition by range (k);
create table gin_parts1 partition of gin_parts for values from (0) to (1000);
create table gin_parts2 partition of gin_parts for values from (1000) to (2000);
create index gin_parts_tags on gin_parts using gin (tags);
insert into gin_parts select i, array['a' || i % 100, 'b' || i % 7] from generate_series(0, 1999) i;
select count(*) from gin_parts where tags @> '{a7}';
update gin_parts set k = k + 1000 where tags @> '{a7, b0}' and k < 1000;
select tableoid::regclass, count(*) from gin_parts where tags @> '{a7, b0}' group by 1 order by 1::text;
select relname, pg_get_indexdef(c.oid) from pg_class c where relname like 'gin\_parts%tags%' order by 1;
drop table gin_parts;

-- other types of elements
create table gin_e (u uuid[], n numeric[], d date[], c varchar(10)[], b char(5)[], f float8[]);
create index on gin_e using gin (u, n, d, c, b, f);
insert into gin_e select array[md5(i::text)::uuid], array[i::numeric / 10, i], array['2024-01-01'::date + i], array['v' || i % 10], array['b' || i % 9]::char(5)[], array[i / 4.0, 'NaN']
  from generate_series(1, 2000) i;
select count(*) from gin_e where u @> array[md5('77')::uuid];
select count(*) from gin_e where n @> array[7.70];
select count(*) from gin_e where d && array['2024-03-01'::date];
select count(*) from gin_e where c @> array['v7']::varchar[];
select count(*) from gin_e where c @> array['v7']::text[]::varchar[];
select count(*) from gin_e where b @> array['b7']::char(9)[];
select count(*) from gin_e where f @> array['NaN', 2.25]::float8[];
select count(*) from gin_e where f @> array['-0', 0]::float8[];
drop table gin_e;
