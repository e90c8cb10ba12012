//! Type names.

use super::Parser;
use crate::ast::{Expr, ExprKind, Literal, Name, Pos, TypeName, interval_mask as im};
use crate::keywords::{Kw, kw};
use rustydb_base::{DbError, Result, SqlState};

fn plain(name: Name) -> TypeName {
    TypeName { name, mods: vec![], dims: vec![], setof: false, pct_type: false }
}

fn int_mod(v: i32, pos: Pos) -> Expr {
    Expr::new(ExprKind::Literal(Literal::Integer(i64::from(v))), pos)
}

impl Parser<'_> {
    /// A type with SETOF and array dimensions.
    pub(super) fn type_name(&mut self) -> Result<TypeName> {
        let setof = self.eat(kw::SETOF);
        let mut ty = self.simple_type()?;
        ty.setof = setof;
        self.array_dims(&mut ty)?;
        Ok(ty)
    }
    /// The same, and `name%TYPE`.
    pub(super) fn func_type(&mut self) -> Result<TypeName> {
        let m = self.mark();
        let setof = self.eat(kw::SETOF);
        if Self::is_type_func_name(self.tok) && self.peek_ch(1, b'.') {
            let first = self.label()?;
            let parts = self.more_parts(first)?;
            if self.at_ch(b'%') && self.peek_at(1, kw::TYPE) {
                self.bump();
                self.bump();
                return Ok(TypeName { setof, pct_type: true, ..plain(self.name_from(parts)?) });
            }
        }
        self.reset(m);
        self.type_name()
    }
    fn array_dims(&mut self, ty: &mut TypeName) -> Result<()> {
        if self.eat(kw::ARRAY) {
            let mut size = None;
            if self.eat_ch(b'[') {
                size = Some(self.small_int()?);
                self.expect_ch(b']')?;
            }
            ty.dims.push(size);
            return Ok(());
        }
        while self.eat_ch(b'[') {
            let size = if self.at_ch(b']') { None } else { Some(self.small_int()?) };
            self.expect_ch(b']')?;
            ty.dims.push(size);
        }
        Ok(())
    }
    /// A type without SETOF and dimensions.
    pub(super) fn simple_type(&mut self) -> Result<TypeName> {
        if let Some(ty) = self.reserved_type()? {
            return Ok(ty);
        }
        if !Self::is_type_func_name(self.tok) {
            return self.unexpected();
        }
        let first = self.label()?;
        let parts = self.more_parts(first)?;
        let name = self.name_from(parts)?;
        let mods = if self.at_ch(b'(') { self.paren_list(Self::expr)? } else { vec![] };
        Ok(TypeName { mods, ..plain(name) })
    }
    /// Whether the present token begins one of the types that SQL spells with keywords. DOUBLE does only before
    /// PRECISION, NATIONAL only before CHARACTER.
    pub(super) fn at_reserved_type(&mut self) -> bool {
        const WORDS: &[Kw] = &[
            kw::INT,
            kw::INTEGER,
            kw::SMALLINT,
            kw::BIGINT,
            kw::REAL,
            kw::FLOAT,
            kw::DECIMAL,
            kw::DEC,
            kw::NUMERIC,
            kw::BOOLEAN,
            kw::BIT,
            kw::CHARACTER,
            kw::CHAR,
            kw::VARCHAR,
            kw::NCHAR,
            kw::TIME,
            kw::TIMESTAMP,
            kw::INTERVAL,
        ];
        self.at_any(WORDS)
            || (self.at(kw::DOUBLE) && self.peek_at(1, kw::PRECISION))
            || (self.at(kw::NATIONAL) && (self.peek_at(1, kw::CHARACTER) || self.peek_at(1, kw::CHAR)))
    }
    /// One of the types that SQL spells with keywords, if one begins here.
    pub(super) fn reserved_type(&mut self) -> Result<Option<TypeName>> {
        if !self.at_reserved_type() {
            return Ok(None);
        }
        let t = self.bump();
        let pos = t.start;
        let simple = |name: &str| plain(Name::system(name, pos));
        let ty = match t.kw {
            kw::INT | kw::INTEGER => simple("int4"),
            kw::SMALLINT => simple("int2"),
            kw::BIGINT => simple("int8"),
            kw::REAL => simple("float4"),
            kw::BOOLEAN => simple("bool"),
            kw::DOUBLE => {
                self.bump();
                simple("float8")
            }
            kw::DECIMAL | kw::DEC | kw::NUMERIC => {
                let mods = if self.at_ch(b'(') { self.paren_list(Self::expr)? } else { vec![] };
                TypeName { mods, ..simple("numeric") }
            }
            kw::FLOAT => {
                let bad = |p: &Self, message: &'static str| {
                    Err(p.place(DbError::new(SqlState::INVALID_PARAMETER_VALUE, message), p.pos()))
                };
                if !self.at_ch(b'(') {
                    simple("float8")
                } else {
                    self.bump();
                    let ty = match self.int_value(self.tok) {
                        Some(v) if v < 1 => return bad(self, "precision for type float must be at least 1 bit"),
                        Some(v) if v <= 24 => simple("float4"),
                        Some(v) if v <= 53 => simple("float8"),
                        Some(_) => return bad(self, "precision for type float must be less than 54 bits"),
                        None => return self.unexpected(),
                    };
                    self.bump();
                    self.expect_ch(b')')?;
                    ty
                }
            }
            kw::BIT => {
                let varying = self.eat(kw::VARYING);
                let mods = if self.at_ch(b'(') {
                    self.paren_list(Self::expr)?
                } else if varying {
                    vec![]
                } else {
                    vec![int_mod(1, pos)]
                };
                TypeName { mods, ..simple(if varying { "varbit" } else { "bit" }) }
            }
            kw::CHARACTER | kw::CHAR | kw::VARCHAR | kw::NCHAR | kw::NATIONAL => {
                if t.kw == kw::NATIONAL {
                    self.bump();
                }
                let varying = t.kw == kw::VARCHAR || self.eat(kw::VARYING);
                let mods = if self.eat_ch(b'(') {
                    let at = self.pos();
                    let n = self.small_int()?;
                    self.expect_ch(b')')?;
                    vec![int_mod(n, at)]
                } else if varying {
                    vec![]
                } else {
                    vec![int_mod(1, pos)]
                };
                TypeName { mods, ..simple(if varying { "varchar" } else { "bpchar" }) }
            }
            kw::TIME | kw::TIMESTAMP => {
                let mods = self.precision()?;
                let zoned = self.eat_seq(&[kw::WITH, kw::TIME, kw::ZONE]);
                if !zoned {
                    self.eat_seq(&[kw::WITHOUT, kw::TIME, kw::ZONE]);
                }
                let name = match (t.kw == kw::TIME, zoned) {
                    (true, false) => "time",
                    (true, true) => "timetz",
                    (false, false) => "timestamp",
                    (false, true) => "timestamptz",
                };
                TypeName { mods, ..simple(name) }
            }
            _ => {
                let mods = if self.at_ch(b'(') {
                    let mut mods = vec![int_mod(im::FULL, pos)];
                    mods.append(&mut self.precision()?);
                    mods
                } else {
                    self.interval_fields()?
                };
                TypeName { mods, ..simple("interval") }
            }
        };
        Ok(Some(ty))
    }
    /// `(n)`, if there.
    fn precision(&mut self) -> Result<Vec<Expr>> {
        if !self.eat_ch(b'(') {
            return Ok(vec![]);
        }
        let pos = self.pos();
        let n = self.small_int()?;
        self.expect_ch(b')')?;
        Ok(vec![int_mod(n, pos)])
    }
    /// `YEAR TO MONTH` and the like, if there: the mask, and a precision of seconds.
    pub(super) fn interval_fields(&mut self) -> Result<Vec<Expr>> {
        const FIELDS: [(Kw, i32); 6] = [
            (kw::YEAR, im::YEAR),
            (kw::MONTH, im::MONTH),
            (kw::DAY, im::DAY),
            (kw::HOUR, im::HOUR),
            (kw::MINUTE, im::MINUTE),
            (kw::SECOND, im::SECOND),
        ];
        let pos = self.pos();
        let Some(from) = FIELDS.iter().position(|f| self.at(f.0)) else { return Ok(vec![]) };
        self.bump();
        let mut to = from;
        // MONTH and SECOND begin no range.
        if from != 1 && from != 5 && self.eat(kw::TO) {
            let allowed = if from == 0 { 1..2 } else { from.max(2) + 1..6 };
            // MONTH and SECOND begin no range.
            let found =
                FIELDS.iter().position(|f| self.at(f.0)).filter(|i| allowed.contains(i) && from != 1 && from != 5);
            match found {
                Some(i) => to = i,
                None => return self.unexpected(),
            }
            self.bump();
        }
        let mask = FIELDS[from..=to].iter().fold(0, |m, f| m | f.1);
        let mut mods = vec![int_mod(mask, pos)];
        if to == 5 {
            mods.append(&mut self.precision()?);
        }
        Ok(mods)
    }
}
