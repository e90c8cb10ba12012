-- GiST indexes: shapes, ranges, networks and texts are found by how they stand to others, and rows in order of distance.
set extra_float_digits = 0;

-- definitions
create table gist_t (id int primary key, b box, p point, poly polygon, c circle, r int4range, nr numrange, tr tsrange,
  mr int4multirange, ip inet, v tsvector, q tsquery, s text);
create index gist_b on gist_t using gist (b);
create index gist_p on gist_t using gist (p point_ops) with (fillfactor = 80, buffering = auto);
create index gist_poly on gist_t using gist (poly);
create index gist_c on gist_t using gist (c);
create index gist_r on gist_t using gist (r) include (id, s);
create index gist_nr on gist_t using gist (nr);
create index gist_tr on gist_t using gist (tr);
create index gist_mr on gist_t using gist (mr);
create index gist_ip on gist_t using gist (ip inet_ops);
create index gist_v on gist_t using gist (v);
create index gist_q on gist_t using gist (q);
create index gist_many on gist_t using gist (r, b);
create index gist_part on gist_t using gist (b) where id > 1900;
create index gist_expr on gist_t using gist (box(p, p));
\d gist_t
\d gist_many
\d gist_r
\d gist_q
select indexrelid::regclass, indnatts, indnkeyatts, indoption, indclass, indisunique, indisvalid from pg_index
  where indrelid = 'gist_t'::regclass order by 1::text;
select relname, amname, reloptions from pg_class c join pg_am a on a.oid = relam
  where relname like 'gist\_%' and relkind = 'i' order by 1;
select pg_get_indexdef('gist_many'::regclass), pg_get_indexdef('gist_expr'::regclass), pg_get_indexdef('gist_r'::regclass);
select i, p, pg_index_has_property(i::regclass, p)
  from unnest(array['gist_b', 'gist_r']) i, unnest(array['clusterable', 'index_scan', 'bitmap_scan', 'backward_scan']) p order by 1, 2;
select i, n, p, pg_index_column_has_property(i::regclass, n, p)
  from unnest(array['gist_b', 'gist_p', 'gist_r', 'gist_ip']) i, generate_series(1, 3) n,
       unnest(array['asc', 'orderable', 'distance_orderable', 'returnable', 'search_array', 'search_nulls']) p
  order by 1, 2, 3;

-- what cannot be
create unique index on gist_t using gist (b);
create index on gist_t using gist (b desc);
create index on gist_t using gist (b nulls first);
create index on gist_t using gist (id);
create index on gist_t using gist (ip);
create index on gist_t using gist (s);
create index on gist_t using gist (b point_ops);
create index on gist_t using gist (b no_such_ops);
create index on gist_t using gist (b) with (fillfactor = 5);
create index on gist_t using gist (b) with (buffering = maybe);
create index on gist_t using gist (b) with (fastupdate = off);
create table gist_x (room int, during int4range, exclude using gist (room with =, during with &&));
create table gist_x (a box, exclude using gist (a with <<));
create table gist_x (a box, exclude using gist (a with =));

-- rows
insert into gist_t select i,
  case when i % 97 = 0 then null else box(point(x, y), point(x + w, y + h)) end,
  case when i % 89 = 0 then null else point(x / 7.0, y / 3.0) end,
  case when i % 83 = 0 then null else polygon(box(point(x, y), point(x + h, y + w))) end,
  case when i % 79 = 0 then null else circle(point(x, y), w / 2.0) end,
  case when i % 73 = 0 then null when i % 71 = 0 then 'empty' when i % 67 = 0 then int4range(null, x) when i % 61 = 0 then int4range(x, null)
       else int4range(x, x + w) end,
  case when i % 59 = 0 then '(,)' else numrange(x / 3.0, x / 3.0 + h / 9.0, (array['[]', '()', '[)', '(]'])[1 + i % 4]) end,
  tsrange(timestamp '2020-01-01' + x * interval '1 hour', timestamp '2020-01-01' + (x + w) * interval '1 hour'),
  case when i % 53 = 0 then '{}' else int4multirange(int4range(x, x + w), int4range(x + w + h, x + w + h + 3)) end,
  set_masklen((x % 4 + 10 || '.' || y % 256 || '.' || w || '.' || i % 256)::inet, (array[32, 24, 16, 28])[1 + i % 4]),
  to_tsvector('simple', 'word' || i % 45 || ' other' || i % 33 || ' ' || case when i % 17 = 0 then 'rare' else 'common' end),
  ('w' || i % 9 || ' & (v' || i % 5 || ' | !u' || i % 3 || ')')::tsquery,
  'row ' || i
from (select i, (i * 7919) % 1009 as x, (i * 104729) % 997 as y, 1 + (i * 31) % 23 as w, 1 + (i * 17) % 19 as h
      from generate_series(1, 2000) i) g;
analyze gist_t;
select count(*) from gist_t;

-- each operator: what the index says is what a table without one says
create table gist_plain as select * from gist_t;
create table gist_conds (n int generated always as identity, part text, c text);
insert into gist_conds (part, c) select 'b', 'b ' || op || ' box(point(400,400), point(440,470))'
  from unnest(array['<<', '&<', '&&', '&>', '>>', '~=', '@>', '<@', '&<|', '<<|', '|>>', '|&>']) op;
insert into gist_conds (part, c) select 'poly', 'poly ' || op || ' polygon(box(point(400,400), point(440,470)))'
  from unnest(array['<<', '&<', '&&', '&>', '>>', '~=', '@>', '<@', '&<|', '<<|', '|>>', '|&>']) op;
insert into gist_conds (part, c) select 'c', 'c ' || op || ' circle(point(400,400), 40)'
  from unnest(array['<<', '&<', '&&', '&>', '>>', '~=', '@>', '<@', '&<|', '<<|', '|>>', '|&>']) op;
insert into gist_conds (part, c) select 'p', 'p ' || op || ' point(70,150)' from unnest(array['<<', '>>', '~=', '<<|', '|>>', '<^', '>^']) op;
insert into gist_conds (part, c) values ('p', 'p <@ box(point(60,100), point(80,140))'), ('p', 'p <@ polygon ''((60,100),(90,140),(70,200))'''),
  ('p', 'p <@ circle(point(60,100), 20)'), ('p', 'box(point(60,100), point(80,140)) @> p'),
  ('p', 'p <@ box(point(60,100), point(80,140)) and p >> point(70, 0)');
insert into gist_conds (part, c) select 'r', 'r ' || op || ' ' || k
  from unnest(array['<<', '&<', '&&', '&>', '>>', '-|-', '@>', '<@', '=']) op,
       unnest(array['int4range(500,520)', '''empty''::int4range', 'int4range(null,3)', 'int4multirange(int4range(10,20), int4range(700,720))']) k
  where not (op = '=' and k like '%multi%') order by op, k;
insert into gist_conds (part, c) values ('r', 'r @> 500'), ('r', '500 <@ r'), ('nr', 'nr @> 100.5'), ('nr', 'nr @> 7::numeric');
insert into gist_conds (part, c) select 'nr', 'nr ' || op || ' numrange(100, 101.5)' from unnest(array['<<', '&<', '&&', '&>', '>>', '-|-', '@>', '<@', '=']) op;
insert into gist_conds (part, c) select 'tr', 'tr ' || op || ' tsrange(''2020-01-20 10:00'', ''2020-01-21 12:00'')'
  from unnest(array['<<', '&<', '&&', '&>', '>>', '-|-', '@>', '<@', '=']) op;
insert into gist_conds (part, c) select 'mr', 'mr ' || op || ' ' || k
  from unnest(array['<<', '&<', '&&', '&>', '>>', '-|-', '@>', '<@', '=']) op,
       unnest(array['int4range(500,520)', '''{}''::int4multirange', 'int4multirange(int4range(10,20), int4range(700,720))']) k
  where not (op = '=' and k not like '%multi%') order by op, k;
insert into gist_conds (part, c) select 'ip', 'ip ' || op || ' ''' || k || '''::inet'
  from unnest(array['&&', '=', '<>', '<', '<=', '>', '>=', '<<', '<<=', '>>', '>>=']) op, unnest(array['10.17.0.0/16', '11.1.2.3']) k order by op, k;
insert into gist_conds (part, c) select 'v', 'v @@ ''' || k || '''::tsquery'
  from unnest(array['rare', 'word7 & rare', 'word7 | word8', '!common', 'wo:*', 'word7 <-> other7', 'nothing', 'rare & !word7']) k;
insert into gist_conds (part, c) select 'q', 'q ' || op || ' ''w3 & v3''::tsquery' from unnest(array['@>', '<@']) op;
insert into gist_conds (part, c) values ('several', 'r && int4range(500,520) and b && box(point(0,0), point(2000,300))'), ('several', 'b is null and r @> 300'),
  ('several', 'id > 1900 and b && box(point(400,400), point(700,700))'), ('several', 'box(p, p) <@ box(point(60,100), point(80,140))'),
  ('b', 'b is null'), ('b', 'b && null'), ('changes', 'r && int4range(9000, 13000)'), ('changes', 'r @> 500'),
  ('changes', 'b && box(point(400,400), point(640,670))'), ('changes', 'nr && numrange(10, 20)'), ('changes', 'p << point(50,0)');
\t on
select format($$select %L, i, case when i = s then 'same' else 'but ' || s end from
  (select count(*) || ' ' || coalesce(sum(id), 0) || ' ' || coalesce(min(id), 0) as i from gist_t where %s) x,
  (select count(*) || ' ' || coalesce(sum(id), 0) || ' ' || coalesce(min(id), 0) as s from gist_plain where (%s) is true) y$$, c, c, c)
  from gist_conds order by n \gexec
select id, b, r from gist_t where b && box(point(400,400), point(440,470)) and r && int4range(400, 430) order by id;

-- in order of distance
explain (costs off) select id from gist_t order by p <-> '(70,150)'::point limit 5;
select id, p, round((p <-> point(70,150))::numeric, 6) from gist_t order by p <-> point(70,150), id limit 7;
select round((p <-> point(70,150))::numeric, 6) d from gist_t order by p <-> point(70,150) limit 10;
select round((p <-> point(-1e6,150))::numeric, 3) d from gist_t order by point(-1e6,150) <-> p limit 5;
select round((b <-> point(500,500))::numeric, 6) d from gist_t order by b <-> point(500,500) limit 10;
select round((c <-> point(300,300))::numeric, 6) d from gist_t order by c <-> point(300,300) limit 20;
select round((poly <-> point(300,700))::numeric, 6) d from gist_t order by poly <-> point(300,700) limit 20;
select round((p <-> point(70,150))::numeric, 6) d from gist_t where p << point(60,0) order by p <-> point(70,150) limit 6;
select round((p <-> point(70,150))::numeric, 6) d from gist_t where id % 10 = 0 order by p <-> point(70,150) limit 6 offset 3;
select id from gist_t where id between 80 and 100 order by p <-> point(70,150) limit 25;
select g, (select round((p <-> point(g, g))::numeric, 6) from gist_t order by p <-> point(g, g) limit 1) from generate_series(0, 140, 20) g;
select g, round(d::numeric, 6) from generate_series(0, 100, 50) g,
  lateral (select p <-> point(g, 100) d from gist_t order by p <-> point(g, 100) limit 3) x order by g, d;
select round((p <-> null)::numeric, 6) from gist_t order by p <-> null limit 2;

-- changes
begin;
update gist_t set b = box(point(5000, 5000), point(5001, 5001)), p = point(5000, 5000) where id % 100 = 1;
select count(*) from gist_t where b && box(point(4999, 4999), point(6000, 6000));
select count(*), max(p <-> point(5000, 5000)) from (select p from gist_t order by p <-> point(5000, 5000) limit 30) x;
savepoint s;
delete from gist_t where id % 100 = 1;
select count(*) from gist_t where b && box(point(4999, 4999), point(6000, 6000));
rollback to s;
select count(*) from gist_t where b && box(point(4999, 4999), point(6000, 6000));
rollback;
select count(*) from gist_t where b && box(point(4999, 4999), point(6000, 6000));
update gist_t set r = int4range(9000 + id, 9000 + id + 2) where id % 10 = 3;
update gist_t set r = int4range(1, 2) where id % 10 = 3;
update gist_t set r = int4range(9000 + id, 9000 + id + 2) where id % 10 = 3;
select count(*) from gist_t where r && int4range(9000, 13000);
delete from gist_t where id % 3 = 0;
vacuum gist_t;
truncate gist_plain;
insert into gist_plain select * from gist_t;
select format($$select %L, i, case when i = s then 'same' else 'but ' || s end from
  (select count(*) || ' ' || coalesce(sum(id), 0) || ' ' || coalesce(min(id), 0) as i from gist_t where %s) x,
  (select count(*) || ' ' || coalesce(sum(id), 0) || ' ' || coalesce(min(id), 0) as s from gist_plain where (%s) is true) y$$, c, c, c)
  from gist_conds where part = 'changes' order by n \gexec
reindex index gist_r;
reindex table gist_t;
truncate gist_plain;
insert into gist_plain select * from gist_t;
select format($$select %L, i, case when i = s then 'same' else 'but ' || s end from
  (select count(*) || ' ' || coalesce(sum(id), 0) || ' ' || coalesce(min(id), 0) as i from gist_t where %s) x,
  (select count(*) || ' ' || coalesce(sum(id), 0) || ' ' || coalesce(min(id), 0) as s from gist_plain where (%s) is true) y$$, c, c, c)
  from gist_conds where part = 'changes' order by n \gexec
create index concurrently gist_beside on gist_t using gist (nr, mr);
reindex index concurrently gist_b;
drop index concurrently gist_many;
truncate gist_plain;
insert into gist_plain select * from gist_t;
select format($$select %L, i, case when i = s then 'same' else 'but ' || s end from
  (select count(*) || ' ' || coalesce(sum(id), 0) || ' ' || coalesce(min(id), 0) as i from gist_t where %s) x,
  (select count(*) || ' ' || coalesce(sum(id), 0) || ' ' || coalesce(min(id), 0) as s from gist_plain where (%s) is true) y$$, c, c, c)
  from gist_conds where part = 'changes' order by n \gexec
alter index gist_b rename to gist_box;
alter index gist_box set (fillfactor = 60);
alter index gist_box reset (fillfactor);
alter table gist_plain alter p set data type point using point(p[1], p[0]);
alter table gist_t alter p set data type point using point(p[1], p[0]);
truncate gist_plain;
insert into gist_plain select * from gist_t;
select format($$select %L, i, case when i = s then 'same' else 'but ' || s end from
  (select count(*) || ' ' || coalesce(sum(id), 0) || ' ' || coalesce(min(id), 0) as i from gist_t where %s) x,
  (select count(*) || ' ' || coalesce(sum(id), 0) || ' ' || coalesce(min(id), 0) as s from gist_plain where (%s) is true) y$$, c, c, c)
  from gist_conds where part = 'changes' order by n \gexec

-- exclusion
create table gist_e (id int, during int4range, place box, exclude using gist (during with &&, place with &&));
\d gist_e
insert into gist_e select i, int4range(i * 10, i * 10 + 9), box(point(i, i), point(i + 5, i + 5)) from generate_series(1, 500) i;
insert into gist_e values (1001, int4range(100, 120), box(point(0, 0), point(3, 3)));
insert into gist_e values (1002, int4range(100, 105), box(point(12, 12), point(13, 13)));
insert into gist_e values (1002, int4range(100, 105), box(point(12, 12), point(13, 13))) on conflict do nothing;
insert into gist_e values (1003, null, box(point(12, 12), point(13, 13))), (1004, int4range(100, 120), null);
update gist_e set during = int4range(80, 85) where id = 7;
update gist_e set place = box(point(-9, -9), point(-8, -8)), during = int4range(1, 9999) where id = 7;
insert into gist_e values (1005, int4range(4000, 4001), box(point(-9, -9), point(0, 0)));
delete from gist_e where id = 7;
insert into gist_e values (1005, int4range(4000, 4001), box(point(-9, -9), point(0, 0)));
select count(*) from gist_e;
create table gist_f (c circle, k text);
insert into gist_f values ('<(0,0),5>', 'a'), ('<(3,0),5>', 'b');
alter table gist_f add exclude using gist (c with &&) where (k <> 'b');
alter table gist_f add constraint all_apart exclude using gist (c with &&);
insert into gist_f values ('<(1,1),1>', 'b'), ('<(20,1),1>', 'c');
insert into gist_f values ('<(1,1),1>', 'c');
alter table gist_f add constraint later exclude using gist (c with ~=) deferrable initially deferred;
begin;
insert into gist_f values ('<(20,1),1>', 'b');
commit;
begin;
insert into gist_f values ('<(20,1),1>', 'b');
delete from gist_f where k = 'c';
commit;
select count(*) from gist_f;
select pg_get_constraintdef(oid) from pg_constraint where conrelid = 'gist_f'::regclass order by 1;

-- words that bounds know nothing of: unlogged, temporary, partitioned
create unlogged table gist_u (r int4range);
create index on gist_u using gist (r);
insert into gist_u select int4range(i, i + 5) from generate_series(1, 2000) i;
select count(*) from gist_u where r @> 1000;
create temp table gist_tmp (p point);
create index on gist_tmp using gist (p);
insert into gist_tmp select point(i, i) from generate_series(1, 2000) i;
select p from gist_tmp order by p <-> point(1000.4, 1000.4) limit 3;
create table gist_parts (k int, r daterange) partition by hash (k);
create table gist_parts0 partition of gist_parts for values with (modulus 2, remainder 0);
create table gist_parts1 partition of gist_parts for values with (modulus 2, remainder 1);
create index on gist_parts using gist (r);
insert into gist_parts select i, daterange(date '2000-01-01' + i, date '2000-01-01' + i + 3) from generate_series(1, 2000) i;
select k from gist_parts where r @> date '2003-03-03' order by k;
create type gist_words as range (subtype = text);
create table gist_w (r gist_words);
create index on gist_w using gist (r);
insert into gist_w select gist_words(repeat(chr(97 + i % 26), 1 + i % 900) || i, repeat(chr(97 + i % 26), 1 + i % 900) || i || 'z') from generate_series(1, 1500) i;
select count(*) from gist_w where r @> (repeat('c', 156) || '1055z');
select count(*), sum(length(lower(r))) from gist_w where r && gist_words('c', 'e');
select count(*), sum(length(lower(r))) from gist_w where r << gist_words('c', 'e');

drop table gist_t, gist_plain, gist_conds, gist_e, gist_f, gist_u, gist_tmp, gist_parts, gist_w;
drop type gist_words;
