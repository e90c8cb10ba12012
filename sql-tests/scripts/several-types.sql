-- Several columns get other types in one statement: each USING reads the old row.
create table kx (a int, b text, c int);
insert into kx values (1, '2', 3);
alter table kx alter a type text using b || 'x', alter b type int using a + c, alter c type bigint using a * 10;
select * from kx;
\d kx
alter table kx drop column c, alter b type bigint using c;
select * from kx;
drop table kx;
create table kx (a int primary key, b int, c text default 'x', check (a < b));
create index on kx (b);
insert into kx values (1, 2), (3, 4);
alter table kx alter a type bigint using b, alter b type bigint using a + 10;
select * from kx order by a;
alter table kx alter c drop default, alter c type int using a, alter b type numeric(6, 2);
select * from kx order by a;
\d kx
create table kxc (d int) inherits (kx);
insert into kxc values (7, 8, 9, 10);
alter table kx alter a type int using c, alter c type int using a;
select * from kx order by a;
alter table only kx alter a type text, alter b type text;
alter table kxc alter a type text;
drop table kx cascade;
