//! Names and types of a row's fields, as a type modifier.
//!
//! A row value carries its fields' types but not their names; functions that show rows with names (`row_to_json`) or make
//! rows by name (`json_to_record`) get them through the type of their argument or result: the binder interns the fields
//! with [`modifier`] and puts the number where a row type has no modifier of its own. Such a modifier never leaves the
//! server. Equal lists share one number, so the table grows with the statements' variety only, and it is bounded.

use crate::datum::TypeRef;
use rustydb_base::{DbError, Result, SqlState};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, RwLock};

/// Fields of a row: name and type.
pub type Fields = Arc<[(String, TypeRef)]>;

/// The last argument of a function of any arguments came as an array after VARIADIC: its type carries this modifier.
pub const SPREAD: i32 = -2;

/// Most lists that are kept.
const MAX_SHAPES: usize = 1 << 18;

#[derive(Default)]
struct Shapes {
    list: Vec<Fields>,
    numbers: HashMap<Fields, i32>,
}

static SHAPES: LazyLock<RwLock<Shapes>> = LazyLock::new(RwLock::default);

/// The modifier that stands for these fields. 54000 when there are too many lists.
pub fn modifier(fields: &[(String, TypeRef)]) -> Result<i32> {
    let poisoned = |_| DbError::internal("the table of row shapes is broken");
    if let Some(n) =
        SHAPES.read().map_err(|_| DbError::internal("the table of row shapes is broken"))?.numbers.get(fields)
    {
        return Ok(*n);
    }
    let mut shapes = SHAPES.write().map_err(poisoned)?;
    if let Some(n) = shapes.numbers.get(fields) {
        return Ok(*n);
    }
    let n = shapes.list.len();
    if n >= MAX_SHAPES {
        return Err(DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "too many different row types"));
    }
    let fields: Fields = fields.into();
    shapes.list.push(Arc::clone(&fields));
    shapes.numbers.insert(fields, n as i32);
    Ok(n as i32)
}

/// The fields behind a modifier.
pub fn fields(typmod: i32) -> Option<Fields> {
    let n = usize::try_from(typmod).ok()?;
    SHAPES.read().ok()?.list.get(n).cloned()
}
