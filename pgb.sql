\set a random(1,100)
select count(*) from t where a = :a;
begin;
insert into t(a) values (:a);
rollback;
