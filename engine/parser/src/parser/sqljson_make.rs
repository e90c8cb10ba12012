//! JSON, JSON_SCALAR, JSON_SERIALIZE, JSON_OBJECT, JSON_ARRAY, JSON_OBJECTAGG, JSON_ARRAYAGG and IS JSON.

use super::Parser;
use super::expr::{boxed, plain_call};
use crate::ast::{
    Alias, ColumnRef, Distinct, Expr, ExprKind, FuncArg, Ident, JsonArg, JsonKind, JsonMake, JsonMakeOp, Literal, Name,
    Pos, Query, QueryBody, Select, SqlJson, SubqueryTable, TableRef, Target,
};
use crate::keywords::kw;
use crate::lexer::T;
use rustydb_base::Result;

/// The constructors that a word begins.
pub(super) const MAKERS: [JsonMakeOp; 7] = [
    JsonMakeOp::Json,
    JsonMakeOp::Scalar,
    JsonMakeOp::Serialize,
    JsonMakeOp::Object,
    JsonMakeOp::Array,
    JsonMakeOp::ObjectAgg,
    JsonMakeOp::ArrayAgg,
];

fn made(m: JsonMake, pos: Pos) -> Expr {
    Expr::new(ExprKind::SqlJson(Box::new(SqlJson::Make(m))), pos)
}

/// Whether VALUE may follow a key: an operand, or something in parentheses (whose last token is the one that ends at `end`).
fn may_be_key(e: &Expr, parens: bool) -> bool {
    let operation = matches!(
        e.kind,
        ExprKind::Op(_)
            | ExprKind::And(_)
            | ExprKind::Or(_)
            | ExprKind::Not(_)
            | ExprKind::Is(..)
            | ExprKind::Collate(..)
    );
    // A typed literal is a cast, too.
    let cast = matches!(&e.kind, ExprKind::Cast(x, _) if !matches!(x.kind, ExprKind::Literal(Literal::String(_))));
    parens || !(operation || cast)
}

impl Parser<'_> {
    /// A constructor, or a call of the plain function `json_object`.
    pub(super) fn json_make(&mut self, op: JsonMakeOp, pos: Pos) -> Result<Option<Expr>> {
        if op == JsonMakeOp::Object {
            return self.json_object(pos).map(Some);
        }
        self.bump();
        self.expect_ch(b'(')?;
        let mut m = JsonMake::of(op, vec![]);
        match op {
            JsonMakeOp::Json => {
                m.args.push(self.json_arg()?);
                m.unique = self.json_unique()?;
            }
            JsonMakeOp::Scalar => m.args.push(JsonArg { value: self.expr()?, format: None }),
            JsonMakeOp::Serialize => {
                m.args.push(self.json_arg()?);
                m.returning = self.json_returning()?;
            }
            JsonMakeOp::ObjectAgg => {
                self.json_member(&mut m.args)?;
                m.absent = self.json_nulls();
                m.unique = self.json_unique()?;
                m.returning = self.json_returning()?;
            }
            JsonMakeOp::ArrayAgg => {
                m.args.push(self.json_arg()?);
                if self.eat_seq(&[kw::ORDER, kw::BY]) {
                    m.order_by = self.sort_list()?;
                }
                m.absent = self.json_nulls();
                m.returning = self.json_returning()?;
            }
            _ if self.at_query() => {
                let of = self.json_array_of(pos)?;
                self.expect_ch(b')')?;
                return Ok(Some(of));
            }
            _ => {
                if !self.at_ch(b')') && !self.at(kw::RETURNING) {
                    m.args = self.comma_list(Self::json_arg)?;
                    m.absent = self.json_nulls();
                }
                m.returning = self.json_returning()?;
            }
        }
        self.expect_ch(b')')?;
        if matches!(op, JsonMakeOp::ObjectAgg | JsonMakeOp::ArrayAgg) {
            m.filter = self.opt_filter()?;
            m.over = self.opt_over()?;
        }
        Ok(Some(made(m, pos)))
    }

    /// `json_object(`: the constructor, or the function whose arguments are arrays.
    fn json_object(&mut self, pos: Pos) -> Result<Expr> {
        let begin = self.mark();
        let name = self.bump();
        self.expect_ch(b'(')?;
        let name = Name::bare(self.text(name).to_ascii_lowercase());
        let name = Name { name: Ident { pos, ..name.name }, ..name };
        let mut m = JsonMake::of(JsonMakeOp::Object, vec![]);
        if self.at_named_arg() || self.at_any(&[kw::VARIADIC, kw::DISTINCT, kw::ALL]) || self.at_ch(b'*') {
            self.reset(begin);
            self.bump();
            return self.call(name, pos);
        }
        if !self.at_ch(b')') && !self.at(kw::RETURNING) {
            let parens = self.at_ch(b'(');
            let first = self.expr()?;
            let parens = parens && self.sql.as_bytes().get((self.prev_end as usize).wrapping_sub(1)) == Some(&b')');
            if !(self.at_ch(b':') || self.at(kw::VALUE) && may_be_key(&first, parens)) {
                let mut f = plain_call(name, vec![]);
                f.args.push(FuncArg { name: None, value: first });
                if self.eat_ch(b',') {
                    self.more_args(&mut f)?;
                }
                self.end_args(&mut f)?;
                return self.call_tail(f, pos);
            }
            self.bump();
            m.args.push(JsonArg { value: first, format: None });
            let value = self.json_arg()?;
            m.args.push(value);
            while self.eat_ch(b',') {
                self.json_member(&mut m.args)?;
            }
            m.absent = self.json_nulls();
            m.unique = self.json_unique()?;
        }
        m.returning = self.json_returning()?;
        self.expect_ch(b')')?;
        Ok(made(m, pos))
    }

    /// `key : value` or `key VALUE value`.
    fn json_member(&mut self, args: &mut Vec<JsonArg>) -> Result<()> {
        let parens = self.at_ch(b'(');
        let key = self.expr()?;
        let parens = parens && self.sql.as_bytes().get((self.prev_end as usize).wrapping_sub(1)) == Some(&b')');
        if !(self.at_ch(b':') || self.at(kw::VALUE) && may_be_key(&key, parens)) {
            return self.unexpected();
        }
        self.bump();
        args.push(JsonArg { value: key, format: None });
        args.push(self.json_arg()?);
        Ok(())
    }

    /// `ABSENT ON NULL` (`true`) or `NULL ON NULL`, if it is here.
    fn json_nulls(&mut self) -> Option<bool> {
        let absent = self.at_word("absent");
        let here = (absent || self.at(kw::NULL)) && self.peek_at(1, kw::ON) && self.peek_at(2, kw::NULL);
        here.then(|| {
            (0..3).for_each(|_| _ = self.bump());
            absent
        })
    }

    /// `WITH UNIQUE [KEYS]` or `WITHOUT UNIQUE [KEYS]`, if it is here: whether keys must differ.
    fn json_unique(&mut self) -> Result<bool> {
        let with = self.at(kw::WITH);
        if !(with || self.at(kw::WITHOUT)) || !self.peek_at(1, kw::UNIQUE) {
            return Ok(false);
        }
        self.bump();
        self.bump();
        self.eat_word("keys");
        Ok(with)
    }

    /// JSON_ARRAY of a query: an aggregate over its only column.
    fn json_array_of(&mut self, pos: Pos) -> Result<Expr> {
        let at = self.pos();
        let query = self.query()?;
        let value =
            Expr::new(ExprKind::Column(ColumnRef { parts: ["q", "a"].map(Ident::new).into(), star: false }), pos);
        let mut agg = JsonMake::of(JsonMakeOp::ArrayAgg, vec![JsonArg { value, format: self.json_format()? }]);
        agg.absent = Some(true);
        agg.returning = self.json_returning()?;
        let table = SubqueryTable {
            lateral: false,
            query: Box::new(query),
            alias: Alias { name: Ident::new("q"), columns: vec![Ident::new("a")] },
            pos: at,
        };
        let select = Select {
            distinct: Distinct::No,
            targets: vec![Target { expr: made(agg, pos), alias: None, pos }],
            from: vec![TableRef::Query(Box::new(table))],
            filter: None,
            group_by: vec![],
            group_distinct: false,
            having: None,
            windows: vec![],
            pos,
        };
        let query = Query::of(QueryBody::Select(Box::new(select)), pos);
        let value = Expr::new(ExprKind::Subquery(Box::new(query)), pos);
        Ok(made(JsonMake::of(JsonMakeOp::ArrayOf, vec![JsonArg { value, format: None }]), pos))
    }

    /// `IS [NOT] JSON`, at the word JSON.
    pub(super) fn is_json(&mut self, left: Expr, negated: bool, pos: Pos) -> Result<Expr> {
        self.bump();
        let kinds = [
            ("value", JsonKind::Value),
            ("scalar", JsonKind::Scalar),
            ("array", JsonKind::Array),
            ("object", JsonKind::Object),
        ];
        let kind = match kinds.iter().find(|k| self.tok.kind == T::Word && self.at_word(k.0)) {
            Some((_, k)) => {
                self.bump();
                *k
            }
            None => JsonKind::Value,
        };
        let mut m = JsonMake::of(JsonMakeOp::Is(kind), vec![JsonArg { value: left, format: None }]);
        m.unique = self.json_unique()?;
        let test = made(m, pos);
        Ok(if negated { Expr::new(ExprKind::Not(boxed(test)), pos) } else { test })
    }
}
