//! Tables, queries, schemas and the database as XML: `table_to_xml`, `query_to_xmlschema` and their kin.
//!
//! As for other functions given a query, calls go to the session, which runs the queries in the caller's transaction with the
//! caller's rights. The result is one value, bounded as values are ([`MAX_BYTES`]).
//!
//! Left out: the functions of cursors, which belong to the connection.

use super::function::{each_row, internal_query, within};
use super::plan::Plan;
use super::shared::SessionShared;
use super::xml_schema;
use crate::acl::{Mask, check, privs};
use crate::api::ColumnDesc;
use crate::bind::{BindCx, Binder};
use crate::catalog::{RelKind, Relation};
use crate::exec::run::StatementEnv;
use crate::transaction::Transaction;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::host::{self, HostCall};
use rustydb_types::xml::value::{escape, name, show};
use std::sync::Arc;

/// Longest text.
const MAX_BYTES: usize = (1 << 30) - 1 - 4;

/// What the functions' last three arguments say.
#[derive(Clone, Copy)]
pub(super) struct Form<'a> {
    /// NULLs are shown, not left out.
    pub nulls: bool,
    /// One element per row with the table's name, not one table element.
    pub forest: bool,
    /// The namespace, empty for none.
    pub namespace: &'a str,
}

/// A call's surroundings.
struct Mapping<'a> {
    tx: &'a mut Transaction,
    env: &'a StatementEnv,
    shared: &'a SessionShared,
    form: Form<'a>,
}

/// Runs a call if it is of one of these functions.
pub(super) async fn run(
    tx: &mut Transaction,
    env: &StatementEnv,
    shared: &SessionShared,
    call: &HostCall,
) -> Result<Option<Vec<Vec<Datum>>>> {
    if !host::maps_to_xml(call.proc) {
        return Ok(None);
    }
    let (Some((what, output)), [subject @ .., Datum::Bool(nulls), Datum::Bool(forest), Datum::Text(namespace)]) =
        (call.proc.proname.split_once("_to_"), call.args.as_slice())
    else {
        return Err(DbError::internal("arguments of an XML mapping function"));
    };
    let form = Form { nulls: *nulls, forest: *forest, namespace: namespace.as_str() };
    let mut m = Mapping { tx, env, shared, form };
    let (data, schema) = (output != "xmlschema", output != "xml");
    let text = match (what, subject) {
        ("table", [Datum::Oid(oid)]) => m.of_table(*oid, data, schema).await?,
        ("query", [Datum::Text(sql)]) => m.of_query(sql, data, schema).await?,
        ("schema", [Datum::Text(name)]) => m.of_schema(name, data, schema).await?,
        ("database", []) => m.of_database(data, schema).await?,
        _ => return Err(DbError::unsupported(format!("function {} is not supported yet", call.proc.proname))),
    };
    Ok(Some(vec![vec![Datum::Text(text.into())]]))
}

/// What columns of a table or query are called and are of.
type Columns = Vec<(String, TypeRef)>;

impl Mapping<'_> {
    fn relation(&self, oid: u32) -> Result<Arc<Relation>> {
        let found = self.tx.catalog.relation(oid).cloned();
        found.ok_or_else(|| DbError::new(SqlState::UNDEFINED_TABLE, format!("relation with OID {oid} does not exist")))
    }

    async fn of_table(&mut self, oid: u32, data: bool, schema: bool) -> Result<String> {
        let rel = self.relation(oid)?;
        let described = if schema {
            let names = self.names(&rel);
            Some(xml_schema::table(&self.scope(), Some(&names), &columns_of(&rel), self.form))
        } else {
            None
        };
        match described {
            Some(s) if !data => Ok(s),
            described => self.table(&rel, described.as_deref(), true).await,
        }
    }

    async fn of_query(&mut self, sql: &str, data: bool, schema: bool) -> Result<String> {
        let mut out = String::new();
        let statements = parsed(sql)?;
        // Of several statements the last one counts.
        for stmt in &statements {
            let plan = self.planned(sql, stmt).await?;
            let columns: Columns =
                plan.columns.iter().flat_map(|c| c.iter()).map(|c: &ColumnDesc| (c.name.clone(), c.ty)).collect();
            let described = schema.then(|| xml_schema::table(&self.scope(), None, &columns, self.form));
            out = match described {
                Some(s) if !data => s,
                described => self.rows(&plan, &columns, None, described.as_deref(), true).await?,
            };
        }
        Ok(out)
    }

    async fn of_schema(&mut self, schema_name: &str, data: bool, schema: bool) -> Result<String> {
        let ns = self.tx.catalog.namespace_named(schema_name).ok_or_else(|| {
            DbError::new(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{schema_name}\" does not exist"))
        })?;
        let described = if schema { Some(self.describe_schema(ns, schema_name)) } else { None };
        match described {
            Some(s) if !data => Ok(s),
            described => self.schema(ns, schema_name, described.as_deref(), true).await,
        }
    }

    async fn of_database(&mut self, data: bool, schema: bool) -> Result<String> {
        let schemas = self.schemas();
        let described = if schema {
            let tables: Vec<Columns> =
                schemas.iter().flat_map(|(ns, _)| self.relations(*ns)).map(|r| columns_of(&r)).collect();
            let names: Vec<String> = schemas.iter().map(|s| s.1.clone()).collect();
            Some(xml_schema::database(&self.scope(), &names, &tables, self.form))
        } else {
            None
        };
        if let (Some(s), false) = (&described, data) {
            return Ok(s.clone());
        }
        let element = name(&self.tx.catalog.database.name, true);
        let mut out = String::new();
        self.open(&element, described.as_deref(), true, &mut out);
        for (ns, schema_name) in schemas {
            out.push_str(&self.schema(ns, &schema_name, None, false).await?);
            out.push('\n');
        }
        out.push_str(&format!("</{element}>\n"));
        bounded(out)
    }

    fn scope(&self) -> xml_schema::Scope<'_> {
        let binary_hex = self.env.eval.session.setting("xmlbinary").is_some_and(|v| v.eq_ignore_ascii_case("hex"));
        xml_schema::Scope { catalog: &self.tx.catalog, binary_hex }
    }

    /// Schema and name of a relation.
    fn names(&self, rel: &Relation) -> (String, String) {
        (rel.schema.clone(), rel.name.clone())
    }

    /// Schemas that the role may use, those of the system left out, by name.
    fn schemas(&self) -> Vec<(u32, String)> {
        let (cat, role) = (&self.tx.catalog, self.shared.user_oid());
        let usable = |ns: u32| !check::on_schema(cat, ns, role, Mask::of(privs::USAGE)).is_empty();
        let own = |n: &str| !n.starts_with("pg_") && n != "information_schema";
        let mut out: Vec<(u32, String)> = cat
            .namespaces
            .values()
            .filter(|n| own(&n.name) && usable(n.oid))
            .map(|n| (n.oid, n.name.clone()))
            .collect();
        out.sort_by(|a, b| a.1.cmp(&b.1));
        out
    }

    /// Tables and views of a schema that the role may read, by name.
    fn relations(&self, ns: u32) -> Vec<Arc<Relation>> {
        let (cat, role) = (&self.tx.catalog, self.shared.user_oid());
        let kind = |r: &Relation| {
            matches!(r.kind, RelKind::Table | RelKind::View | RelKind::MaterializedView) && !r.is_partitioned()
        };
        let readable = |r: &Relation| !check::on_relation(cat, r, role, Mask::of(privs::SELECT)).is_empty();
        let mut out: Vec<Arc<Relation>> =
            cat.relations.values().filter(|r| r.namespace == ns && kind(r) && readable(r)).cloned().collect();
        out.sort_by(|a, b| a.name.cmp(&b.name));
        out
    }

    fn describe_schema(&self, ns: u32, schema_name: &str) -> String {
        let tables: Vec<(String, Columns)> =
            self.relations(ns).iter().map(|r| (r.name.clone(), columns_of(r))).collect();
        xml_schema::schema(&self.scope(), schema_name, &tables, self.form)
    }

    /// An element's beginning; the outermost one has the namespaces and is followed by the description.
    fn open(&self, element: &str, described: Option<&str>, top: bool, out: &mut String) {
        out.push_str(&root(element, described.is_some(), self.form.namespace, top));
        out.push('\n');
        if let Some(d) = described {
            out.push_str(d);
            out.push_str("\n\n");
        }
    }

    async fn schema(&mut self, ns: u32, schema_name: &str, described: Option<&str>, top: bool) -> Result<String> {
        let element = name(schema_name, true);
        let mut out = String::new();
        self.open(&element, described, top, &mut out);
        for rel in self.relations(ns) {
            out.push_str(&self.table(&rel, None, false).await?);
            out.push('\n');
            out = bounded(out)?;
        }
        out.push_str(&format!("</{element}>\n"));
        Ok(out)
    }

    async fn table(&mut self, rel: &Arc<Relation>, described: Option<&str>, top: bool) -> Result<String> {
        let quoted = ast::quote_ident;
        let sql = format!("SELECT * FROM {}.{}", quoted(&rel.schema), quoted(&rel.name));
        let Some(stmt) = parsed(&sql)?.pop() else { return Err(DbError::internal("no statement")) };
        let plan = self.planned(&sql, &stmt).await?;
        self.rows(&plan, &columns_of(rel), Some(&rel.name), described, top).await
    }

    /// The rows of a plan.
    async fn rows(
        &mut self,
        plan: &Arc<Plan>,
        columns: &Columns,
        table: Option<&str>,
        described: Option<&str>,
        top: bool,
    ) -> Result<String> {
        let Form { nulls, forest, namespace } = self.form;
        let named = table.map(|t| name(t, true));
        let element = named.unwrap_or_else(|| if forest { "row" } else { "table" }.to_owned());
        let mut out = String::new();
        if !forest {
            self.open(&element, described, top, &mut out);
        } else if let Some(d) = described {
            out.push_str(d);
            out.push_str("\n\n");
        }
        let (first, last) = if forest {
            (root(&element, false, namespace, top), format!("</{element}>\n\n"))
        } else {
            ("<row>\n".to_owned(), "</row>\n\n".to_owned())
        };
        let names: Vec<String> = columns.iter().map(|c| name(&c.0, true)).collect();
        let eval: Arc<EvalCtx> = Arc::clone(&self.env.eval);
        each_row(self.tx, self.env, plan, |row| {
            out.push_str(&first);
            for ((value, (_, ty)), column) in row.iter().zip(columns).zip(&names) {
                if !value.is_null() {
                    out.push_str(&format!("  <{column}>{}</{column}>\n", show(&eval, *ty, value, true)?));
                } else if nulls {
                    out.push_str(&format!("  <{column} xsi:nil=\"true\"/>\n"));
                }
            }
            out.push_str(&last);
            if out.len() > MAX_BYTES { Err(too_long()) } else { Ok(()) }
        })
        .await?;
        if !forest {
            out.push_str(&format!("</{element}>\n"));
        }
        bounded(out)
    }

    /// The plan of a query; table locks are taken, rights are checked.
    async fn planned(&mut self, sql: &str, stmt: &ast::Statement) -> Result<Arc<Plan>> {
        if !matches!(stmt, ast::Statement::Query(_)) {
            let what = super::statement::statement_name(stmt);
            let e = DbError::unsupported(format!("{what} is not allowed in a non-volatile function"));
            return Err(within(e, format!("SQL statement \"{sql}\"")));
        }
        loop {
            let catalog = Arc::clone(self.tx.refresh_catalog());
            self.shared.set_catalog(&catalog);
            let path = self.shared.search_path(&catalog);
            let role = self.shared.user_oid();
            let plan = {
                let cx = BindCx { catalog: &catalog, search_path: &path, eval: &self.env.eval, role, sql };
                let mut binder = Binder::new(&cx, &[]);
                let bound = binder.statement(stmt).map_err(|e| internal_query(e, sql))?;
                let bound = bound.ok_or_else(|| DbError::internal("a query that cannot be planned"))?;
                Arc::new(Plan::new(&mut binder, bound, role)?)
            };
            if plan.writes() {
                let e = DbError::unsupported(format!("{} is not allowed in a non-volatile function", plan.command()));
                return Err(within(e, format!("SQL statement \"{sql}\"")));
            }
            plan.lock(self.tx).await?;
            let catalog = Arc::clone(self.tx.refresh_catalog());
            if plan.is_valid(&catalog, &path, role) {
                plan.check_rights(&catalog).map_err(|e| within(e, format!("SQL statement \"{sql}\"")))?;
                return Ok(plan);
            }
        }
    }
}

/// An element's beginning; the outermost one has the namespaces.
fn root(element: &str, described: bool, namespace: &str, top: bool) -> String {
    let mut out = format!("<{element}");
    if top {
        out.push_str(" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"");
        let namespace = escape(namespace, true);
        if !namespace.is_empty() {
            out.push_str(&format!(" xmlns=\"{namespace}\""));
        }
        if described {
            out.push_str(&match namespace.is_empty() {
                true => " xsi:noNamespaceSchemaLocation=\"#\"".to_owned(),
                false => format!(" xsi:schemaLocation=\"{namespace} #\""),
            });
        }
    }
    out.push_str(">\n");
    out
}

fn parsed(sql: &str) -> Result<Vec<ast::Statement>> {
    let list = rustydb_parser::parse(sql).map_err(|e| internal_query(e, sql))?;
    Ok(list.into_iter().map(|p| p.stmt).collect())
}

fn columns_of(rel: &Relation) -> Columns {
    rel.live_columns().map(|c| (c.name.clone(), c.ty)).collect()
}

fn too_long() -> DbError {
    DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "out of memory")
        .detail(format!("An XML value cannot be longer than {MAX_BYTES} bytes."))
}

fn bounded(s: String) -> Result<String> {
    if s.len() > MAX_BYTES { Err(too_long()) } else { Ok(s) }
}
