//! Function calls: overload resolution, then what kind of function it turned out to be.

use super::Binder;
use super::resolve::{
    Candidate, Coercion, can_coerce, fits_polymorphic, is_polymorphic, polymorphic_error, resolve_polymorphic, select,
};
use super::types::{self, array_of, element_of, show};
use crate::plan::ir::{AggCall, Expr, ExprKind, SortKey};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, FuncCall};
use rustydb_types::datum::TypeRef;
use rustydb_types::pgdata::{self, Proc};
use rustydb_types::usertype::{self, Kind};
use rustydb_types::{oid, shape};
use std::borrow::Cow;

/// A function chosen for a call.
pub(crate) struct Resolved {
    pub(crate) proc: &'static Proc,
    /// Declared types, one per argument in call order after reordering and defaults; variadic expanded.
    declared: Vec<u32>,
    /// Arguments in the function's order; `None` takes the default.
    order: Vec<Option<usize>>,
    /// Number of trailing arguments to pack into the variadic array.
    pack: Option<usize>,
}

/// Output columns of a function that returns a row with named columns (OUT parameters, TABLE).
pub(crate) fn out_columns(proc: &Proc, ty: TypeRef) -> Option<Vec<(String, TypeRef)>> {
    let (all, modes) = (proc.proallargtypes.as_ref()?, proc.proargmodes.as_ref()?);
    let out: Vec<(String, TypeRef)> = all
        .iter()
        .zip(modes.iter())
        .enumerate()
        .filter(|(_, (_, m))| matches!(m, 'o' | 'b' | 't'))
        .enumerate()
        .map(|(place, (i, (t, _)))| {
            let name = proc.proargnames.as_ref().and_then(|n| n.get(i)).copied().filter(|n| !n.is_empty());
            let t = if is_polymorphic(*t) { element_of(ty.oid).unwrap_or(ty.oid) } else { *t };
            (name.map_or_else(|| format!("column{}", place + 1), str::to_owned), types::plain(t))
        })
        .collect();
    (out.len() > 1 || proc.prorettype == oid::RECORD).then_some(out)
}

/// Gives polymorphic output columns the types that the call's arguments imply.
pub(crate) fn resolve_fields(proc: &Proc, args: &[Expr], fields: &mut [(String, TypeRef)]) {
    let (Some(all), Some(modes)) = (proc.proallargtypes.as_ref(), proc.proargmodes.as_ref()) else { return };
    let out = all.iter().zip(modes.iter()).filter(|(_, m)| matches!(m, 'o' | 'b' | 't')).map(|(t, _)| *t);
    let actual: Vec<u32> = args.iter().map(|a| a.ty.oid).collect();
    for (declared, field) in out.zip(fields) {
        let mut inputs = proc.proargtypes.to_vec();
        if is_polymorphic(declared)
            && let Some(t) = resolve_polymorphic(&actual, &mut inputs, declared)
        {
            field.1 = types::plain(t);
        }
    }
}

impl Binder<'_> {
    pub(crate) fn func(&mut self, f: &FuncCall, pos: u32) -> Result<Expr> {
        // Arguments of an aggregate are bound without knowing yet that it is one; nesting is checked afterwards.
        let is_agg_name = self.maybe_aggregate(&f.name);
        if is_agg_name && f.over.is_none() {
            self.enter_aggregate();
        }
        let args = self.func_args(f);
        if is_agg_name && f.over.is_none() {
            self.leave_aggregate();
        }
        let args = args?;
        let names: Vec<Option<String>> = f.args.iter().map(|a| a.name.as_ref().map(|n| n.value.clone())).collect();
        for (i, a) in f.args.iter().enumerate() {
            if let Some(n) = &a.name
                && f.args[..i].iter().any(|o| o.name.as_ref().is_some_and(|o| o.value == n.value))
            {
                return Err(DbError::new(
                    SqlState::SYNTAX_ERROR,
                    format!("argument name \"{}\" used more than once", n.value),
                )
                .at(self.pos(n.pos)));
            }
        }
        let direct = args.len();
        let mut all = args;
        if f.within_group {
            // Ordered-set aggregates resolve over direct and sorted arguments together.
            for s in &f.order_by {
                self.enter_aggregate();
                let e = self.expr(&s.expr);
                self.leave_aggregate();
                all.push(e?);
            }
        }
        // A type's name before an untyped literal is a cast, even where a function of that name exists.
        if let [one] = all.as_slice()
            && one.ty.oid == oid::UNKNOWN
            && !f.within_group
            && let Some(x) = self.cast_style(&f.name, f, &all, pos)?
        {
            return Ok(x);
        }
        if f.name.schema.as_ref().is_some_and(|s| s.value == "pg_catalog") {
            self.trace(|t| {
                t.syntax.insert(pos);
            });
        }
        let resolved = match self.resolve_func(&f.name, &all, &names, f.variadic, pos) {
            Ok(r) => r,
            Err(e) => {
                if let Some(x) = self.range_constructor(f, &all, pos)? {
                    return Ok(x);
                }
                if let Some(x) = self.cast_style(&f.name, f, &all, pos)? {
                    return Ok(x);
                }
                return Err(e);
            }
        };
        let proc = resolved.proc;
        if proc.oid >= crate::catalog::FIRST_USER_OID {
            self.note(|_| super::define::Resolved::Function(f.name.pos(), proc.oid));
        }
        let plain_only = |what: &str| -> Result<()> {
            Err(DbError::new(
                SqlState::WRONG_OBJECT_TYPE,
                format!("{what} specified, but {} is not an aggregate function", f.name.plain()),
            )
            .at(pos))
        };
        match proc.prokind {
            'a' => {
                if f.over.is_some() {
                    return self.window_call(f, resolved, all, pos);
                }
                self.aggregate_call(f, resolved, all, direct, pos)
            }
            'w' => {
                if f.over.is_none() {
                    return Err(DbError::new(
                        SqlState::WRONG_OBJECT_TYPE,
                        format!("window function {} requires an OVER clause", f.name.plain()),
                    )
                    .at(pos));
                }
                self.window_call(f, resolved, all, pos)
            }
            'p' => {
                Err(DbError::new(SqlState::WRONG_OBJECT_TYPE, format!("{} is a procedure", self.signature(f, &all)))
                    .hint("To call a procedure, use CALL.")
                    .at(pos))
            }
            _ => {
                if f.star {
                    let name = f.name.plain();
                    return Err(DbError::new(
                        SqlState::WRONG_OBJECT_TYPE,
                        format!("{name}(*) specified, but {name} is not an aggregate function"),
                    )
                    .at(pos));
                }
                if f.over.is_some() {
                    return Err(DbError::new(
                        SqlState::WRONG_OBJECT_TYPE,
                        format!(
                            "OVER specified, but {} is not a window function nor an aggregate function",
                            f.name.plain()
                        ),
                    )
                    .at(pos));
                }
                if f.distinct {
                    plain_only("DISTINCT")?;
                }
                if f.within_group {
                    plain_only("WITHIN GROUP")?;
                }
                if !f.order_by.is_empty() {
                    plain_only("ORDER BY")?;
                }
                if f.filter.is_some() {
                    plain_only("FILTER")?;
                }
                let mut call = self.build_call(resolved, all, pos)?;
                if f.variadic && proc.provariadic == oid::ANY {
                    self.spread_last(&mut call)?;
                }
                let call = self.inline_sql(call)?;
                if proc.proretset { self.srf(call, pos) } else { Ok(call) }
            }
        }
    }

    /// Marks the array after VARIADIC of a function of any arguments, which takes its elements instead.
    fn spread_last(&self, call: &mut Expr) -> Result<()> {
        if let ExprKind::Call { args, .. } = &mut call.kind
            && let Some(last) = args.last_mut()
        {
            if element_of(last.ty.oid).is_none() {
                return Err(
                    DbError::new(SqlState::DATATYPE_MISMATCH, "VARIADIC argument must be an array").at(last.pos)
                );
            }
            last.ty.typmod = shape::SPREAD;
        }
        Ok(())
    }

    /// The constructors that come with a range type a user has made: they bear its name, and that of its multirange type.
    fn range_constructor(&mut self, f: &FuncCall, args: &[Expr], pos: u32) -> Result<Option<Expr>> {
        if f.star || f.distinct || f.over.is_some() || f.filter.is_some() || f.args.iter().any(|a| a.name.is_some()) {
            return Ok(None);
        }
        let Some(ty) = types::find(self.cx.catalog, self.cx.search_path, &f.name) else { return Ok(None) };
        let as_built_in = |name: &str, n: usize| {
            pgdata::procs_named(name).iter().copied().find(|p| usize::try_from(p.pronargs) == Ok(n))
        };
        let (proc, wanted) = match usertype::kind(ty) {
            Some(Kind::Range { sub, .. }) => {
                let mut wanted = vec![sub.oid; 2];
                if args.len() == 3 {
                    wanted.push(oid::TEXT);
                }
                (as_built_in("int4range", args.len()), wanted)
            }
            Some(Kind::Multirange { range }) if args.len() <= 1 && !f.variadic => {
                let name = "int4multirange";
                let proc = pgdata::procs_named(name)
                    .iter()
                    .copied()
                    .find(|p| p.provariadic == 0 && usize::try_from(p.pronargs) == Ok(args.len()));
                (proc, vec![range; args.len()])
            }
            Some(Kind::Multirange { range }) => {
                let proc = pgdata::procs_named("int4multirange").iter().copied().find(|p| p.provariadic != 0);
                if f.variadic {
                    (proc, oid::array_of(range).into_iter().collect())
                } else {
                    let mut items = Vec::with_capacity(args.len());
                    for a in args {
                        let Some(x) = self.coerce(a.clone(), types::plain(range), Coercion::Implicit)? else {
                            return Ok(None);
                        };
                        items.push(x);
                    }
                    let Some(array) = oid::array_of(range) else { return Ok(None) };
                    let packed = Expr { kind: ExprKind::Array { items, nested: false }, ty: types::plain(array), pos };
                    let Some(proc) = proc else { return Ok(None) };
                    let kind = ExprKind::Call { proc, args: vec![packed], collation: 0 };
                    return Ok(Some(Expr { kind, ty: types::plain(ty), pos }));
                }
            }
            _ => return Ok(None),
        };
        let Some(proc) = proc.filter(|_| wanted.len() == args.len()) else { return Ok(None) };
        let mut out = Vec::with_capacity(args.len());
        for (a, w) in args.iter().zip(wanted) {
            let Some(x) = self.coerce(a.clone(), types::plain(w), Coercion::Implicit)? else { return Ok(None) };
            out.push(x);
        }
        Ok(Some(Expr { kind: ExprKind::Call { proc, args: out, collation: 0 }, ty: types::plain(ty), pos }))
    }

    fn func_args(&mut self, f: &FuncCall) -> Result<Vec<Expr>> {
        f.args.iter().map(|a| self.expr(&a.value)).collect()
    }

    fn maybe_aggregate(&self, name: &ast::Name) -> bool {
        self.candidates(name).iter().any(|p| p.prokind == 'a')
    }

    /// Functions of a name, in search order.
    fn candidates(&self, name: &ast::Name) -> Cow<'static, [&'static Proc]> {
        let found: Vec<&'static Proc> = match name.schema.as_ref().map(|s| s.value.as_str()) {
            None if self.cx.catalog.routines.is_empty() => return pgdata::procs_named(&name.name.value).into(),
            None => {
                let mut path = self.cx.search_path.to_vec();
                if !path.contains(&pgdata::PG_CATALOG) {
                    path.insert(0, pgdata::PG_CATALOG);
                }
                path.iter().flat_map(|ns| self.cx.catalog.procs_in(*ns, &name.name.value)).collect()
            }
            Some(super::define::FUNCTION_BY_OID) => {
                let found = name.name.value.parse().ok().and_then(|o: u32| self.cx.catalog.routines.get(&o));
                found.map(|r| r.proc()).into_iter().collect()
            }
            Some(s) => {
                let Some(ns) = self.schema_named(s) else { return Cow::default() };
                self.cx.catalog.procs_in(ns, &name.name.value)
            }
        };
        found.into()
    }

    fn signature(&self, f: &FuncCall, args: &[Expr]) -> String {
        let list: Vec<String> = args
            .iter()
            .enumerate()
            .map(|(i, a)| match f.args.get(i).and_then(|x| x.name.as_ref()) {
                Some(n) => format!("{} => {}", n.value, show(a.ty.oid)),
                None => show(a.ty.oid),
            })
            .collect();
        format!("{}({})", f.name.plain(), list.join(", "))
    }

    /// `type(x)` as a cast, and the error when that fails too.
    fn cast_style(&mut self, name: &ast::Name, f: &FuncCall, args: &[Expr], pos: u32) -> Result<Option<Expr>> {
        let [arg] = args else { return Ok(None) };
        if f.star
            || f.distinct
            || f.variadic
            || f.over.is_some()
            || f.filter.is_some()
            || f.args.iter().any(|a| a.name.is_some())
        {
            return Ok(None);
        }
        let ty = match name.schema.as_ref().map(|s| s.value.as_str()) {
            None | Some("pg_catalog") => pgdata::type_named(&name.name.value),
            _ => None,
        };
        if ty.is_none()
            && let Some(t) = types::find(self.cx.catalog, self.cx.search_path, name)
        {
            let from = arg.ty.oid;
            let direct = from == oid::UNKNOWN
                || (self.cx.catalog.type_of(t).is_some()
                    && matches!(
                        super::resolve::pathway(Some(self.cx.catalog), from, types::base_oid(t), Coercion::Explicit),
                        Some(super::resolve::Path::Relabel | super::resolve::Path::Io)
                    ));
            if direct {
                return self.coerce(arg.clone(), types::plain(t), Coercion::Explicit);
            }
        }
        if let Some(ty) = ty.filter(|t| t.typtype == 'b') {
            let from = arg.ty.oid;
            // A row does not become a string so: that would hide its fields.
            let hides = ty.typcategory == 'S' && super::resolve::is_row_type(from);
            let ok = from == oid::UNKNOWN
                || !hides
                    && matches!(
                        super::resolve::pathway(Some(self.cx.catalog), from, ty.oid, Coercion::Explicit),
                        Some(super::resolve::Path::Relabel | super::resolve::Path::Io)
                    );
            if ok {
                return self.coerce(arg.clone(), types::plain(ty.oid), Coercion::Explicit);
            }
        }
        // Functional notation for a column: f(row) is row.f.
        if let Some(fields) = self.row_fields(arg)
            && name.schema.is_none()
            && let Some(i) = fields.iter().position(|x| x.0 == name.name.value)
        {
            return Ok(Some(Expr { kind: ExprKind::Field(Box::new(arg.clone()), i), ty: fields[i].1, pos }));
        }
        Ok(None)
    }

    pub(crate) fn resolve_func(
        &self,
        name: &ast::Name,
        args: &[Expr],
        names: &[Option<String>],
        variadic: bool,
        pos: u32,
    ) -> Result<Resolved> {
        self.resolve_routine(name, args, names, variadic, pos, false)
    }

    /// The same for CALL: output parameters of procedures are given, too.
    pub(crate) fn resolve_procedure(
        &self,
        name: &ast::Name,
        args: &[Expr],
        names: &[Option<String>],
        variadic: bool,
        pos: u32,
    ) -> Result<Resolved> {
        self.resolve_routine(name, args, names, variadic, pos, true)
    }

    fn resolve_routine(
        &self,
        name: &ast::Name,
        args: &[Expr],
        names: &[Option<String>],
        variadic: bool,
        pos: u32,
        call: bool,
    ) -> Result<Resolved> {
        let word = if call { "procedure" } else { "function" };
        let actual: Vec<u32> = args.iter().map(|a| a.ty.oid).collect();
        let named = names.iter().filter(|n| n.is_some()).count();
        let found = self.candidates(name);
        // The usual call has exactly the types that one of the built-in functions takes: nothing else comes near it.
        if named == 0
            && !variadic
            && !call
            && !actual.contains(&oid::UNKNOWN)
            && found.iter().all(|p| p.oid < crate::catalog::FIRST_USER_OID)
            && let Some(proc) = found.iter().find(|p| p.provariadic == 0 && *p.proargtypes == *actual)
            && let Some(r) = fit(proc, actual.len(), names, named, variadic, call)
        {
            return Ok(r);
        }
        let mut cands: Vec<Candidate<usize>> = Vec::new();
        let mut rows: Vec<Resolved> = Vec::new();
        for proc in found.iter().copied() {
            if let Some(r) = fit(proc, actual.len(), names, named, variadic, call) {
                // Types in call order, for matching.
                let mut call_types = vec![0; actual.len()];
                for (slot, o) in r.order.iter().enumerate() {
                    if let Some(i) = o {
                        call_types[*i] = r.declared[slot];
                    }
                }
                if let Some(n) = r.pack {
                    let elem = r.declared.last().copied().unwrap_or(oid::ANY);
                    let first = actual.len() - n;
                    call_types[first..].fill(elem);
                }
                cands.push(Candidate { args: call_types, row: rows.len() });
                rows.push(r);
            }
        }
        let undefined = |ambiguous: bool| {
            let list: Vec<String> = actual
                .iter()
                .enumerate()
                .map(|(i, a)| match names.get(i).and_then(|n| n.as_ref()) {
                    Some(n) => format!("{n} => {}", show(*a)),
                    None => show(*a),
                })
                .collect();
            let sig = format!("{}({})", name.plain(), list.join(", "));
            if ambiguous {
                DbError::new(SqlState::AMBIGUOUS_FUNCTION, format!("{word} {sig} is not unique"))
                    .hint(format!(
                        "Could not choose a best candidate {word}. You might need to add explicit type casts."
                    ))
                    .at(pos)
            } else {
                DbError::new(SqlState::UNDEFINED_FUNCTION, format!("{word} {sig} does not exist"))
                    .hint(format!(
                        "No {word} matches the given name and argument types. You might need to add explicit type casts."
                    ))
                    .at(pos)
            }
        };
        // Of functions that this call cannot tell apart the one of the earlier schema counts, then one that is not variadic;
        // else the call is ambiguous if they are the best.
        let mut ambiguous = vec![false; rows.len()];
        let mut distinct: Vec<Candidate<usize>> = Vec::new();
        for c in cands {
            let Some(d) = distinct.iter_mut().find(|d| d.args == c.args) else {
                distinct.push(c);
                continue;
            };
            let (old, new) = (&rows[d.row], &rows[c.row]);
            if old.proc.pronamespace != new.proc.pronamespace || old.pack.is_none() && new.pack.is_some() {
                continue;
            }
            if old.pack.is_some() && new.pack.is_none() {
                d.row = c.row;
            } else if new.proc.oid >= crate::catalog::FIRST_USER_OID {
                ambiguous[d.row] = true;
            } else if missing(new) < missing(old) {
                d.row = c.row;
            }
        }
        let exact = distinct.iter().find(|c| c.args == actual && !actual.contains(&oid::UNKNOWN)).map(|c| c.row);
        if let Some(i) = exact {
            return if ambiguous[i] { Err(undefined(true)) } else { Ok(rows.swap_remove(i)) };
        }
        distinct.retain(|c| {
            c.args.iter().zip(&actual).all(|(d, a)| can_coerce(Some(self.cx.catalog), *a, *d, Coercion::Implicit)) && {
                !c.args.iter().any(|t| is_polymorphic(*t)) || fits_polymorphic(&actual, &c.args)
            }
        });
        let none = distinct.is_empty();
        match select(self.cx.catalog, &actual, distinct) {
            Some(i) if ambiguous[i] => Err(undefined(true)),
            Some(i) => Ok(rows.swap_remove(i)),
            None => Err(undefined(!none)),
        }
    }

    /// Builds the call: order, defaults, casts, variadic packing.
    pub(crate) fn build_call(&mut self, r: Resolved, args: Vec<Expr>, pos: u32) -> Result<Expr> {
        let (proc, declared, args) = self.arrange(r, args, pos)?;
        self.finish_call(proc, declared, proc.prorettype, args, pos)
    }

    fn arrange(&mut self, r: Resolved, args: Vec<Expr>, pos: u32) -> Result<(&'static Proc, Vec<u32>, Vec<Expr>)> {
        let Resolved { proc, mut declared, order, pack } = r;
        let with_outputs = declared.len() > proc.proargtypes.len() && pack.is_none();
        self.needs.calls(self.cx.catalog, proc.oid, proc.proname);
        let mut args: Vec<Option<Expr>> = args.into_iter().map(Some).collect();
        let packed: Vec<Expr> = match pack {
            Some(n) => args.split_off(args.len() - n).into_iter().flatten().collect(),
            None => Vec::new(),
        };
        let mut out: Vec<Expr> = Vec::with_capacity(order.len() + 1);
        for (slot, o) in order.iter().enumerate() {
            match o {
                Some(i) => {
                    let taken = args.get_mut(*i).and_then(Option::take);
                    out.push(taken.ok_or_else(|| DbError::internal("argument used twice"))?);
                }
                None => {
                    // CALL counts output parameters too.
                    let slot = match &proc.proargmodes {
                        Some(m) if with_outputs => m.iter().take(slot).filter(|m| **m != 'o').count(),
                        _ => slot,
                    };
                    let text = proc.arg_default(slot).ok_or_else(|| DbError::internal("missing argument default"))?;
                    let e = super::parse_expr(text)?;
                    let e = self.expr(&e)?;
                    out.push(Expr { pos, ..e });
                }
            }
        }
        if pack.is_some() {
            let elem = declared.pop().unwrap_or(oid::ANY);
            if elem == oid::ANY {
                // VARIADIC "any": the arguments stay apart, each of its own type.
                for p in packed {
                    declared.push(oid::ANY);
                    out.push(p);
                }
            } else {
                let mut actual: Vec<u32> = out.iter().map(|e| e.ty.oid).collect();
                let mut types: Vec<u32> = declared.clone();
                actual.extend(packed.iter().map(|e| e.ty.oid));
                types.extend(std::iter::repeat_n(elem, packed.len()));
                let given = types.clone();
                resolve_polymorphic(&actual, &mut types, proc.prorettype).ok_or_else(|| {
                    if fits_polymorphic(&actual, &given) {
                        return polymorphic_error(&actual, &given, proc.prorettype);
                    }
                    DbError::new(
                        SqlState::DATATYPE_MISMATCH,
                        "arguments declared of the same variadic type are not all alike",
                    )
                    .at(pos)
                })?;
                let elem = types.last().copied().unwrap_or(elem);
                let mut items = Vec::with_capacity(packed.len());
                for p in packed {
                    let (from, at) = (p.ty.oid, p.pos);
                    items.push(self.coerce(p, types::plain(elem), Coercion::Implicit)?.ok_or_else(|| {
                        DbError::new(
                            SqlState::CANNOT_COERCE,
                            format!("cannot cast type {} to {}", show(from), show(elem)),
                        )
                        .at(at)
                    })?);
                }
                let arr = array_of(elem).ok_or_else(|| {
                    DbError::new(
                        SqlState::UNDEFINED_OBJECT,
                        format!("could not find array type for data type {}", show(elem)),
                    )
                    .at(pos)
                })?;
                // The declared array type of the variadic parameter.
                declared.push(proc.proargtypes.last().copied().unwrap_or(arr));
                let ty = super::expr::array_type(arr, &items)?;
                out.push(Expr { kind: ExprKind::Array { items, nested: false }, ty, pos });
            }
        }
        Ok((proc, declared, out))
    }

    fn aggregate_call(&mut self, f: &FuncCall, r: Resolved, args: Vec<Expr>, direct: usize, pos: u32) -> Result<Expr> {
        let proc = r.proc;
        let kind = pgdata::aggregate(proc.oid).map_or('n', |a| a.aggkind);
        if kind != 'n' && !f.within_group {
            return Err(DbError::new(
                SqlState::WRONG_OBJECT_TYPE,
                format!("WITHIN GROUP is required for ordered-set aggregate {}", f.name.plain()),
            )
            .at(pos));
        }
        if kind == 'n' && f.within_group {
            return Err(DbError::new(
                SqlState::WRONG_OBJECT_TYPE,
                format!("{} is not an ordered-set aggregate, so it cannot have WITHIN GROUP", f.name.plain()),
            )
            .at(pos));
        }
        if f.within_group {
            let used = if f.distinct {
                Some("DISTINCT")
            } else if f.variadic {
                Some("VARIADIC")
            } else {
                None
            };
            if let Some(word) = used {
                return Err(
                    DbError::new(SqlState::SYNTAX_ERROR, format!("cannot use {word} with WITHIN GROUP")).at(pos)
                );
            }
            if kind == 'h' && args.len() != 2 * direct {
                let shown: Vec<String> = args.iter().map(|a| show(a.ty.oid)).collect();
                return Err(DbError::new(
                    SqlState::UNDEFINED_FUNCTION,
                    format!("function {}({}) does not exist", f.name.plain(), shown.join(", ")),
                )
                .hint(format!(
                    "To use the hypothetical-set aggregate {}, the number of hypothetical direct arguments (here {direct}) must \
                     match the number of ordering columns (here {}).",
                    f.name.plain(),
                    args.len() - direct
                ))
                .at(pos));
            }
        }
        Self::check_parameterless(f, pos)?;
        // What is written as an argument can be sorted by though the argument is of another type.
        let written = if f.distinct { args.clone() } else { Vec::new() };
        let (proc, declared, mut args) = self.arrange(r, args, pos)?;
        if kind == 'h' {
            self.unify_hypothetical(&mut args, direct)?;
        }
        let call = self.finish_call(proc, declared, proc.prorettype, args, pos)?;
        let ExprKind::Call { args, collation, .. } = call.kind else { return Err(DbError::internal("not a call")) };
        let mut order_by = Vec::new();
        if f.within_group {
            for (s, a) in f.order_by.iter().zip(args.iter().skip(direct)) {
                order_by.push(self.sort_key(s, a.clone())?);
            }
        } else {
            for s in &f.order_by {
                self.enter_aggregate();
                let e = self.expr_typed(&s.expr);
                self.leave_aggregate();
                order_by.push(self.sort_key(s, e?)?);
            }
        }
        if f.distinct {
            for a in &args {
                // Values are told apart by sorting them.
                self.check_equality(a.ty.oid, a.pos)?;
                self.check_sortable(a.ty.oid, a.pos)?;
            }
            for (k, s) in order_by.iter_mut().zip(&f.order_by) {
                let at = written.iter().position(|a| crate::plan::walk::same(a, &k.expr));
                match at.and_then(|i| args.get(i)) {
                    Some(a) => k.expr = Expr { pos: k.expr.pos, ..a.clone() },
                    None => {
                        return Err(DbError::new(
                            SqlState::INVALID_COLUMN_REFERENCE,
                            "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list",
                        )
                        .at(self.pos(s.expr.start())));
                    }
                }
            }
        }
        let filter = match &f.filter {
            Some(x) => Some(self.filter_condition(x)?),
            None => None,
        };
        let agg = AggCall {
            proc,
            args,
            distinct: f.distinct,
            order_by,
            filter,
            ty: call.ty,
            direct: if f.within_group { direct } else { 0 },
            collation,
        };
        self.collect_aggregate(agg, pos)
    }

    /// The call of an aggregate that no name stands for, with the clauses of `f`.
    pub(crate) fn nameless_aggregate(
        &mut self,
        proc: &'static Proc,
        f: &FuncCall,
        args: Vec<Expr>,
        pos: u32,
    ) -> Result<Expr> {
        let n = args.len();
        let declared = proc.proargtypes.to_vec();
        let r = Resolved { proc, declared, order: (0..n).map(Some).collect(), pack: None };
        if f.over.is_some() { self.window_call(f, r, args, pos) } else { self.aggregate_call(f, r, args, n, pos) }
    }

    /// Gives each hypothetical argument and its sort column their common type.
    fn unify_hypothetical(&mut self, args: &mut [Expr], direct: usize) -> Result<()> {
        let (given, sorted) = args.split_at_mut(direct.min(args.len()));
        for (a, b) in given.iter_mut().zip(sorted) {
            let common = self.common_type_of(&[&*b, &*a], "WITHIN GROUP")?;
            for e in [a, b] {
                let old = std::mem::replace(e, Expr::new(ExprKind::CaseValue, types::plain(oid::BOOL)));
                *e = self.to_common(old, common, "WITHIN GROUP")?;
            }
        }
        Ok(())
    }

    /// A sort key from its syntax and bound expression.
    pub(crate) fn sort_key(&mut self, s: &ast::SortBy, e: Expr) -> Result<SortKey> {
        let e = self.default_unknown(e)?;
        let pos = self.pos(s.expr.pos);
        let desc = match &s.order {
            ast::SortOrder::Default | ast::SortOrder::Asc => false,
            ast::SortOrder::Desc => true,
            ast::SortOrder::Using(op) => match op.name.value.as_str() {
                "<" => false,
                ">" => true,
                // Text sorts by its bytes under every collation there is, as the pattern operators sort it.
                "~<~" | "~>~" if matches!(e.ty.oid, oid::TEXT | oid::VARCHAR | oid::BPCHAR) => op.name.value == "~>~",
                _ => self.user_ordering(op, e.ty.oid)?,
            },
        };
        self.check_sortable(e.ty.oid, pos)?;
        let e = super::collation::must_be_known(e)?;
        Ok(SortKey { expr: e, desc, nulls_first: s.nulls_first.unwrap_or(desc) })
    }

    /// Whether a user's operator orders values of a type descending (or ascending): it is "<" or ">" of a btree class that
    /// orders them as the built-in one does.
    fn user_ordering(&self, op: &ast::Name, ty: u32) -> Result<bool> {
        let schema = op.schema.as_ref().map(|s| s.value.as_str());
        let at = self.pos(op.pos());
        let found = self.find_operator(schema, &op.name.value, Some(ty), ty, at)?;
        crate::catalog::opclasses::ordering(self.cx.catalog, found.oid, ty).ok_or_else(|| {
            DbError::new(
                SqlState::WRONG_OBJECT_TYPE,
                format!("operator {} is not a valid ordering operator", op.plain()),
            )
            .hint("Ordering operators must be \"<\" or \">\" members of btree operator families.")
            .at(at)
        })
    }

    /// An aggregate without arguments is called with a star.
    fn check_parameterless(f: &FuncCall, pos: u32) -> Result<()> {
        if f.args.is_empty() && !f.star && !f.within_group {
            return Err(DbError::new(
                SqlState::WRONG_OBJECT_TYPE,
                format!("{}(*) must be used to call a parameterless aggregate function", f.name.plain()),
            )
            .at(pos));
        }
        Ok(())
    }

    fn window_call(&mut self, f: &FuncCall, r: Resolved, args: Vec<Expr>, pos: u32) -> Result<Expr> {
        let proc = r.proc;
        if f.distinct {
            return Err(DbError::unsupported("DISTINCT is not implemented for window functions").at(pos));
        }
        if f.within_group && proc.prokind == 'a' {
            return Err(DbError::unsupported(format!(
                "OVER is not supported for ordered-set aggregate {}",
                f.name.plain()
            ))
            .at(pos));
        }
        if f.within_group {
            return Err(DbError::new(
                SqlState::WRONG_OBJECT_TYPE,
                format!("window function {} cannot have WITHIN GROUP", f.name.plain()),
            )
            .at(pos));
        }
        if proc.prokind == 'a' {
            Self::check_parameterless(f, pos)?;
        }
        if !f.order_by.is_empty() {
            return Err(DbError::unsupported("aggregate ORDER BY is not implemented for window functions").at(pos));
        }
        if f.filter.is_some() && proc.prokind == 'w' {
            return Err(DbError::unsupported("FILTER is not implemented for non-aggregate window functions").at(pos));
        }
        let (proc, declared, args) = self.arrange(r, args, pos)?;
        let call = self.finish_call(proc, declared, proc.prorettype, args, pos)?;
        let ExprKind::Call { args, collation, .. } = call.kind else { return Err(DbError::internal("not a call")) };
        let filter = match &f.filter {
            Some(x) => Some(self.filter_condition(x)?),
            None => None,
        };
        let over = f.over.as_ref().ok_or_else(|| DbError::internal("window call without OVER"))?;
        self.collect_window(proc, args, filter, over, call.ty, collation, pos)
    }
}

/// How many arguments of a call are left to their defaults.
fn missing(r: &Resolved) -> usize {
    r.order.iter().filter(|o| o.is_none()).count()
}

/// Whether a function can take a call of this shape, and how its arguments line up.
fn fit(
    proc: &'static Proc,
    nargs: usize,
    names: &[Option<String>],
    named: usize,
    explicit_variadic: bool,
    call: bool,
) -> Option<Resolved> {
    let with_outputs = call && proc.prokind == 'p';
    let declared: Vec<u32> = match &proc.proallargtypes {
        Some(all) if with_outputs => all.to_vec(),
        _ => proc.proargtypes.to_vec(),
    };
    let total = declared.len();
    let defaults = usize::try_from(proc.pronargdefaults).unwrap_or(0);
    let is_variadic = proc.provariadic != 0;
    if explicit_variadic && !is_variadic {
        return None;
    }
    if named > 0 {
        if is_variadic && !explicit_variadic {
            return None;
        }
        let all = proc.proargnames.as_ref()?;
        // Names of the input arguments only.
        let inputs: Vec<&str> = match &proc.proargmodes {
            Some(modes) if !with_outputs => {
                all.iter().zip(modes.iter()).filter(|(_, m)| matches!(m, 'i' | 'b' | 'v')).map(|(n, _)| *n).collect()
            }
            _ => all.to_vec(),
        };
        let mut order: Vec<Option<usize>> = vec![None; total];
        for i in 0..nargs {
            let slot = match names.get(i).and_then(|n| n.as_ref()) {
                Some(n) => inputs.iter().position(|x| x == n)?,
                None => i,
            };
            if slot >= total || order[slot].is_some() {
                return None;
            }
            order[slot] = Some(i);
        }
        if order.iter().enumerate().any(|(i, o)| o.is_none() && i < total - defaults) {
            return None;
        }
        return Some(Resolved { proc, declared, order, pack: None });
    }
    if is_variadic && !explicit_variadic && (nargs >= total || defaults == 0) {
        // The last parameter takes one or more arguments of its element type.
        if nargs < total {
            return None;
        }
        let n = nargs - (total - 1);
        let mut d = declared;
        d.pop();
        d.push(proc.provariadic);
        let order = (0..total - 1).map(Some).collect();
        return Some(Resolved { proc, declared: d, order, pack: Some(n) });
    }
    if nargs > total || nargs + defaults < total {
        return None;
    }
    let order = (0..total).map(|i| (i < nargs).then_some(i)).collect();
    Some(Resolved { proc, declared, order, pack: None })
}
