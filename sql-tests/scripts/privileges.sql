-- Privileges on relations, columns, schemas and databases; roles and what they inherit.
CREATE ROLE priv_owner; CREATE ROLE priv_reader; CREATE ROLE priv_group; CREATE ROLE priv_outsider;
GRANT priv_group TO priv_reader WITH ADMIN OPTION;
CREATE SCHEMA priv_s AUTHORIZATION priv_owner;
SET ROLE priv_owner;
CREATE TABLE priv_s.t (a int PRIMARY KEY, b text, c int DEFAULT 7);
INSERT INTO priv_s.t VALUES (1, 'one'), (2, 'two');
CREATE SEQUENCE priv_s.q;
CREATE VIEW priv_s.v AS SELECT a, c FROM priv_s.t;
GRANT USAGE ON SCHEMA priv_s TO priv_group, priv_outsider;
GRANT SELECT (a), UPDATE (b), INSERT (a, b) ON priv_s.t TO priv_group;
GRANT SELECT ON priv_s.v TO priv_outsider;
GRANT USAGE ON SEQUENCE priv_s.q TO priv_group WITH GRANT OPTION;
RESET ROLE;
SELECT relname, relacl FROM pg_class WHERE relnamespace = 'priv_s'::regnamespace AND relacl IS NOT NULL ORDER BY 1;
SELECT attname, attacl FROM pg_attribute WHERE attrelid = 'priv_s.t'::regclass AND attacl IS NOT NULL ORDER BY attnum;
SELECT nspacl FROM pg_namespace WHERE nspname = 'priv_s';
\dp priv_s.*
\dn+ priv_s
SET ROLE priv_reader;
SELECT a FROM priv_s.t ORDER BY a;
SELECT b FROM priv_s.t;
SELECT * FROM priv_s.t;
SELECT count(*) FROM priv_s.t;
SELECT t FROM priv_s.t;
SELECT 1 FROM priv_s.t x JOIN priv_s.t y USING (c);
INSERT INTO priv_s.t (a, b) VALUES (3, 'three');
INSERT INTO priv_s.t VALUES (4, 'four', 4);
INSERT INTO priv_s.t (a, b) VALUES (5, 'five') RETURNING a;
INSERT INTO priv_s.t (a, b) VALUES (6, 'six') RETURNING c;
INSERT INTO priv_s.t (a, b) VALUES (1, 'uno') ON CONFLICT (a) DO UPDATE SET b = 'uno';
INSERT INTO priv_s.t (a, b) VALUES (1, 'uno') ON CONFLICT (a) DO UPDATE SET c = 9;
INSERT INTO priv_s.t (a, b) VALUES (1, 'uno') ON CONFLICT (a) DO UPDATE SET b = excluded.b;
UPDATE priv_s.t SET b = 'x' WHERE a = 2;
UPDATE priv_s.t SET b = 'x' WHERE c = 7;
UPDATE priv_s.t SET c = 1;
DELETE FROM priv_s.t;
TRUNCATE priv_s.t;
SELECT a FROM priv_s.t ORDER BY a FOR UPDATE;
SELECT a FROM priv_s.v;
SELECT nextval('priv_s.q'), currval('priv_s.q');
SELECT setval('priv_s.q', 10);
GRANT USAGE ON SEQUENCE priv_s.q TO priv_outsider;
GRANT SELECT ON SEQUENCE priv_s.q TO priv_outsider;
DROP TABLE priv_s.t;
ALTER TABLE priv_s.t ADD COLUMN d int;
SET ROLE priv_outsider;
SELECT * FROM priv_s.v ORDER BY a;
SELECT * FROM priv_s.t;
RESET ROLE;
PREPARE priv_p AS SELECT a FROM priv_s.t ORDER BY a;
SET ROLE priv_reader;
EXECUTE priv_p;
RESET ROLE;
REVOKE SELECT (a) ON priv_s.t FROM priv_group;
SET ROLE priv_reader;
EXECUTE priv_p;
SELECT has_table_privilege('priv_s.t', 'SELECT'), has_any_column_privilege('priv_s.t', 'UPDATE'),
       has_column_privilege('priv_s.t', 'b', 'UPDATE'), has_column_privilege('priv_s.t', 'c', 'INSERT, UPDATE'),
       has_schema_privilege('priv_s', 'USAGE'), has_schema_privilege('priv_s', 'CREATE'),
       has_sequence_privilege('priv_s.q', 'USAGE WITH GRANT OPTION'), pg_has_role('priv_group', 'USAGE'),
       pg_has_role('priv_group', 'MEMBER WITH ADMIN OPTION'), pg_has_role('priv_owner', 'MEMBER');
SELECT has_table_privilege('priv_outsider', 'priv_s.v', 'SELECT'), has_table_privilege('public', 'priv_s.v', 'SELECT');
SELECT has_table_privilege('priv_nobody', 'priv_s.v', 'SELECT');
SELECT has_table_privilege('priv_s.v', 'PAINT');
RESET ROLE;
DEALLOCATE priv_p;
-- Grant options and what depends on them.
CREATE TABLE priv_s.o (i int);
GRANT SELECT ON priv_s.o TO priv_group WITH GRANT OPTION;
SET ROLE priv_group;
GRANT SELECT ON priv_s.o TO priv_outsider WITH GRANT OPTION;
GRANT SELECT, INSERT ON priv_s.o TO priv_reader;
GRANT INSERT ON priv_s.o TO priv_reader;
SET ROLE priv_outsider;
GRANT SELECT ON priv_s.o TO priv_group WITH GRANT OPTION;
GRANT SELECT ON priv_s.o TO PUBLIC WITH GRANT OPTION;
RESET ROLE;
SELECT relacl FROM pg_class WHERE relname = 'o';
SELECT grantor::regrole, grantee, privilege_type, is_grantable
  FROM pg_class, aclexplode(relacl) WHERE relname = 'o' AND grantee < 16384 ORDER BY 3, 4;
REVOKE SELECT ON priv_s.o FROM priv_group;
REVOKE GRANT OPTION FOR SELECT ON priv_s.o FROM priv_group CASCADE;
SELECT relacl FROM pg_class WHERE relname = 'o';
REVOKE ALL ON priv_s.o FROM priv_group;
GRANT PAINT ON priv_s.o TO priv_group;
GRANT USAGE ON priv_s.o TO priv_group;
GRANT DELETE (i) ON priv_s.o TO priv_group;
GRANT SELECT (nothing) ON priv_s.o TO priv_group;
GRANT SELECT ON priv_s.nothing TO priv_group;
GRANT SELECT ON priv_s.o TO priv_nobody;
GRANT SELECT ON ALL TABLES IN SCHEMA priv_s TO priv_reader GRANTED BY priv_owner;
GRANT SELECT ON ALL TABLES IN SCHEMA priv_s TO priv_reader;
SELECT relname, relacl FROM pg_class WHERE relnamespace = 'priv_s'::regnamespace AND relkind IN ('r', 'v') ORDER BY 1;
-- Defaults for what is made later.
ALTER DEFAULT PRIVILEGES FOR ROLE priv_owner IN SCHEMA priv_s GRANT SELECT ON TABLES TO priv_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE priv_owner GRANT USAGE ON SEQUENCES TO priv_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA priv_s GRANT SELECT ON SCHEMAS TO priv_reader;
\ddp priv_s
SET ROLE priv_owner;
CREATE TABLE priv_s.later (i int);
CREATE SEQUENCE priv_s.later_q;
RESET ROLE;
SELECT relname, relacl FROM pg_class WHERE relname IN ('later', 'later_q') ORDER BY 1;
-- Roles.
GRANT priv_reader TO priv_group;
REVOKE ADMIN OPTION FOR priv_group FROM priv_reader;
GRANT priv_group TO priv_reader;
REVOKE priv_owner FROM priv_reader;
CREATE ROLE priv_made IN ROLE priv_group ROLE priv_outsider ADMIN priv_owner NOINHERIT;
SELECT roleid::regrole, member::regrole, admin_option FROM pg_auth_members
  WHERE roleid::regrole::text LIKE 'priv_%' ORDER BY roleid::regrole::text, member::regrole::text;
SET ROLE priv_outsider;
GRANT priv_made TO priv_reader;
SET ROLE priv_made;
SELECT current_user = 'priv_made', session_user = current_user;
RESET ROLE;
SET SESSION AUTHORIZATION priv_outsider;
SET ROLE priv_owner;
SET ROLE priv_made;
SELECT has_schema_privilege('priv_s', 'USAGE');
SET SESSION AUTHORIZATION postgres;
RESET SESSION AUTHORIZATION;
-- Owners.
DROP ROLE priv_owner;
REASSIGN OWNED BY priv_owner TO priv_group;
SELECT relname, relowner::regrole, relacl FROM pg_class WHERE relnamespace = 'priv_s'::regnamespace ORDER BY 1;
SELECT nspowner::regrole, nspacl FROM pg_namespace WHERE nspname = 'priv_s';
DROP OWNED BY priv_owner;
DROP ROLE priv_owner;
DROP ROLE priv_group;
DROP OWNED BY priv_group;
DROP OWNED BY priv_group CASCADE;
DROP OWNED BY priv_reader, priv_outsider;
DROP SCHEMA IF EXISTS priv_s CASCADE;
DROP ROLE priv_group, priv_reader, priv_outsider, priv_made;
SELECT rolname FROM pg_roles WHERE rolname LIKE 'priv_%';
SELECT makeaclitem(10, 0, 'SELECT', true), acldefault('n', 10), 'postgres=r*w/postgres'::aclitem,
       '=U/postgres'::aclitem = '=U/postgres'::aclitem, '{postgres=arw/postgres}'::aclitem[] @> 'postgres=r/postgres';
SELECT 'priv_nobody=r/postgres'::aclitem;
SELECT 'postgres=q/postgres'::aclitem;
