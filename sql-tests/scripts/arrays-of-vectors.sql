-- int2vector and oidvector as elements of arrays.
select array['1 2'::int2vector, '3'::int2vector];
select array['1 2'::oidvector] || '4 5'::oidvector;
select '{"1 2","3 4"}'::int2vector[];
select ('{"1 2","3 4"}'::int2vector[])[2], (('{"1 2","3 4"}'::int2vector[])[2])[1];
select array_agg(v) from (values ('1 2'::int2vector), ('5'::int2vector)) x(v);
select array_agg(indkey order by indexrelid) is not null from pg_index where indexrelid < 2700;
create table kv (v int2vector[], o oidvector[]); insert into kv values ('{1 2}', '{3 4}'); select * from kv; select unnest(v), unnest(o) from kv; select v = '{1 2}', o[1] from kv;
drop table kv;
