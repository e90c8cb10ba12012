//! Names of types and their modifiers, as `format_type` shows them and as DDL writes them.

use crate::datetime::interval_in::{FULL_PRECISION, range, typmod_parts};
use crate::{numeric, oid};
use rustydb_base::{DbError, Result, SqlState};

/// The modifier in parentheses (or words), as `format_type` adds it; empty for none.
pub fn typmod_out(type_oid: u32, typmod: i32) -> String {
    if typmod < 0 {
        return String::new();
    }
    match type_oid {
        oid::VARCHAR | oid::BPCHAR if typmod > 4 => format!("({})", typmod - 4),
        oid::NUMERIC => match numeric::typmod_parts(typmod) {
            Some((p, s)) => format!("({p},{s})"),
            None => String::new(),
        },
        oid::TIME | oid::TIMESTAMP => format!("({typmod}) without time zone"),
        oid::TIMETZ | oid::TIMESTAMPTZ => format!("({typmod}) with time zone"),
        oid::BIT | oid::VARBIT => format!("({typmod})"),
        oid::INTERVAL => interval_typmod_out(typmod),
        _ => String::new(),
    }
}

fn interval_typmod_out(typmod: i32) -> String {
    use range::*;
    let (r, precision) = typmod_parts(typmod);
    let fields = [
        (YEAR, " year"),
        (MONTH, " month"),
        (YEAR | MONTH, " year to month"),
        (DAY, " day"),
        (HOUR, " hour"),
        (MINUTE, " minute"),
        (SECOND, " second"),
        (DAY | HOUR, " day to hour"),
        (DAY | HOUR | MINUTE, " day to minute"),
        (DAY | HOUR | MINUTE | SECOND, " day to second"),
        (HOUR | MINUTE, " hour to minute"),
        (HOUR | MINUTE | SECOND, " hour to second"),
        (MINUTE | SECOND, " minute to second"),
    ];
    let words = fields.iter().find(|f| f.0 == r).map_or("", |f| f.1);
    if precision == FULL_PRECISION { words.to_string() } else { format!("{words}({precision})") }
}

/// `format_type(oid, typmod)` of a built-in type where -1 is a modifier too: `bpchar` is not what `character` alone would be
/// read as. For a cast that has to be read again.
pub fn with_typmod(type_oid: u32, typmod: i32) -> String {
    let suffix = if oid::array_element(type_oid).is_some() { "[]" } else { "" };
    match oid::array_element(type_oid).unwrap_or(type_oid) {
        oid::BPCHAR if typmod < 0 => format!("bpchar{suffix}"),
        oid::BIT if typmod < 0 => format!("\"bit\"{suffix}"),
        _ => format_type(type_oid, typmod),
    }
}

/// The name of a built-in type, with its modifier unless that is -1; `???` when there is none (the catalog knows users' types).
pub fn format_type(type_oid: u32, typmod: i32) -> String {
    if type_oid == 0 {
        return "-".into();
    }
    if let Some(elem) = oid::array_element(type_oid) {
        return format!("{}[]", format_type(elem, typmod));
    }
    if let Some(t) = crate::usertype::get(type_oid) {
        return t.name.to_string();
    }
    let Some(t) = oid::type_info(type_oid) else { return "???".into() };
    if typmod < 0 {
        return t.shown.into();
    }
    let modifier = typmod_out(type_oid, typmod);
    match type_oid {
        oid::TIME | oid::TIMETZ => format!("time{modifier}"),
        oid::TIMESTAMP | oid::TIMESTAMPTZ => format!("timestamp{modifier}"),
        _ => format!("{}{modifier}", t.shown),
    }
}

/// Longest bit string that a modifier may ask for.
const MAX_BITS: i32 = 83_886_080;

fn invalid(m: impl Into<String>) -> DbError {
    DbError::new(SqlState::INVALID_PARAMETER_VALUE, m.into())
}

/// The modifier of a type written with numbers in parentheses, e.g. `numeric(10,2)` or `varchar(20)`. A timestamp
/// precision above 6 is reduced to 6 (PostgreSQL warns). 22023 for numbers out of range, 42601 for a type that takes none.
pub fn typmod_in(type_oid: u32, args: &[i32]) -> Result<i32> {
    if let Some(elem) = oid::array_element(type_oid) {
        return typmod_in(elem, args);
    }
    let user = crate::usertype::get(type_oid);
    let name = match &user {
        Some(t) => &*t.name,
        None => oid::type_info(type_oid).map_or("???", |t| t.shown),
    };
    let one = || match args {
        [n] => Ok(*n),
        _ => Err(invalid("invalid type modifier")),
    };
    match type_oid {
        oid::VARCHAR | oid::BPCHAR => {
            let short = if type_oid == oid::VARCHAR { "varchar" } else { "char" };
            let n = one()?;
            if n < 1 {
                return Err(invalid(format!("length for type {short} must be at least 1")));
            }
            if n > 10 * 1024 * 1024 {
                return Err(invalid(format!("length for type {short} cannot exceed 10485760")));
            }
            Ok(n + 4)
        }
        oid::NUMERIC => {
            let (p, s) = match args {
                [p] => (*p, 0),
                [p, s] => (*p, *s),
                _ => return Err(invalid("invalid NUMERIC type modifier")),
            };
            if !(1..=1000).contains(&p) {
                return Err(invalid(format!("NUMERIC precision {p} must be between 1 and 1000")));
            }
            if !(-1000..=1000).contains(&s) {
                return Err(invalid(format!("NUMERIC scale {s} must be between -1000 and 1000")));
            }
            Ok(numeric::make_typmod(p, s))
        }
        oid::TIME | oid::TIMETZ | oid::TIMESTAMP | oid::TIMESTAMPTZ => {
            let n = one()?;
            if n < 0 {
                let (what, zone) = match type_oid {
                    oid::TIME => ("TIME", ""),
                    oid::TIMETZ => ("TIME", " WITH TIME ZONE"),
                    oid::TIMESTAMP => ("TIMESTAMP", ""),
                    _ => ("TIMESTAMP", " WITH TIME ZONE"),
                };
                return Err(invalid(format!("{what}({n}){zone} precision must not be negative")));
            }
            Ok(n.min(6))
        }
        oid::BIT | oid::VARBIT => {
            let n = one()?;
            let short = if type_oid == oid::BIT { "bit" } else { "varbit" };
            if n < 1 {
                return Err(invalid(format!("length for type {short} must be at least 1")));
            }
            if n > MAX_BITS {
                return Err(invalid(format!("length for type {short} cannot exceed {MAX_BITS}")));
            }
            Ok(n)
        }
        oid::INTERVAL => {
            // Range mask (0x7fff for none), then an optional precision.
            let (r, p) = match args {
                [r] => (*r, FULL_PRECISION),
                [r, p] => (*r, *p),
                _ => return Err(invalid("invalid INTERVAL type modifier")),
            };
            if p < 0 {
                return Err(invalid(format!("INTERVAL({p}) precision must not be negative")));
            }
            let p = if p == FULL_PRECISION { p } else { p.min(6) };
            if r == range::FULL && p == FULL_PRECISION {
                return Ok(-1);
            }
            Ok(crate::datetime::interval_in::make_typmod(r, p))
        }
        _ => Err(DbError::new(SqlState::SYNTAX_ERROR, format!("type modifier is not allowed for type \"{name}\""))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_postgresqls() {
        for (oid, typmod, want) in [
            (oid::VARCHAR, 14, "character varying(10)"),
            (oid::VARCHAR, -1, "character varying"),
            (oid::BPCHAR, 5, "character(1)"),
            (oid::BPCHAR, -1, "bpchar"),
            (oid::TIMESTAMP, 3, "timestamp(3) without time zone"),
            (oid::TIMETZ, 0, "time(0) with time zone"),
            (oid::INT4_ARRAY, -1, "integer[]"),
            (oid::NUMERIC_ARRAY, numeric::make_typmod(10, 2), "numeric(10,2)[]"),
            (oid::NUMERIC, numeric::make_typmod(5, -2), "numeric(5,-2)"),
            (
                oid::INTERVAL,
                crate::datetime::interval_in::make_typmod(range::DAY | range::HOUR, 0xffff),
                "interval day to hour",
            ),
            (oid::INTERVAL, crate::datetime::interval_in::make_typmod(range::FULL, 3), "interval(3)"),
            (oid::CHAR, -1, "\"char\""),
            (0, -1, "-"),
            (99_999_999, -1, "???"),
        ] {
            assert_eq!(with_typmod(oid, typmod), want);
        }
    }

    #[test]
    fn modifiers_are_checked() {
        assert_eq!(typmod_in(oid::VARCHAR, &[10]).ok(), Some(14));
        assert!(typmod_in(oid::VARCHAR, &[0]).is_err());
        assert!(typmod_in(oid::NUMERIC, &[1001]).is_err());
        assert!(typmod_in(oid::INT4, &[1]).is_err());
        assert_eq!(typmod_in(oid::TIMESTAMP, &[9]).ok(), Some(6));
    }
}
