//! OIDs of the built-in types and what `pg_type` says of each.
//!
//! The table is made by `data/gen_types.py` from a running PostgreSQL 15 and holds facts only; what a type *does* is in
//! [`crate::io`], [`crate::cmp`] and their neighbours. Types a user creates are not here: the catalog knows them.

use crate::usertype;
use std::sync::LazyLock;

/// One row of `pg_type`, names as `pg_type` and `pg_proc` have them; `-` stands for no function.
#[derive(Clone, Copy, Debug)]
pub struct TypeInfo {
    /// OID.
    pub oid: u32,
    /// `typname`, e.g. `int4`, `_int4`.
    pub name: &'static str,
    /// `typlen`: bytes, -1 for varlena, -2 for a C string.
    pub len: i16,
    /// `typbyval`.
    pub by_val: bool,
    /// `typalign`: c, s, i or d.
    pub align: char,
    /// `typcategory`.
    pub category: char,
    /// `typispreferred`.
    pub preferred: bool,
    /// `typdelim`.
    pub delim: char,
    /// `typelem`: the subscripted element type, 0 when there is none.
    pub elem: u32,
    /// `typarray`, 0 when there is none.
    pub array_oid: u32,
    /// `typcollation`: 100 default, 950 C, 0 not collatable.
    pub collation: u32,
    /// `typtype`: b, p, r, m, d, e.
    pub typtype: char,
    /// `typstorage`.
    pub storage: char,
    /// `typinput`.
    pub input: &'static str,
    /// `typoutput`.
    pub output: &'static str,
    /// `typreceive`.
    pub receive: &'static str,
    /// `typsend`.
    pub send: &'static str,
    /// `typmodin`.
    pub modin: &'static str,
    /// `typmodout`.
    pub modout: &'static str,
    /// `typsubscript`.
    pub subscript: &'static str,
    /// `format_type(oid, NULL)`.
    pub shown: &'static str,
}

include!("oid_table.rs");

/// The row of a built-in type.
pub fn type_info(oid: u32) -> Option<&'static TypeInfo> {
    // Asked for each expression that is bound: a look-up by OID, not a search. Zero stands for no row.
    static ROWS: LazyLock<Vec<u16>> = LazyLock::new(|| {
        let mut rows = vec![0; TYPES.last().map_or(0, |t| t.oid as usize + 1)];
        for (i, t) in TYPES.iter().enumerate() {
            rows[t.oid as usize] = i as u16 + 1;
        }
        rows
    });
    let row = ROWS.get(oid as usize).filter(|i| **i != 0)?;
    TYPES.get(usize::from(*row) - 1)
}

/// The row of a built-in type by its `typname`.
pub fn type_by_name(name: &str) -> Option<&'static TypeInfo> {
    TYPES.iter().find(|t| t.name == name)
}

/// What a function does for a type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IoRole {
    /// Reads its text.
    Input,
    /// Makes its text.
    Output,
    /// Makes its binary form.
    Send,
}

/// What a function does for a type, by its internal name. Pseudo-types and types that share an input function have none.
pub fn io_role(prosrc: &str) -> Option<IoRole> {
    TYPES.iter().filter(|t| t.typtype != 'p').find_map(|t| {
        if t.send == prosrc {
            Some(IoRole::Send)
        } else if t.output == prosrc {
            Some(IoRole::Output)
        } else if t.input == prosrc && matches!(t.typtype, 'b') && array_element(t.oid).is_none() {
            Some(IoRole::Input)
        } else {
            None
        }
    })
}

/// Element type of a true array type (`int4[]` but not `name` or `int2vector`).
pub fn array_element(oid: u32) -> Option<u32> {
    if oid >= usertype::FIRST_USER_OID {
        return match usertype::kind(oid)? {
            usertype::Kind::Array { elem } => Some(elem),
            _ => None,
        };
    }
    type_info(oid).filter(|t| t.subscript == "array_subscript_handler" && t.len == -1 && t.elem != 0).and_then(|t| {
        // int2vector and oidvector share the handler but are no `_x` type.
        (oid != INT2VECTOR && oid != OIDVECTOR).then_some(t.elem)
    })
}

/// Array type over an element type.
pub fn array_of(elem: u32) -> Option<u32> {
    if elem >= usertype::FIRST_USER_OID {
        return usertype::get(elem).map(|t| t.array).filter(|&o| o != 0);
    }
    type_info(elem).map(|t| t.array_oid).filter(|&o| o != 0)
}

/// Whether values are kept as [`crate::datum::Datum::Text`].
pub fn is_text_like(oid: u32) -> bool {
    matches!(
        oid,
        TEXT | VARCHAR | BPCHAR | NAME | CHAR | JSON | UNKNOWN | XML | CSTRING | JSONPATH | PG_NODE_TREE | REFCURSOR
    )
}

/// Whether values are kept as [`crate::datum::Datum::Oid`].
pub fn is_oid_like(oid: u32) -> bool {
    matches!(oid, OID | XID | CID) || is_reg(oid)
}

/// The reg* family.
pub fn is_reg(oid: u32) -> bool {
    matches!(
        oid,
        REGPROC
            | REGPROCEDURE
            | REGOPER
            | REGOPERATOR
            | REGCLASS
            | REGTYPE
            | REGROLE
            | REGNAMESPACE
            | REGCONFIG
            | REGDICTIONARY
            | REGCOLLATION
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_ordered_and_consistent() {
        assert!(TYPES.windows(2).all(|w| w[0].oid < w[1].oid));
        for t in TYPES {
            if t.array_oid != 0 {
                let a = type_info(t.array_oid).expect("array type is in the table");
                assert_eq!(a.elem, t.oid, "{}", t.name);
            }
        }
        assert_eq!(array_element(INT4_ARRAY), Some(INT4));
        assert_eq!(array_element(NAME), None);
        assert_eq!(array_element(OIDVECTOR), None);
        assert_eq!(array_of(TEXT), Some(TEXT_ARRAY));
        assert_eq!((BOOL, BYTEA, INT8, UNKNOWN, INTERVAL), (16, 17, 20, 705, 1186));
    }
}
