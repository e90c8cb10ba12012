-- jsonb: text, order, operators, functions, subscripts, rows by name.
select '{"bb": 1.10, "a": [1, {"c": null}], "a": 2, "": "\u00e9"}'::jsonb;
select '1e5'::jsonb, '-0'::jsonb, '"\ud83d\ude00"'::jsonb;
select '"a\u0000b"'::jsonb;
select '"\ud83dX"'::jsonb;
select '{"a": }'::jsonb;
create table jsonb_order (id int primary key, j jsonb);
insert into jsonb_order values (1, 'null'), (2, '"b"'), (3, '"ab"'), (4, '10'), (5, '9.5'), (6, 'true'), (7, 'false'),
  (8, '[]'), (9, '[1]'), (10, '[1, 2]'), (11, '{}'), (12, '{"a": 1}'), (13, '{"a": 1, "b": 2}'), (14, '{"b": 1}'),
  (15, '1.0'), (16, '1.00');
select id, j from jsonb_order order by j, id;
select j, count(*) from jsonb_order group by j having count(*) > 1;
create index jsonb_order_j on jsonb_order (j);
select id from jsonb_order where j = '1' order by id;
select id from jsonb_order where j > '{}' order by id;
select a.id, b.id from jsonb_order a join jsonb_order b on a.j = b.j and a.id < b.id;
select '{"a": {"b": [1, "x", null]}}'::jsonb #> '{a,b,-1}', '{"a": {"b": [1, "x", null]}}'::jsonb #>> '{a,b,-2}',
  '5'::jsonb -> 0, '[1, 2]'::jsonb ->> -1, '{"a": 1}'::jsonb -> 'b';
select '{"a": [1, {"b": 2}], "c": 3}'::jsonb @> '{"a": [{"b": 2}]}', '[1, 2]'::jsonb @> '1', '1'::jsonb @> '[1]',
  '{"a": 1}'::jsonb ?| '{b,a}', '{"a": 1}'::jsonb ?& '{b,a}', '["a"]'::jsonb ? 'a';
select '{"a": 1}'::jsonb || '{"a": 2, "b": 3}', '[1]'::jsonb || '2', '{"a": 1}'::jsonb || '[2]', '{"a": 1, "b": 2}'::jsonb - 'a',
  '["a", "b"]'::jsonb - '{a}'::text[], '[1, 2, 3]'::jsonb - -1, '{"a": {"b": 1}}'::jsonb #- '{a,b}';
select jsonb_set('{"a": [1, 2]}', '{a,5}', '3'), jsonb_set('{"a": 1}', '{b}', '2', false), jsonb_insert('[1, 2]', '{0}', '0'),
  jsonb_insert('[1, 2]', '{-1}', '9', true), jsonb_set_lax('{"a": 1}', '{a}', null, true, 'delete_key');
select jsonb_set('{"a": [1]}', '{a,x}', '1');
select jsonb_insert('{"a": 1}', '{a}', '1');
select jsonb_set('5', '{a}', '1');
select jsonb_pretty('{"a": [1, {}], "b": []}');
select '"x"'::jsonb::int;
select '3.7'::jsonb::int, '3.5'::jsonb::numeric, 'true'::jsonb::bool;
select to_jsonb(array[[1, 2], [3, null]]), to_jsonb(timestamp '2020-01-02 03:04:05'), to_jsonb('NaN'::float8);
select jsonb_build_object('a', 1, 'b', array['x']), json_build_array(variadic array[1, 2]), jsonb_build_array(variadic null::int[]);
select jsonb_build_object('a');
select jsonb_object('{a,1,b,2}'), json_object('{a,b}', '{1,null}');
select row_to_json(t), to_jsonb(t) from (select 1 as x, 'y' as "Y y", null::int as n) t;
select json_agg(t), jsonb_object_agg(t.x, t) from (values (1, 'a'), (2, 'b')) t(x, y);
select row_to_json(row(1, 'a')), json_agg(o.j order by o.id) from jsonb_order o where id < 4;
select * from jsonb_each('{"a": 1, "b": "c"}'), jsonb_array_elements('[1, [2]]') as e;
select o.id, k from jsonb_order o, lateral jsonb_object_keys(case when jsonb_typeof(o.j) = 'object' then o.j else '{}' end) k
  order by o.id, k;
select * from json_to_record('{"a": 1, "b": [1, 2], "c": {"d": null}, "e": "2020-01-01"}') as x(a int, b int[], c jsonb, e date, f text);
select * from jsonb_to_recordset('[{"a": 1}, {"a": "2", "b": 3.5}]') as x(a int, b numeric);
select * from jsonb_to_record('{"a": {}}') as x(a int[]);
select * from jsonb_populate_record(null::jsonb_order, '{"id": 7, "j": {"x": [1]}}');
select jsonb_populate_record(row(1, '2')::jsonb_order, '{"j": null}');
select * from jsonb_to_recordset('{"a": 1}') as x(a int);
select * from jsonb_populate_recordset(row(1), '[{"f1": 5}]') as x(a text);
select ('{"a": [10, 20]}'::jsonb)['a'][1], ('[1]'::jsonb)[0], ('{"a": 1}'::jsonb)['a']['b'];
select ('[1, 2]'::jsonb)[0:1];
update jsonb_order set j['x']['y'][2] = '"new"' where id = 12 returning j;
update jsonb_order set j[5] = '1' where id = 9 returning j;
update jsonb_order set j['x'] = '1' where id = 4;
drop table jsonb_order;
