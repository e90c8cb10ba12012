//! Type conversion and overload resolution: PostgreSQL's manual, chapter 10.

use super::Binder;
use super::types::{self, element_of, info, show};
use crate::catalog::Catalog;
use crate::plan::ir::{Expr, ExprKind};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::pgdata::{self, Operator, Proc};
use rustydb_types::{io, oid, usertype};

/// In what context a conversion is asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Coercion {
    /// In an expression.
    Implicit,
    /// Storing into a column.
    Assignment,
    /// Written as a cast.
    Explicit,
}

/// How one type becomes another.
#[derive(Clone, Copy, Debug)]
pub enum Path {
    /// Nothing to do at run time.
    Relabel,
    /// By a function.
    Func(&'static Proc),
    /// Through text.
    Io,
    /// Element by element.
    Array,
}

pub(crate) fn is_polymorphic(t: u32) -> bool {
    is_any_family(t) || is_compatible_family(t)
}

fn is_any_family(t: u32) -> bool {
    matches!(t, oid::ANYELEMENT | oid::ANYARRAY | oid::ANYNONARRAY | oid::ANYENUM | oid::ANYRANGE | oid::ANYMULTIRANGE)
}

fn is_compatible_family(t: u32) -> bool {
    matches!(
        t,
        oid::ANYCOMPATIBLE
            | oid::ANYCOMPATIBLEARRAY
            | oid::ANYCOMPATIBLENONARRAY
            | oid::ANYCOMPATIBLERANGE
            | oid::ANYCOMPATIBLEMULTIRANGE
    )
}

pub(crate) fn is_row_type(t: u32) -> bool {
    t == oid::RECORD || info(t).typtype == 'c'
}

/// How `source` converts to `target` in a context, if it does. Both differ. Without a catalog users' casts do not count:
/// where polymorphic types are worked out, and for what only relabels.
pub fn pathway(cat: Option<&Catalog>, source: u32, target: u32, cx: Coercion) -> Option<Path> {
    // A value of a domain is one of its base type; becoming one of a domain is the caller's business.
    let source = types::base_oid(source);
    if source == target {
        return Some(Path::Relabel);
    }
    if let Some((cat, c)) = cat.and_then(|cat| Some((cat, cat.casts.get(&(source, target))?))) {
        let needs = match c.context {
            'i' => Coercion::Implicit,
            'a' => Coercion::Assignment,
            _ => Coercion::Explicit,
        };
        if cx < needs {
            return None;
        }
        return Some(match c.method {
            'f' => Path::Func(cat.routines.get(&c.function).map(|r| r.proc()).or_else(|| pgdata::proc(c.function))?),
            'b' => Path::Relabel,
            _ => Path::Io,
        });
    }
    if let Some(c) = pgdata::cast(source, target) {
        let needs = match c.castcontext {
            'i' => Coercion::Implicit,
            'a' => Coercion::Assignment,
            _ => Coercion::Explicit,
        };
        if cx < needs {
            return None;
        }
        return Some(match c.castmethod {
            'f' => Path::Func(pgdata::proc(c.castfunc)?),
            'b' => Path::Relabel,
            _ => Path::Io,
        });
    }
    if cx >= Coercion::Explicit && source >= usertype::FIRST_USER_OID && usertype::multirange_of(source) == Some(target)
    {
        // As the casts of the built-in ranges do it.
        return pgdata::cast(oid::INT4RANGE, oid::INT4MULTIRANGE)
            .and_then(|c| pgdata::proc(c.castfunc))
            .map(Path::Func);
    }
    if target != oid::INT2VECTOR
        && target != oid::OIDVECTOR
        && let (Some(s), Some(t)) = (element_of(source), element_of(target))
        && let Some(p) = pathway(cat, s, types::base_oid(t), cx)
    {
        // An array says itself what its elements are, and names are shown for some numbers; elements of a domain are
        // checked one by one.
        let same = matches!(p, Path::Relabel) && !is_reg(t) && !is_reg(s) && !usertype::is_domain(t);
        return Some(if same { Path::Relabel } else { Path::Array });
    }
    if cx >= Coercion::Assignment && info(target).typcategory == 'S' {
        return Some(Path::Io);
    }
    if cx >= Coercion::Explicit && info(source).typcategory == 'S' {
        return Some(Path::Io);
    }
    None
}

/// Whether an argument of type `source` may be given where `target` is declared.
pub fn can_coerce(cat: Option<&Catalog>, source: u32, target: u32, cx: Coercion) -> bool {
    if source == target || target == oid::ANY || source == oid::UNKNOWN {
        return true;
    }
    // What may become the base type may become the domain.
    let target = types::base_oid(target);
    if matches!(target, oid::ANYELEMENT | oid::ANYCOMPATIBLE) {
        return true;
    }
    let source = types::base_oid(source);
    match target {
        oid::ANYELEMENT | oid::ANYCOMPATIBLE => return true,
        oid::ANYARRAY | oid::ANYCOMPATIBLEARRAY => {
            return element_of(source).is_some_and(|_| source != oid::INT2VECTOR && source != oid::OIDVECTOR)
                || matches!(source, oid::INT2VECTOR | oid::OIDVECTOR | oid::ANYARRAY);
        }
        oid::ANYNONARRAY | oid::ANYCOMPATIBLENONARRAY => return element_of(source).is_none(),
        oid::ANYENUM => return info(source).typtype == 'e',
        oid::ANYRANGE | oid::ANYCOMPATIBLERANGE => return info(source).typtype == 'r',
        oid::ANYMULTIRANGE | oid::ANYCOMPATIBLEMULTIRANGE => return info(source).typtype == 'm',
        oid::RECORD => return is_row_type(source),
        _ => {}
    }
    if source == oid::RECORD && is_row_type(target) {
        return true;
    }
    if cat.is_some_and(|c| super::row_inherit::inherits(c, source, target)) {
        return true;
    }
    pathway(cat, source, target, cx).is_some()
}

fn is_preferred(category: char, ty: u32) -> bool {
    let i = info(ty);
    i.typcategory == category && i.typispreferred
}

/// A candidate: its argument types as this call needs them (variadic expanded), and whichever row it stands for.
#[derive(Clone, Debug)]
pub struct Candidate<T> {
    /// One per actual argument.
    pub args: Vec<u32>,
    /// The row.
    pub row: T,
}

/// Chooses among candidates that all accept the arguments (PostgreSQL's `func_select_candidate`); `None` when no one
/// is best.
pub fn select<T: Clone>(cat: &Catalog, actual: &[u32], cands: Vec<Candidate<T>>) -> Option<T> {
    // Domains count as their base types.
    let actual: Vec<u32> = actual.iter().map(|t| types::base_oid(*t)).collect();
    select_base(cat, &actual, cands)
}

fn select_base<T: Clone>(cat: &Catalog, actual: &[u32], mut cands: Vec<Candidate<T>>) -> Option<T> {
    if cands.len() <= 1 {
        return cands.pop().map(|c| c.row);
    }
    let keep_best = |cands: Vec<Candidate<T>>, score: &dyn Fn(&Candidate<T>) -> usize| {
        let best = cands.iter().map(score).max().unwrap_or(0);
        cands.into_iter().filter(|c| score(c) == best).collect::<Vec<_>>()
    };
    let known = |i: usize| actual[i] != oid::UNKNOWN;
    let n = actual.len();
    cands = keep_best(cands, &|c| (0..n).filter(|&i| known(i) && c.args[i] == actual[i]).count());
    if cands.len() == 1 {
        return cands.pop().map(|c| c.row);
    }
    cands = keep_best(cands, &|c| {
        (0..n)
            .filter(|&i| known(i) && (c.args[i] == actual[i] || is_preferred(info(actual[i]).typcategory, c.args[i])))
            .count()
    });
    if cands.len() == 1 {
        return cands.pop().map(|c| c.row);
    }
    if (0..n).all(known) {
        return None;
    }
    // Unknown arguments: prefer strings, else the one category all candidates agree on.
    let mut slots: Vec<Option<(char, bool)>> = vec![None; n];
    let mut resolved = true;
    for i in (0..n).filter(|&i| !known(i)) {
        let mut slot: Option<(char, bool)> = None;
        let mut conflict = false;
        for c in &cands {
            let t = info(c.args[i]);
            match &mut slot {
                None => slot = Some((t.typcategory, t.typispreferred)),
                Some((cat, pref)) if *cat == t.typcategory => *pref |= t.typispreferred,
                Some(s) => {
                    if t.typcategory == 'S' {
                        *s = ('S', t.typispreferred);
                    } else {
                        conflict = true;
                    }
                }
            }
        }
        slots[i] = slot;
        resolved &= !conflict || slot.is_some_and(|s| s.0 == 'S');
        if !resolved {
            break;
        }
    }
    if resolved {
        let fits = |c: &Candidate<T>| {
            (0..n).all(|i| match slots[i] {
                Some((cat, pref)) => {
                    let t = info(c.args[i]);
                    t.typcategory == cat && (!pref || t.typispreferred)
                }
                None => true,
            })
        };
        let left: Vec<_> = cands.iter().filter(|c| fits(c)).cloned().collect();
        if !left.is_empty() {
            cands = left;
        }
        if cands.len() == 1 {
            return cands.pop().map(|c| c.row);
        }
    }
    // Last resort: if all known arguments have one type, assume it for the unknown ones.
    let mut knowns = (0..n).filter(|&i| known(i)).map(|i| actual[i]);
    let ty = knowns.next()?;
    if knowns.all(|t| t == ty) {
        let fits = |c: &Candidate<T>| {
            let mut declared = c.args.clone();
            c.args.iter().all(|&a| can_coerce(Some(cat), ty, a, Coercion::Implicit))
                && (!declared.iter().any(|t| is_polymorphic(*t))
                    || resolve_polymorphic(&vec![ty; n], &mut declared, oid::BOOL).is_some())
        };
        let mut left: Vec<_> = cands.into_iter().filter(fits).collect();
        if left.len() == 1 {
            return left.pop().map(|c| c.row);
        }
    }
    None
}

/// Whether arguments may be given to a candidate with polymorphic ones (PostgreSQL's `check_generic_type_consistency`):
/// unknown literals may, though a call that has nothing else is refused once it is the candidate.
pub fn fits_polymorphic(actual: &[u32], declared: &[u32]) -> bool {
    if only_unknown(actual, declared) {
        // No literal is known to be of an enum.
        return !declared.contains(&oid::ANYENUM);
    }
    resolve_polymorphic(actual, &mut declared.to_vec(), oid::BOOL).is_some()
}

/// Whether the arguments of the "any element" family are all unknown literals, and there are some.
fn only_unknown(actual: &[u32], declared: &[u32]) -> bool {
    let mut families = actual.iter().zip(declared).filter(|(_, d)| is_any_family(**d));
    families.clone().next().is_some() && families.all(|(a, _)| *a == oid::UNKNOWN)
}

/// Why [`resolve_polymorphic`] found no types for a call that was chosen.
pub fn polymorphic_error(actual: &[u32], declared: &[u32], result: u32) -> DbError {
    let mismatch = |message: String| DbError::new(SqlState::DATATYPE_MISMATCH, message);
    if actual.contains(&oid::ANYARRAY) {
        return mismatch("cannot determine element type of \"anyarray\" argument".into());
    }
    if !only_unknown(actual, declared) && result == oid::ANYARRAY {
        let mut element = declared.to_vec();
        if let Some(element) = resolve_polymorphic(actual, &mut element, oid::ANYELEMENT) {
            return DbError::new(
                SqlState::UNDEFINED_OBJECT,
                format!("could not find array type for data type {}", show(element)),
            );
        }
    }
    mismatch(format!("could not determine polymorphic type because input has type {}", show(oid::UNKNOWN)))
}

/// Concrete types for a call's polymorphic arguments and result (PostgreSQL's `enforce_generic_type_consistency`).
/// `declared` may hold polymorphic types and is made concrete; answers the result type, `None` if inconsistent.
pub fn resolve_polymorphic(actual: &[u32], declared: &mut [u32], result: u32) -> Option<u32> {
    let (mut elem, mut array, mut range, mut multirange) = (None, None, None, None);
    let mut compat: Vec<u32> = Vec::new();
    let (mut compat_range, mut compat_multirange) = (None, None);
    let mut have_compat = false;
    let set = |slot: &mut Option<u32>, t: u32| match slot {
        Some(s) if *s != t => false,
        _ => {
            *slot = Some(t);
            true
        }
    };
    for (&a, &d) in actual.iter().zip(declared.iter()) {
        let unknown = a == oid::UNKNOWN;
        have_compat |= is_compatible_family(d);
        if unknown {
            continue;
        }
        // Only an "any element" may be a domain itself.
        let a = if matches!(d, oid::ANYELEMENT | oid::ANYNONARRAY | oid::ANYCOMPATIBLE | oid::ANYCOMPATIBLENONARRAY) {
            a
        } else {
            types::base_oid(a)
        };
        let ok = match d {
            oid::ANYELEMENT | oid::ANYNONARRAY | oid::ANYENUM => set(&mut elem, a),
            oid::ANYARRAY => set(&mut array, a),
            oid::ANYRANGE => set(&mut range, a),
            oid::ANYMULTIRANGE => set(&mut multirange, a),
            oid::ANYCOMPATIBLE | oid::ANYCOMPATIBLENONARRAY => {
                compat.push(a);
                true
            }
            oid::ANYCOMPATIBLEARRAY => {
                compat.push(types::base_oid(element_of(a)?));
                true
            }
            oid::ANYCOMPATIBLERANGE => set(&mut compat_range, a),
            oid::ANYCOMPATIBLEMULTIRANGE => set(&mut compat_multirange, a),
            _ => true,
        };
        if !ok {
            return None;
        }
    }
    if let Some(a) = array
        && a != oid::ANYARRAY
    {
        let e = element_of(a)?;
        // An array of a domain over the element type will do.
        let same = elem.is_some_and(|x| x != e && types::base_oid(x) == e);
        if same {
            elem = Some(e);
        }
        if !set(&mut elem, e) {
            return None;
        }
    }
    let range_of = |range: &mut Option<u32>, multirange: &mut Option<u32>| -> Option<bool> {
        if let Some(m) = *multirange {
            let r = usertype::range_of_multirange(m)?;
            if range.is_some_and(|x| x != r) {
                return Some(false);
            }
            *range = Some(r);
        } else if let Some(r) = *range {
            *multirange = usertype::multirange_of(r);
        }
        Some(true)
    };
    if !range_of(&mut range, &mut multirange)? || !range_of(&mut compat_range, &mut compat_multirange)? {
        return None;
    }
    if let Some(r) = range {
        let sub = usertype::range_subtype(r)?.oid;
        if elem.is_some_and(|x| x != sub && types::base_oid(x) == sub) {
            elem = Some(sub);
        }
        if !set(&mut elem, sub) {
            return None;
        }
    }
    let common = match (have_compat, compat_range) {
        (false, _) => None,
        // The subtype of a range is what everything else has to become.
        (true, Some(r)) => {
            let sub = usertype::range_subtype(r)?.oid;
            if compat.iter().any(|c| !can_coerce(None, *c, sub, Coercion::Implicit)) {
                return None;
            }
            Some(sub)
        }
        (true, None) if compat.is_empty() => Some(oid::TEXT),
        // Types without a common one do not fit: text[] || text[] is not "array || element".
        (true, None) => Some(common_type(&compat)?),
    };
    let any_poly = declared.iter().any(|d| is_any_family(*d));
    if any_poly && elem.is_none() && array != Some(oid::ANYARRAY) {
        // All polymorphic inputs are unknown literals, or they do not tell the element.
        return None;
    }
    let concrete = |d: u32| -> Option<u32> {
        Some(match d {
            oid::ANYELEMENT | oid::ANYNONARRAY | oid::ANYENUM => {
                if array == Some(oid::ANYARRAY) && elem.is_none() {
                    return None;
                } else {
                    elem?
                }
            }
            oid::ANYARRAY => match array {
                Some(a) => a,
                None => types::array_of(elem?)?,
            },
            oid::ANYRANGE => range?,
            oid::ANYMULTIRANGE => multirange?,
            oid::ANYCOMPATIBLE | oid::ANYCOMPATIBLENONARRAY => common?,
            oid::ANYCOMPATIBLEARRAY => types::array_of(common?)?,
            oid::ANYCOMPATIBLERANGE => compat_range?,
            oid::ANYCOMPATIBLEMULTIRANGE => compat_multirange?,
            other => other,
        })
    };
    for d in declared.iter_mut() {
        *d = concrete(*d)?;
    }
    concrete(result)
}

/// The common type of a UNION, CASE, VALUES… without its errors: `None` when there is none or all are unknown.
pub fn common_type(types: &[u32]) -> Option<u32> {
    // Domains count as their base types, unless all are the same.
    if let Some(t) = types.first().filter(|t| types.iter().all(|x| x == *t)) {
        return Some(*t).filter(|t| *t != oid::UNKNOWN);
    }
    let types: Vec<u32> = types.iter().map(|t| types::base_oid(*t)).collect();
    let mut it = types.iter().copied().filter(|t| *t != oid::UNKNOWN);
    let mut p = it.next()?;
    for n in it {
        if n == p {
            continue;
        }
        let (pi, ni) = (info(p), info(n));
        if pi.typcategory != ni.typcategory {
            return None;
        }
        if !pi.typispreferred
            && can_coerce(None, p, n, Coercion::Implicit)
            && !can_coerce(None, n, p, Coercion::Implicit)
        {
            p = n;
        }
    }
    Some(p)
}

impl Binder<'_> {
    /// The common type of several expressions; `what` names the construct in the error ("UNION", "CASE", …).
    pub fn common_type_of(&self, exprs: &[&Expr], what: &str) -> Result<u32> {
        if let Some(first) = exprs.first().filter(|f| exprs.iter().all(|e| e.ty.oid == f.ty.oid))
            && first.ty.oid != oid::UNKNOWN
        {
            return Ok(first.ty.oid);
        }
        let bases: Vec<Expr> = exprs
            .iter()
            .filter(|e| types::base_oid(e.ty.oid) != e.ty.oid)
            .map(|e| Expr { kind: ExprKind::CaseValue, ty: types::base_type(e.ty), pos: e.pos })
            .collect();
        let mut stand_ins = bases.iter();
        let exprs: Vec<&Expr> = exprs
            .iter()
            .map(|e| if types::base_oid(e.ty.oid) == e.ty.oid { *e } else { stand_ins.next().unwrap_or(e) })
            .collect();
        let mut p: Option<&Expr> = None;
        for e in exprs.iter().copied().filter(|e| e.ty.oid != oid::UNKNOWN) {
            let Some(cur) = p else {
                p = Some(e);
                continue;
            };
            if e.ty.oid == cur.ty.oid {
                continue;
            }
            let (pi, ni) = (info(cur.ty.oid), info(e.ty.oid));
            if pi.typcategory != ni.typcategory {
                return Err(DbError::new(
                    SqlState::DATATYPE_MISMATCH,
                    format!("{what} types {} and {} cannot be matched", show(cur.ty.oid), show(e.ty.oid)),
                )
                .at(e.pos));
            }
            if !pi.typispreferred
                && can_coerce(Some(self.cx.catalog), cur.ty.oid, e.ty.oid, Coercion::Implicit)
                && !can_coerce(Some(self.cx.catalog), e.ty.oid, cur.ty.oid, Coercion::Implicit)
            {
                p = Some(e);
            }
        }
        Ok(p.map_or(oid::TEXT, |e| e.ty.oid))
    }

    /// Converts to the common type found by [`Binder::common_type_of`].
    pub fn to_common(&mut self, e: Expr, ty: u32, what: &str) -> Result<Expr> {
        let from = e.ty.oid;
        let pos = e.pos;
        match self.coerce(e, types::plain(ty), Coercion::Implicit)? {
            Some(e) => Ok(e),
            None => Err(DbError::new(
                SqlState::CANNOT_COERCE,
                format!("{what} could not convert type {} to {}", show(from), show(ty)),
            )
            .at(pos)),
        }
    }

    /// Converts an expression to a type and modifier, or answers `None` when there is no conversion.
    pub fn coerce(&mut self, e: Expr, to: TypeRef, cx: Coercion) -> Result<Option<Expr>> {
        let pos = e.pos;
        // Which field a bare number of an interval's text is depends on the modifier: '90' is 90 days of interval day.
        if to.oid == oid::INTERVAL
            && to.typmod >= 0
            && e.ty.oid == oid::UNKNOWN
            && let ExprKind::Const(Datum::Text(s)) = &e.kind
        {
            let d = io::text_in(self.cx.eval, to, s).map_err(|x| x.at(pos))?;
            return Ok(Some(Expr { kind: ExprKind::Const(d), ty: to, pos }));
        }
        let converts = e.ty.oid != to.oid;
        let Some(mut converted) = self.coerce_type(e, to.oid, cx)? else { return Ok(None) };
        // How many bits an integer becomes is the modifier's to say.
        if to.typmod >= 0
            && converts
            && let ExprKind::Call { proc, args, .. } = &mut converted.kind
            && matches!(proc.prosrc.as_ref(), "bitfromint4" | "bitfromint8")
            && let Some(length) = args.get_mut(1)
        {
            length.kind = ExprKind::Const(Datum::Int4(to.typmod));
            converted.ty.typmod = to.typmod;
        }
        Ok(Some(self.coerce_typmod(converted, to, cx, pos)?))
    }

    fn coerce_typmod(&mut self, e: Expr, to: TypeRef, cx: Coercion, pos: u32) -> Result<Expr> {
        let collation = if e.ty.oid == to.oid && e.ty.collation != 0 { e.ty.collation } else { to.collation };
        if to.typmod < 0 && e.ty.typmod >= 0 && e.ty.oid == to.oid && cx == Coercion::Explicit {
            // The value stays, but nobody may count on its length any more.
            let ty = TypeRef { typmod: -1, collation, ..e.ty };
            return Ok(Expr { kind: ExprKind::Relabel(Box::new(e)), ty, pos });
        }
        if to.typmod < 0 || e.ty.typmod == to.typmod {
            return Ok(Expr { ty: TypeRef { collation, ..e.ty }, ..e });
        }
        let ty = TypeRef { typmod: to.typmod, collation, ..to };
        let explicit = cx == Coercion::Explicit;
        if let Some(d) = e.as_const() {
            // PostgreSQL fits values to a length when it runs the statement, which knows no place in the text.
            let d = rustydb_types::typmod::apply_typmod(ty, d.clone(), explicit)?;
            return Ok(Expr { kind: ExprKind::Const(d), ty, pos });
        }
        Ok(Expr { kind: ExprKind::Typmod { arg: Box::new(e), explicit }, ty, pos })
    }

    fn coerce_type(&mut self, e: Expr, to: u32, cx: Coercion) -> Result<Option<Expr>> {
        let from = e.ty.oid;
        let pos = e.pos;
        if from == to || to == oid::ANY || (is_polymorphic(to) && from != oid::UNKNOWN) {
            return Ok(Some(if from == oid::RECORD { self.default_unknown(e)? } else { e }));
        }
        let mut ty = types::plain(to);
        if e.ty.collation != 0 && ty.collation != 0 {
            ty.collation = e.ty.collation;
        }
        if usertype::is_domain(to) && from != oid::UNKNOWN {
            return self.coerce_to_domain(e, ty, cx);
        }
        if usertype::is_domain(from) && from != to {
            let e = self.see_through(e);
            if e.ty.oid == to {
                return Ok(Some(Expr { ty, ..e }));
            }
            return self.coerce_type(e, to, cx);
        }
        if from == oid::UNKNOWN {
            match e.kind {
                ExprKind::Param(i) => {
                    self.params[i] = Some(ty);
                    return Ok(Some(Expr { kind: ExprKind::Param(i), ty, pos }));
                }
                ExprKind::Const(Datum::Null) => {
                    let null = Expr { kind: ExprKind::Const(Datum::Null), ty, pos };
                    // A domain may have something against NULL.
                    return Ok(Some(if usertype::is_domain(to) { checked(null, ty) } else { null }));
                }
                ExprKind::Const(Datum::Text(_)) if usertype::is_domain(to) => {
                    return self.coerce_to_domain(e, ty, cx);
                }
                ExprKind::Const(Datum::Text(ref s)) => {
                    if matches!(info(to).typcategory, 'D' | 'T') || is_reg(to) {
                        self.context_dependent = true;
                    }
                    let d = io::text_in(self.cx.eval, ty, s).map_err(|x| x.at(pos))?;
                    if let (oid::REGCLASS, Datum::Oid(o)) = (to, &d) {
                        self.note(|_| super::define::Resolved::Constant(*o));
                    }
                    return Ok(Some(Expr { kind: ExprKind::Const(d), ty, pos }));
                }
                _ => {
                    // An unknown column of a subquery: text.
                    let as_text = Expr { ty: types::plain(oid::TEXT), ..e };
                    return if to == oid::TEXT {
                        Ok(Some(as_text))
                    } else {
                        self.coerce_type(as_text, to, Coercion::Explicit)
                    };
                }
            }
        }
        if super::row_inherit::inherits(self.cx.catalog, from, to) {
            return Ok(super::row_inherit::as_parents_row(self.cx.catalog, e, ty));
        }
        if let ExprKind::Row(fields) = &e.kind
            && to != oid::RECORD
            && let Some(rel) = self.cx.catalog.row_types.get(&to)
        {
            let rel = self.cx.catalog.relation(*rel).cloned();
            let Some(rel) = rel else { return Ok(None) };
            let cols: Vec<TypeRef> = rel.live_columns().map(|c| c.ty).collect();
            if cols.len() != fields.len() {
                return Err(DbError::new(SqlState::CANNOT_COERCE, format!("cannot cast type record to {}", rel.name))
                    .detail(if fields.len() < cols.len() {
                        "Input has too few columns."
                    } else {
                        "Input has too many columns."
                    })
                    .at(pos));
            }
            let mut out = Vec::with_capacity(cols.len());
            for (f, c) in fields.clone().into_iter().zip(cols) {
                let Some(mut f) = self.coerce(f, c, cx)? else { return Ok(None) };
                // A field compares as its column does.
                f.ty.collation = c.collation;
                out.push(f);
            }
            return Ok(Some(Expr { kind: ExprKind::Row(out), ty, pos }));
        }
        if let ExprKind::Array { items, nested: false } = &e.kind
            && element_of(from) == Some(oid::RECORD)
            && let Some(elem) = element_of(to).filter(|t| is_row_type(*t))
        {
            let mut out = Vec::with_capacity(items.len());
            for x in items.clone() {
                let Some(x) = self.coerce_type(x, elem, cx)? else { return Ok(None) };
                out.push(x);
            }
            return Ok(Some(Expr { kind: ExprKind::Array { items: out, nested: false }, ty, pos }));
        }
        if to == oid::RECORD && is_row_type(from) {
            return Ok(Some(Expr { kind: ExprKind::Relabel(Box::new(e)), ty, pos }));
        }
        let Some(path) = pathway(Some(self.cx.catalog), from, to, cx) else {
            if from == oid::RECORD && is_row_type(to) {
                let to = rustydb_types::typename::format_type(to, -1);
                return Err(DbError::new(SqlState::CANNOT_COERCE, format!("cannot cast type record to {to}")).at(pos));
            }
            return Ok(None);
        };
        Ok(Some(self.apply_path(e, ty, path, cx)?))
    }

    /// A value as one of a domain: first of its base, brought to the base's modifier, then checked.
    fn coerce_to_domain(&mut self, e: Expr, ty: TypeRef, cx: Coercion) -> Result<Option<Expr>> {
        if e.ty.oid == ty.oid {
            return Ok(Some(e));
        }
        let made = self.coerce(e, usertype::base(ty), cx).map_err(|mut x| {
            // PostgreSQL applies a domain's modifier when the expression runs, where there are no positions.
            if x.code == SqlState::STRING_DATA_RIGHT_TRUNCATION
                && let Some(f) = &mut x.fields
            {
                f.position = None;
            }
            x
        })?;
        Ok(made.map(|e| checked(e, ty)))
    }

    /// A value of a domain as one of its base type.
    pub fn see_through(&self, e: Expr) -> Expr {
        let ty = types::base_type(e.ty);
        if ty.oid == e.ty.oid {
            return e;
        }
        let pos = e.pos;
        Expr { kind: ExprKind::Relabel(Box::new(e)), ty, pos }
    }

    fn apply_path(&mut self, e: Expr, ty: TypeRef, path: Path, cx: Coercion) -> Result<Expr> {
        let pos = e.pos;
        let kind = match path {
            Path::Relabel => ExprKind::Relabel(Box::new(e)),
            Path::Io => ExprKind::ViaIo(Box::new(e)),
            Path::Func(proc) => {
                let given = proc.proargtypes.first().copied().unwrap_or(e.ty.oid);
                let users = proc.oid >= crate::catalog::FIRST_USER_OID;
                let e = if users && given != e.ty.oid {
                    Expr { kind: ExprKind::Relabel(Box::new(e)), ty: types::plain(given), pos }
                } else {
                    e
                };
                let mut args = vec![e];
                // Cast functions may take a typmod and whether the cast is explicit.
                for t in proc.proargtypes.iter().skip(1) {
                    let d = match *t {
                        oid::INT4 => Datum::Int4(-1),
                        _ => Datum::Bool(cx == Coercion::Explicit),
                    };
                    args.push(Expr::new(ExprKind::Const(d), types::plain(*t)));
                }
                let call = ExprKind::Call { proc, args, collation: 0 };
                if users {
                    self.needs.calls(self.cx.catalog, proc.oid, proc.proname);
                    let made = self.inline_sql(Expr { kind: call, ty: types::plain(proc.prorettype), pos })?;
                    return Ok(if made.ty.oid == ty.oid {
                        made
                    } else {
                        Expr { kind: ExprKind::Relabel(Box::new(made)), ty, pos }
                    });
                }
                // smallint becomes oid by way of the function to integer.
                if proc.prorettype == oid::INT4 && ty.oid != oid::INT4 {
                    ExprKind::Relabel(Box::new(Expr { kind: call, ty: types::plain(oid::INT4), pos }))
                } else {
                    call
                }
            }
            Path::Array => {
                let (Some(from_elem), Some(to_elem)) = (element_of(e.ty.oid), element_of(ty.oid)) else {
                    return Err(DbError::internal("array cast between types that are not arrays"));
                };
                let one = Expr { kind: ExprKind::CaseValue, ty: types::plain(from_elem), pos };
                let elem = self
                    .coerce_type(one, to_elem, cx)?
                    .ok_or_else(|| DbError::internal("array cast lost its element cast"))?;
                ExprKind::ArrayMap { arg: Box::new(e), elem: Box::new(elem) }
            }
        };
        Ok(Expr { kind, ty, pos })
    }

    /// Converts for storing into a column (42804 if there is no assignment cast).
    pub fn assign(&mut self, e: Expr, to: TypeRef, column: &str) -> Result<Expr> {
        let (from, pos) = (e.ty.oid, e.pos);
        match self.coerce(e, to, Coercion::Assignment)? {
            Some(e) => Ok(e),
            None => Err(DbError::new(
                SqlState::DATATYPE_MISMATCH,
                format!("column \"{column}\" is of type {} but expression is of type {}", show(to.oid), show(from)),
            )
            .hint("You will need to rewrite or cast the expression.")
            .at(pos)),
        }
    }

    /// An expression that must be boolean (`what` is "WHERE", "HAVING", "JOIN/ON", "AND", …).
    pub fn to_bool(&mut self, e: Expr, what: &str) -> Result<Expr> {
        let (from, pos) = (e.ty.oid, e.pos);
        match self.coerce(e, types::plain(oid::BOOL), Coercion::Assignment)? {
            Some(e) => Ok(e),
            None => Err(DbError::new(
                SqlState::DATATYPE_MISMATCH,
                format!("argument of {what} must be type boolean, not type {}", show(from)),
            )
            .at(pos)),
        }
    }

    /// Finds the operator for operand types (`left` `None` for a prefix operator); `unknown` operands allowed.
    pub fn find_operator(
        &self,
        schema: Option<&str>,
        name: &str,
        left: Option<u32>,
        right: u32,
        pos: u32,
    ) -> Result<&'static Operator> {
        let plain = match schema {
            None => self.cx.catalog.operators.is_empty(),
            Some(s) => s == "pg_catalog",
        };
        // Operators see through domains, unless they take any element.
        let bases = (left.map(types::base_oid), types::base_oid(right));
        if plain {
            let (l, r) = match bases {
                (Some(oid::UNKNOWN), r) => (r, r),
                (Some(l), oid::UNKNOWN) => (l, l),
                (l, r) => (l.unwrap_or(0), r),
            };
            if let Some(o) = pgdata::operator_exact(name, l, r) {
                return Ok(o);
            }
        }
        let own: Vec<&'static Operator>;
        let rows: &[&'static Operator] = match schema {
            _ if plain => pgdata::operators_named(name),
            other => {
                let cat = self.cx.catalog;
                let mut path = match other {
                    Some(s) => self.schema_named(s).into_iter().collect(),
                    None => self.cx.search_path.to_vec(),
                };
                if other.is_none() && !path.contains(&pgdata::PG_CATALOG) {
                    path.insert(0, pgdata::PG_CATALOG);
                }
                let mut found: Vec<&'static Operator> = Vec::new();
                for ns in path {
                    let built_in = if ns == pgdata::PG_CATALOG { pgdata::operators_named(name) } else { &[] };
                    let users = cat.operators_in(ns, name).into_iter().map(|o| o.operator());
                    for o in built_in.iter().copied().chain(users) {
                        // Of equal ones the first in the path counts.
                        if !found.iter().any(|f| f.oprleft == o.oprleft && f.oprright == o.oprright) {
                            found.push(o);
                        }
                    }
                }
                own = found;
                &own
            }
        };
        let undefined = |ambiguous: bool| {
            let sig = match left {
                Some(l) => format!("{} {name} {}", show(l), show(right)),
                None => format!("{name} {}", show(right)),
            };
            let shown = match schema {
                Some(s) => match left {
                    Some(l) => format!("{} {s}.{name} {}", show(l), show(right)),
                    None => format!("{s}.{name} {}", show(right)),
                },
                None => sig,
            };
            if ambiguous {
                DbError::new(SqlState::AMBIGUOUS_FUNCTION, format!("operator is not unique: {shown}"))
                    .hint("Could not choose a best candidate operator. You might need to add explicit type casts.")
                    .at(pos)
            } else {
                let hint = if left.is_some() {
                    "No operator matches the given name and argument types. You might need to add explicit type casts."
                } else {
                    "No operator matches the given name and argument type. You might need to add an explicit type cast."
                };
                DbError::new(SqlState::UNDEFINED_FUNCTION, format!("operator does not exist: {shown}"))
                    .hint(hint)
                    .at(pos)
            }
        };
        let (left, right) = bases;
        let Some(l) = left else {
            let prefix: Vec<_> = rows.iter().copied().filter(|o| o.oprleft == 0).collect();
            if let Some(o) = prefix.iter().find(|o| o.oprright == right) {
                return Ok(o);
            }
            let cands: Vec<_> = prefix
                .iter()
                .filter(|o| can_coerce(Some(self.cx.catalog), right, o.oprright, Coercion::Implicit))
                .map(|o| Candidate { args: vec![o.oprright], row: *o })
                .collect();
            let none = cands.is_empty();
            return select(self.cx.catalog, &[right], cands).ok_or_else(|| undefined(!none));
        };
        let (el, er) = match (l == oid::UNKNOWN, right == oid::UNKNOWN) {
            (true, false) => (right, right),
            (false, true) => (l, l),
            _ => (l, right),
        };
        if let Some(o) = rows.iter().copied().find(|o| o.oprleft == el && o.oprright == er) {
            return Ok(o);
        }
        let cands: Vec<_> = rows
            .iter()
            .copied()
            .filter(|o| {
                o.oprleft != 0
                    && can_coerce(Some(self.cx.catalog), l, o.oprleft, Coercion::Implicit)
                    && can_coerce(Some(self.cx.catalog), right, o.oprright, Coercion::Implicit)
                    && {
                        let d = [o.oprleft, o.oprright];
                        !d.iter().any(|t| is_polymorphic(*t)) || fits_polymorphic(&[l, right], &d)
                    }
            })
            .map(|o| Candidate { args: vec![o.oprleft, o.oprright], row: o })
            .collect();
        let none = cands.is_empty();
        select(self.cx.catalog, &[l, right], cands).ok_or_else(|| undefined(!none))
    }

    /// Applies an operator to bound operands.
    pub fn operator(
        &mut self,
        schema: Option<&str>,
        name: &str,
        left: Option<Expr>,
        right: Expr,
        pos: u32,
    ) -> Result<Expr> {
        let op = self.find_operator(schema, name, left.as_ref().map(|e| e.ty.oid), right.ty.oid, pos)?;
        let (left, right) = (left.map(|e| self.see_through(e)), self.see_through(right));
        let own = self.cx.catalog.routines.get(&op.oprcode).map(|r| r.proc());
        let proc = own.or_else(|| pgdata::proc(op.oprcode)).ok_or_else(|| {
            DbError::new(SqlState::UNDEFINED_FUNCTION, format!("operator is only a shell: {name}")).at(pos)
        })?;
        let mut declared: Vec<u32> = Vec::with_capacity(2);
        let mut args: Vec<Expr> = Vec::with_capacity(2);
        if let Some(l) = left {
            declared.push(op.oprleft);
            args.push(l);
        }
        declared.push(op.oprright);
        args.push(right);
        let result = if own.is_some() { proc.prorettype } else { op.oprresult };
        let call = self.finish_call(proc, declared, result, args, pos)?;
        if own.is_none() {
            return Ok(call);
        }
        self.needs.calls(self.cx.catalog, proc.oid, proc.proname);
        self.inline_sql(call)
    }

    /// Casts arguments to the (possibly polymorphic) declared types and builds the call.
    pub fn finish_call(
        &mut self,
        proc: &'static Proc,
        mut declared: Vec<u32>,
        mut result: u32,
        args: Vec<Expr>,
        pos: u32,
    ) -> Result<Expr> {
        if is_polymorphic(result) || declared.iter().any(|d| is_polymorphic(*d)) {
            let actual: Vec<u32> = args.iter().map(|a| a.ty.oid).collect();
            let given = declared.clone();
            result = resolve_polymorphic(&actual, &mut declared, result)
                .ok_or_else(|| polymorphic_error(&actual, &given, result))?;
        }
        let mut out = Vec::with_capacity(args.len());
        for (a, d) in args.into_iter().zip(&declared) {
            let (from, at) = (a.ty.oid, a.pos);
            let a = if *d == oid::ANY && matches!(proc.proname, "pg_typeof" | "pg_collation_for") {
                // They tell what a literal is before it is given a type.
                a
            } else if *d == oid::ANY {
                self.default_unknown(a)?
            } else {
                self.coerce_type(a, *d, Coercion::Implicit)?.ok_or_else(|| {
                    DbError::new(SqlState::CANNOT_COERCE, format!("cannot cast type {} to {}", show(from), show(*d)))
                        .at(at)
                })?
            };
            out.push(a);
        }
        let collation = super::collation::of_args(&out)?;
        self.name_rows(proc, &mut out)?;
        let mut ty = types::plain(result);
        if ty.collation != 0 && collation != 0 {
            ty.collation = collation;
        }
        Ok(Expr { kind: ExprKind::Call { proc, args: out, collation }, ty, pos })
    }

    /// A still unknown literal or parameter where any type will do: text.
    pub fn default_unknown(&mut self, mut e: Expr) -> Result<Expr> {
        // The literals in a row that becomes no row type are texts.
        if let ExprKind::Row(fields) = &mut e.kind {
            for f in fields.iter_mut().filter(|f| f.ty.oid == oid::UNKNOWN || matches!(f.kind, ExprKind::Row(_))) {
                *f = self.default_unknown(f.clone())?;
            }
        }
        if e.ty.oid != oid::UNKNOWN {
            return Ok(e);
        }
        let pos = e.pos;
        self.coerce_type(e, oid::TEXT, Coercion::Implicit)?
            .ok_or_else(|| DbError::internal("unknown does not convert to text").at(pos))
    }

    /// The equality function for a type: of its default btree (or hash) operator class.
    pub fn equality(&self, ty: u32, pos: u32) -> Result<&'static Proc> {
        let op = self.find_operator(None, "=", Some(ty), ty, pos).map_err(|_| {
            DbError::new(
                SqlState::UNDEFINED_FUNCTION,
                format!("could not identify an equality operator for type {}", show(ty)),
            )
            .at(pos)
        })?;
        pgdata::proc(op.oprcode).ok_or_else(|| DbError::internal("equality operator without function"))
    }

    /// Fails with 42883 unless the type can be sorted.
    pub fn check_sortable(&self, ty: u32, pos: u32) -> Result<()> {
        let ok = ty == oid::UNKNOWN || is_row_type(ty) || sortable(ty);
        if ok {
            return Ok(());
        }
        Err(DbError::new(
            SqlState::UNDEFINED_FUNCTION,
            format!("could not identify an ordering operator for type {}", show(ty)),
        )
        .hint("Use an explicit ordering operator or modify the query.")
        .at(pos))
    }
}

/// A value that must satisfy a domain.
fn checked(e: Expr, ty: TypeRef) -> Expr {
    let pos = e.pos;
    Expr { kind: ExprKind::Domain(Box::new(e)), ty, pos }
}

/// Whether a hash function goes with the type's equality.
pub(super) fn hashable(ty: u32) -> bool {
    let ty = types::base_oid(ty);
    if ty == oid::UNKNOWN {
        return true;
    }
    if let Some(usertype::Kind::Array { elem }) = usertype::kind(ty) {
        return hashable(elem);
    }
    if is_row_type(ty) || pgdata::default_opclass(pgdata::HASH, ty).is_some() {
        return true;
    }
    if let Some(e) = element_of(ty) {
        return hashable(e);
    }
    matches!(info(ty).typtype, 'e' | 'r' | 'm' | 'c')
        || pgdata::casts_from(ty).iter().any(|c| {
            c.castmethod == 'b' && c.castcontext == 'i' && pgdata::default_opclass(pgdata::HASH, c.casttarget).is_some()
        })
}

fn sortable(ty: u32) -> bool {
    let ty = types::base_oid(ty);
    if let Some(usertype::Kind::Array { elem }) = usertype::kind(ty) {
        return sortable(elem);
    }
    if info(ty).typtype == 'c' {
        return true;
    }
    if pgdata::default_opclass(pgdata::BTREE, ty).is_some() {
        return true;
    }
    if let Some(e) = element_of(ty) {
        return sortable(e);
    }
    matches!(info(ty).typtype, 'e' | 'r' | 'm')
        || pgdata::casts_from(ty).iter().any(|c| {
            c.castmethod == 'b'
                && c.castcontext == 'i'
                && pgdata::default_opclass(pgdata::BTREE, c.casttarget).is_some()
        })
}

fn is_reg(t: u32) -> bool {
    matches!(info(t).typname.strip_prefix("reg"), Some(r) if !r.is_empty())
}
