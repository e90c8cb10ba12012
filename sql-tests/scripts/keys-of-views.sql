-- Views that group by a primary key need it.
create table kd (id int primary key, t text, u text);
create view kdv as select id, t, count(*) from kd group by id;
alter table kd drop constraint kd_pkey;
alter table kd drop constraint kd_pkey cascade;
create table kd2 (id int primary key, t text);
create view kdv as select id, count(*) from kd2 group by id;
alter table kd2 drop constraint kd2_pkey;
drop view kdv;
create view kdv as select id from kd where exists (select t from kd2 group by t);
drop table kd cascade; drop table kd2;
