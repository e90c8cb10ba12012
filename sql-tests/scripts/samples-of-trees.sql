-- TABLESAMPLE of partitioned and inherited tables.
create table kp (a int, b int) partition by range (a);
create table kp1 partition of kp for values from (0) to (10);
create table kp2 partition of kp for values from (10) to (20) partition by range (a);
create table kp21 partition of kp2 for values from (10) to (15);
insert into kp select i, i from generate_series(0, 14) i;
select count(*) from kp tablesample system (100);
select count(*) from kp tablesample bernoulli (100) repeatable (1);
select count(*) from kp tablesample bernoulli (0);
select * from kp tablesample bernoulli (100) where a = 3;
create table ki (a int); create table kic (b int) inherits (ki); insert into ki values (1); insert into kic values (2, 3);
select * from ki tablesample system (100) order by 1;
select * from only ki tablesample system (100) order by 1;
drop table kp;
drop table ki cascade;
