-- TRUNCATE … CASCADE names each partition that refers, and leaves the children of a table that refers alone.
create table tc_key (a int primary key);
create table tc_part (a int references tc_key) partition by range (a);
create table tc_part_1 partition of tc_part for values from (0) to (100);
create table tc_part_2 partition of tc_part for values from (100) to (200) partition by range (a);
create table tc_part_2_1 partition of tc_part_2 for values from (100) to (150);
create table tc_plain (a int references tc_key);
create table tc_child () inherits (tc_plain);
insert into tc_key select * from generate_series(1, 120, 40);
insert into tc_part select a from tc_key;
insert into tc_plain select a from tc_key;
insert into tc_child select a from tc_key;
truncate tc_key;
truncate tc_key cascade;
select (select count(*) from tc_key), (select count(*) from tc_part), (select count(*) from only tc_plain), (select count(*) from tc_child);
drop table tc_child, tc_plain, tc_part, tc_key;
