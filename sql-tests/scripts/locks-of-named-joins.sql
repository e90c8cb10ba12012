-- FOR UPDATE over joins that have a name.
create table kg (id int primary key, a int);
insert into kg values (1, 10), (2, 20), (3, 30);
create table kh (id int primary key, z int);
insert into kh values (1, 1), (2, 2);
select * from (kg join kh using (id)) j order by 1 for update;
select * from (kg join kh using (id)) j order by 1 for update of j;
select * from (kg join kh using (id)) j order by 1 for update of kg;
select * from (kg join kh using (id)) j order by 1 for update of nope;
select * from (kg left join kh using (id)) j order by 1 for update of kg;
select * from kg join kh using (id) as j order by 1 for update of j;
select * from (select * from kg) s join kh using (id) order by 1 for share of s;
drop table kg, kh;
