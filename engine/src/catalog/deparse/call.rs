//! Calls: of functions, in SQL's own syntax where they were written so, of aggregates and of window functions.

use super::print::{Printer, Within, is_call};
use rustydb_parser::ast::{self, Expr, ExprKind, FrameBound, FrameExclude, FrameUnits, FuncCall, Literal, Over};
use std::fmt::Write;

/// The text of a constant string.
fn constant(e: &Expr) -> Option<&str> {
    match &e.kind {
        ExprKind::Literal(Literal::String(s)) => Some(s),
        ExprKind::Cast(x, _) => constant(x),
        _ => None,
    }
}

impl Printer<'_> {
    pub(super) fn call(&mut self, f: &FuncCall) {
        if self.special(f) {
            return;
        }
        self.name(&f.name);
        self.out.push('(');
        if f.distinct {
            self.push("DISTINCT ");
        }
        if f.star {
            self.out.push('*');
        }
        for (i, a) in f.args.iter().enumerate() {
            if i > 0 {
                self.push(", ");
            }
            if f.variadic && i + 1 == f.args.len() {
                self.push("VARIADIC ");
            }
            if let Some(n) = &a.name {
                let _ = write!(self.out, "{n} => ");
            }
            self.expr(&a.value);
        }
        if !f.order_by.is_empty() && !f.within_group {
            self.push(" ORDER BY ");
            self.order_by(&f.order_by, false);
        }
        self.out.push(')');
        if f.within_group {
            self.push(" WITHIN GROUP (ORDER BY ");
            self.order_by(&f.order_by, false);
            self.out.push(')');
        }
        if let Some(e) = &f.filter {
            self.push(" FILTER (WHERE ");
            self.expr(e);
            self.out.push(')');
        }
        match &f.over {
            None => {}
            Some(Over::Named(n)) => {
                let _ = write!(self.out, " OVER {n}");
            }
            Some(Over::Spec(w)) => {
                self.push(" OVER ");
                self.window(w);
            }
        }
    }

    /// Prints a call in SQL's own syntax, if it has one and was written in it.
    fn special(&mut self, f: &FuncCall) -> bool {
        if f.name.schema.as_ref().is_none_or(|s| s.value != "pg_catalog") && f.name.name.value != "extract" {
            return false;
        }
        let args: Vec<&Expr> = f.args.iter().map(|a| &a.value).collect();
        match (f.name.name.value.as_str(), args.as_slice()) {
            ("extract", [field, x]) => match constant(field) {
                // Only a word reads back as the same field.
                Some(w) if !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') => {
                    let _ = write!(self.out, "EXTRACT({w} FROM ");
                    self.expr(x);
                    self.out.push(')');
                }
                _ => return false,
            },
            ("timezone", [zone, x]) => {
                self.out.push('(');
                self.operand(x, Within::Cast);
                self.push(" AT TIME ZONE ");
                self.operand(zone, Within::Cast);
                self.out.push(')');
            }
            ("overlaps", [a, b, c, d]) => self.pieces(&["((", ", ", ") OVERLAPS (", ", ", "))"], &[a, b, c, d]),
            // The form C is what is meant when none is written.
            ("is_normalized", [x, form]) => {
                let Some(form) = constant(form).map(str::to_uppercase) else { return false };
                self.out.push('(');
                self.operand(x, Within::Cast);
                self.push(&if form == "NFC" {
                    " IS NORMALIZED)".to_owned()
                } else {
                    format!(" IS {form} NORMALIZED)")
                });
            }
            ("is_normalized", [x]) => {
                self.out.push('(');
                self.operand(x, Within::Cast);
                self.push(" IS NORMALIZED)");
            }
            ("normalize", [x]) => self.pieces(&["NORMALIZE(", ")"], &[x]),
            ("normalize", [x, form]) => {
                let Some(form) = constant(form).map(str::to_uppercase) else { return false };
                let end = if form == "NFC" { ")".to_owned() } else { format!(", {form})") };
                self.pieces(&["NORMALIZE(", &end], &[x]);
            }
            ("pg_collation_for", [x]) => self.pieces(&["COLLATION FOR (", ")"], &[x]),
            ("overlay", [a, b, c]) => self.pieces(&["OVERLAY(", " PLACING ", " FROM ", ")"], &[a, b, c]),
            ("overlay", [a, b, c, d]) => {
                self.pieces(&["OVERLAY(", " PLACING ", " FROM ", " FOR ", ")"], &[a, b, c, d]);
            }
            ("position", [a, b]) => self.pieces(&["POSITION((", ") IN (", "))"], &[b, a]),
            ("substring", [a, b]) => self.pieces(&["SUBSTRING(", " FROM ", ")"], &[a, b]),
            ("substring", [a, b, c]) => {
                let text = constant(b).is_some() && constant(c).is_some();
                let words = if text { [" SIMILAR ", " ESCAPE "] } else { [" FROM ", " FOR "] };
                self.pieces(&["SUBSTRING(", words[0], words[1], ")"], &[a, b, c]);
            }
            ("btrim" | "ltrim" | "rtrim", [x, rest @ ..]) => {
                let side = match f.name.name.value.as_str() {
                    "btrim" => "TRIM(BOTH ",
                    "ltrim" => "TRIM(LEADING ",
                    _ => "TRIM(TRAILING ",
                };
                match rest.first() {
                    Some(c) => self.pieces(&[side, " FROM ", ")"], &[c, x]),
                    None => self.pieces(&[side, ")"], &[x]),
                }
            }
            _ => return false,
        }
        true
    }

    /// Words with expressions between them.
    fn pieces(&mut self, words: &[&str], between: &[&Expr]) {
        for (i, w) in words.iter().enumerate() {
            self.push(w);
            if let Some(e) = between.get(i) {
                self.expr(e);
            }
        }
    }

    /// An item of GROUP BY, ORDER BY, PARTITION BY or DISTINCT ON: what could be taken for something else there stands in
    /// parentheses.
    pub(super) fn sort_item(&mut self, e: &Expr) {
        let plain = match &e.kind {
            ExprKind::Column(c) => !c.star,
            ExprKind::Literal(_) => true,
            ExprKind::Cast(x, _) => matches!(x.kind, ExprKind::Literal(_)),
            _ => false,
        };
        if let ExprKind::Cast(x, t) = &e.kind
            && let ExprKind::Literal(Literal::Integer(_) | Literal::Numeric(_) | Literal::Bool(_)) = x.kind
        {
            // A typed constant, so that the number is not taken for a position.
            self.expr(x);
            self.push("::");
            self.type_name(t);
            return;
        }
        let parens = !plain && (self.show.pretty || is_call(e));
        if parens {
            self.out.push('(');
        }
        self.expr(e);
        if parens {
            self.out.push(')');
        }
    }

    /// Sort keys; `positions`: numbers are positions of outputs.
    pub(super) fn order_by(&mut self, keys: &[ast::SortBy], positions: bool) {
        for (i, k) in keys.iter().enumerate() {
            if i > 0 {
                self.push(", ");
            }
            if positions {
                self.expr(&k.expr)
            } else {
                self.sort_item(&k.expr)
            }
            let desc = matches!(k.order, ast::SortOrder::Desc);
            self.push(if desc { " DESC" } else { "" });
            match k.nulls_first {
                Some(true) => self.push(" NULLS FIRST"),
                Some(false) => self.push(" NULLS LAST"),
                None => {}
            }
        }
    }

    pub(super) fn window(&mut self, w: &ast::WindowSpec) {
        self.out.push('(');
        let mut parts = 0;
        let mut gap = |p: &mut Self| {
            if parts > 0 {
                p.out.push(' ');
            }
            parts += 1;
        };
        if let Some(b) = &w.base {
            gap(self);
            let _ = write!(self.out, "{b}");
        }
        if !w.partition_by.is_empty() {
            gap(self);
            self.push("PARTITION BY ");
            for (i, e) in w.partition_by.iter().enumerate() {
                self.push(if i > 0 { ", " } else { "" });
                self.sort_item(e);
            }
        }
        if !w.order_by.is_empty() {
            gap(self);
            self.push("ORDER BY ");
            self.order_by(&w.order_by, false);
        }
        if let Some(f) = &w.frame {
            gap(self);
            self.frame(f);
        }
        self.out.push(')');
    }

    fn frame(&mut self, f: &ast::Frame) {
        self.push(match f.units {
            FrameUnits::Rows => "ROWS ",
            FrameUnits::Range => "RANGE ",
            FrameUnits::Groups => "GROUPS ",
        });
        self.push(if f.between { "BETWEEN " } else { "" });
        self.frame_bound(&f.start);
        if f.between {
            self.push(" AND ");
            self.frame_bound(&f.end);
        }
        self.push(match f.exclude {
            FrameExclude::NoOthers => "",
            FrameExclude::CurrentRow => " EXCLUDE CURRENT ROW",
            FrameExclude::Group => " EXCLUDE GROUP",
            FrameExclude::Ties => " EXCLUDE TIES",
        });
    }

    fn frame_bound(&mut self, b: &FrameBound) {
        match b {
            FrameBound::UnboundedPreceding => self.push("UNBOUNDED PRECEDING"),
            FrameBound::UnboundedFollowing => self.push("UNBOUNDED FOLLOWING"),
            FrameBound::CurrentRow => self.push("CURRENT ROW"),
            FrameBound::Preceding(e) => {
                self.expr(e);
                self.push(" PRECEDING");
            }
            FrameBound::Following(e) => {
                self.expr(e);
                self.push(" FOLLOWING");
            }
        }
    }
}
