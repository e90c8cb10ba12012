//! Kernels belong to functions of PostgreSQL, occur once, and answer over the test catalog.

use super::TABLES;
use crate::catalog::testing;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::kernel::{CallInfo, Kernel, KernelBody};
use rustydb_types::{oid, pgdata, registry};
use std::collections::HashSet;

#[test]
fn kernels_belong_to_functions_of_postgresql_and_occur_once() {
    const SQL: u32 = 14;
    let known: HashSet<String> = pgdata::procs()
        .iter()
        .map(|p| if p.prolang == SQL { registry::signature(p) } else { p.prosrc.to_string() })
        .collect();
    let mut seen = HashSet::new();
    for k in TABLES.iter().flat_map(|t| t.iter()) {
        // The binder's own: PostgreSQL assigns to subscripts without a function.
        let own = super::json::KERNELS.iter().any(|o| o.name == k.name);
        assert!(own || known.contains(k.name), "{} is no function of PostgreSQL", k.name);
        assert!(seen.insert(k.name), "{} has two kernels", k.name);
    }
}

fn kernel(name: &str) -> &'static Kernel {
    TABLES.iter().flat_map(|t| t.iter()).find(|k| k.name == name).expect("the kernel is in a table")
}

const TEXT: TypeRef = TypeRef { oid: oid::TEXT, typmod: -1, collation: 100 };

fn call(name: &str, args: &[Datum]) -> Datum {
    let eval = testing::eval(&testing::catalog());
    let info = CallInfo { args: &[], result: TEXT, collation: 0 };
    match kernel(name).body {
        KernelBody::Scalar(f) | KernelBody::Vector(f, _) => f(&eval, &info, args).expect("answers"),
        KernelBody::Set(f) => {
            let rows = f(&eval, &info, args).expect("answers");
            let all: Vec<Datum> =
                rows.map(|r| Datum::Row(r.expect("row").into_iter().map(|d| (TEXT, d)).collect())).collect();
            super::array(oid::RECORD, all)
        }
    }
}

fn shown(name: &str, args: &[Datum]) -> String {
    match call(name, args) {
        Datum::Text(t) => t.to_string(),
        other => format!("{other:?}"),
    }
}

#[test]
fn definitions_are_postgresqls() {
    let o = Datum::Oid;
    assert_eq!(
        shown("pg_get_indexdef", &[o(testing::PARENT + 5)]),
        "CREATE UNIQUE INDEX parent_pkey ON public.parent USING btree (id)"
    );
    assert_eq!(
        shown("pg_get_indexdef", &[o(testing::PARENT + 6)]),
        "CREATE INDEX parent_expr ON public.parent USING btree (lower((name)::text) DESC, id) WHERE (amount > (0)::numeric)"
    );
    let ext = [o(testing::PARENT + 6), Datum::Int4(2), Datum::Bool(true)];
    assert_eq!(shown("pg_get_indexdef_ext", &ext), "id");
    assert_eq!(shown("pg_get_constraintdef", &[o(testing::PARENT + 7)]), "PRIMARY KEY (id)");
    assert_eq!(
        shown("pg_get_constraintdef", &[o(testing::CHILD + 7)]),
        "FOREIGN KEY (parent) REFERENCES parent(id) ON DELETE CASCADE"
    );
    assert_eq!(call("pg_get_constraintdef", &[o(1)]), Datum::Null);
    assert_eq!(
        shown("pg_get_serial_sequence", &[super::text("public.parent"), super::text("id")]),
        "public.parent_id_seq"
    );
    assert_eq!(shown("pg_get_userbyid", &[o(10)]), "postgres");
    assert_eq!(shown("pg_get_userbyid", &[o(77)]), "unknown (OID=77)");
    assert_eq!(
        shown("pg_describe_object", &[o(1259), o(testing::PARENT), Datum::Int4(2)]),
        "column name of table parent"
    );
}

#[test]
fn functions_are_described() {
    let named = |n: &str| Datum::Oid(pgdata::procs_named(n)[0].oid);
    assert_eq!(shown("pg_get_function_arguments", &[named("split_part")]), "text, text, integer");
    assert_eq!(shown("pg_get_function_result", &[named("pg_get_keywords")]), "SETOF record");
    // OUT arguments belong to the identity, too.
    for f in ["pg_get_function_arguments", "pg_get_function_identity_arguments"] {
        assert_eq!(
            shown(f, &[named("pg_get_keywords")]),
            "OUT word text, OUT catcode \"char\", OUT barelabel boolean, OUT catdesc text, OUT baredesc text"
        );
    }
    assert_eq!(
        shown("pg_get_functiondef", &[named("split_part")]),
        "CREATE OR REPLACE FUNCTION pg_catalog.split_part(text, text, integer)\n RETURNS text\n LANGUAGE internal\n \
         IMMUTABLE PARALLEL SAFE STRICT\nAS $function$split_part$function$\n"
    );
}

#[test]
fn modifiers_are_taken_apart() {
    let f = |name: &str, ty: u32, typmod: i32| call(name, &[Datum::Oid(ty), Datum::Int4(typmod)]);
    assert_eq!(f("_pg_char_max_length(oid,integer)", oid::VARCHAR, 24), Datum::Int4(20));
    assert_eq!(f("_pg_char_max_length(oid,integer)", oid::TEXT, -1), Datum::Null);
    assert_eq!(f("_pg_char_octet_length(oid,integer)", oid::VARCHAR, -1), Datum::Int4(1_073_741_824));
    assert_eq!(f("_pg_numeric_precision(oid,integer)", oid::NUMERIC, (10 << 16 | 2) + 4), Datum::Int4(10));
    assert_eq!(f("_pg_numeric_scale(oid,integer)", oid::NUMERIC, (10 << 16 | 2) + 4), Datum::Int4(2));
    assert_eq!(f("_pg_datetime_precision(oid,integer)", oid::TIMESTAMP, -1), Datum::Int4(6));
    assert_eq!(f("_pg_interval_type(oid,integer)", oid::INTERVAL, -1), Datum::Null);
}

#[test]
fn privileges_come_apart_again() {
    let acl = call("acldefault_sql", &[super::text("f"), Datum::Oid(10)]);
    let Datum::Array(a) = &acl else { panic!("an array") };
    assert_eq!(a.items, vec![super::text("=X/10"), super::text("10=X/10")]);
    let Datum::Array(rows) = call("aclexplode", &[acl]) else { panic!("rows") };
    assert_eq!(rows.items.len(), 2);
}

#[test]
fn visibility_follows_the_search_path() {
    assert_eq!(call("pg_table_is_visible", &[Datum::Oid(1259)]), Datum::Bool(true));
    assert_eq!(call("pg_table_is_visible", &[Datum::Oid(testing::PARENT)]), Datum::Bool(true));
    assert_eq!(call("pg_table_is_visible", &[Datum::Oid(1)]), Datum::Null);
    assert_eq!(call("pg_type_is_visible", &[Datum::Oid(oid::INT4)]), Datum::Bool(true));
    let info = pgdata::relation_named(13_207, "tables").map_or(0, |r| r.oid);
    assert_eq!(call("pg_table_is_visible", &[Datum::Oid(info)]), Datum::Bool(false));
}
