-- Parts of columns as targets of ON CONFLICT DO UPDATE and MERGE.
create table kg (id int primary key, a int[], c int, d int);
insert into kg values (1, '{1,2,3}', 5, 6), (2, '{4}', 7, 8);
create type kgt as (x int, y text);
alter table kg add f kgt;
insert into kg values (1, '{9}', 0, 0) on conflict (id) do update set a[2] = excluded.a[1], f.y = 'q', (c, d) = (select 10, 11) returning *;
insert into kg values (1, '{9}', 0, 0) on conflict (id) do update set (c, d) = row(excluded.c + 1, kg.d + 1), a[1:2] = '{7,8}' returning *;
insert into kg values (1, '{9}', 0, 0) on conflict (id) do update set (c, d) = (select kg.c + excluded.c, max(x) from generate_series(1,3) x) returning *;
merge into kg using (values (1, 100), (3, 300)) v(i, n) on kg.id = v.i when matched then update set a[1] = v.n, f.x = v.n, (c, d) = (v.n, v.n + 1) when not matched then insert (id, a[1], a[2], f.x) values (v.i, v.n, 2, 3);
select * from kg order by id;
merge into kg using (values (1, 100), (3, 300)) v(i, n) on kg.id = v.i when matched then update set (c, d) = (select v.n, count(*) from kg);
select * from kg order by id;
merge into kg using (values (1, 100), (3, 300)) v(i, n) on kg.id = v.i when not matched then insert (id, a[1]) values (v.i, default);
drop table kg;
drop type kgt;
