//! ALTER … RENAME, OWNER TO and SET SCHEMA.

use rustydb_parser::ast::{Expr, ExprKind, Ident, QuantifiedRight, Step};

/// Visits every column name in a kept expression (which has no queries in it).
pub fn each_column(e: &mut Expr, f: &mut dyn FnMut(&mut Ident)) {
    stacker::maybe_grow(64 * 1024, 1024 * 1024, || each_column_inner(e, f));
}

fn each_column_inner(e: &mut Expr, f: &mut dyn FnMut(&mut Ident)) {
    match &mut e.kind {
        ExprKind::Column(c) => {
            if let Some(n) = c.parts.last_mut().filter(|_| !c.star) {
                f(n);
            }
        }
        ExprKind::Indirection(x, steps) => {
            each_column(x, f);
            for s in steps {
                match s {
                    Step::Index(e) => each_column(e, f),
                    Step::Slice(a, b) => a.iter_mut().chain(b).for_each(|e| each_column(e, f)),
                    Step::Field(_) | Step::Star => {}
                }
            }
        }
        ExprKind::Op(o) => {
            if let Some(l) = &mut o.left {
                each_column(l, f);
            }
            each_column(&mut o.right, f);
        }
        ExprKind::And(v)
        | ExprKind::Or(v)
        | ExprKind::Coalesce(v)
        | ExprKind::Greatest(v)
        | ExprKind::Least(v)
        | ExprKind::Array(v)
        | ExprKind::Grouping(v)
        | ExprKind::Row { fields: v, .. } => v.iter_mut().for_each(|e| each_column(e, f)),
        ExprKind::Not(x) | ExprKind::Is(x, _) | ExprKind::Cast(x, _) | ExprKind::Collate(x, _) => each_column(x, f),
        ExprKind::Distinct { left, right, .. } | ExprKind::NullIf(left, right) => {
            each_column(left, f);
            each_column(right, f);
        }
        ExprKind::In { arg, list, .. } => {
            each_column(arg, f);
            list.iter_mut().for_each(|e| each_column(e, f));
        }
        ExprKind::Between(b) => {
            each_column(&mut b.arg, f);
            each_column(&mut b.low, f);
            each_column(&mut b.high, f);
        }
        ExprKind::Quantified(q) => {
            each_column(&mut q.left, f);
            if let QuantifiedRight::Array(e) = &mut q.right {
                each_column(e, f);
            }
        }
        ExprKind::Func(c) => c.args.iter_mut().for_each(|a| each_column(&mut a.value, f)),
        ExprKind::Case(c) => {
            c.operand.iter_mut().chain(&mut c.otherwise).for_each(|e| each_column(e, f));
            for (w, t) in &mut c.whens {
                each_column(w, f);
                each_column(t, f);
            }
        }
        ExprKind::Literal(_)
        | ExprKind::Param(_)
        | ExprKind::SqlValue(_)
        | ExprKind::Default
        | ExprKind::CurrentOf(_)
        | ExprKind::ArrayQuery(_)
        | ExprKind::Subquery(_)
        | ExprKind::Exists(_) => {}
    }
}
