//! Recursive terms that read nothing but the rows of the step before: computed row by row.
//!
//! Counting, dates of a month and the like: each step has a row or a few, and to run a plan of streams for them costs some
//! hundred times what their values do. Terms that read tables, join, group or ask subqueries are run as plans (`cte.rs`).
//!
//! Invariants: (1) rows are handed on in doubling portions, so no more are computed ahead than were handed on before: a
//! query with a LIMIT over a table without end stops; (2) the rows before an error come out before it.

use super::util::{Out, to_df};
use crate::exec::eval::{Compiled, Env, compile};
use crate::exec::subquery::has_subquery;
use crate::exec::{StmtCx, datum_size};
use crate::plan::ir::{ColId, CteId, Expr, Rel};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use futures::StreamExt;
use rustydb_base::Result;
use rustydb_types::arrow::{DatumBuilder, datum_at};
use rustydb_types::datum::{Datum, TypeRef};

/// Most rows of a portion.
const PORTION: usize = 1024;

enum Layer {
    Filter(Compiled),
    Project(Vec<Compiled>),
}

/// A term.
pub struct Term {
    /// From the rows of the step before outwards.
    layers: Vec<Layer>,
}

impl Term {
    /// The term of UNION ALL, if it is one of these.
    pub fn of(term: &Rel, id: CteId) -> Option<Term> {
        let mut layers = Vec::new();
        let columns = layers_of(term, id, &mut layers)?;
        // The outputs are the last projection's columns, in order.
        let outputs = term.outputs();
        (columns.len() == outputs.len() && columns.iter().zip(&outputs).all(|(a, b)| *a == b.id))
            .then_some(Term { layers })
    }

    /// The row that the term makes of one of the step before, if it makes any.
    fn row(&self, env: Env<'_>, from: &[Datum]) -> Result<Option<Vec<Datum>>> {
        let mut row = from.to_vec();
        for l in &self.layers {
            match l {
                Layer::Filter(p) => {
                    if !p.test(env, &row)? {
                        return Ok(None);
                    }
                }
                Layer::Project(exprs) => row = exprs.iter().map(|e| e.eval(env, &row)).collect::<Result<_>>()?,
            }
        }
        Ok(Some(row))
    }
}

/// Adds a relation's layers; answers its columns.
fn layers_of(rel: &Rel, id: CteId, layers: &mut Vec<Layer>) -> Option<Vec<ColId>> {
    let compiled = |e: &Expr, columns: &[ColId]| {
        if has_subquery(e) {
            return None;
        }
        compile(e, &|c| columns.iter().position(|x| *x == c)).ok()
    };
    match rel {
        Rel::CteScan { cte, cols } if *cte == id => Some(cols.iter().map(|c| c.id).collect()),
        Rel::Filter { input, pred } => {
            let columns = layers_of(input, id, layers)?;
            layers.push(Layer::Filter(compiled(pred, &columns)?));
            Some(columns)
        }
        Rel::Project { input, exprs } => {
            let columns = layers_of(input, id, layers)?;
            layers.push(Layer::Project(exprs.iter().map(|(_, e)| compiled(e, &columns)).collect::<Option<_>>()?));
            Some(exprs.iter().map(|(c, _)| c.id).collect())
        }
        _ => None,
    }
}

/// Rows on their way out.
struct Portion<'a> {
    schema: SchemaRef,
    types: &'a [TypeRef],
    rows: Vec<Vec<Datum>>,
    /// Rows to collect before they go.
    size: usize,
}

impl Portion<'_> {
    fn batch(&mut self) -> Result<RecordBatch, DataFusionError> {
        let columns = self.types.iter().enumerate().map(|(i, ty)| {
            let mut b = DatumBuilder::new(*ty, None, self.rows.len());
            for r in &self.rows {
                b.push(r.get(i).unwrap_or(&Datum::Null)).map_err(to_df)?;
            }
            Ok(b.finish())
        });
        let columns = columns.collect::<Result<Vec<_>, DataFusionError>>()?;
        self.rows.clear();
        self.size = (self.size * 2).min(PORTION);
        Ok(RecordBatch::try_new(SchemaRef::clone(&self.schema), columns)?)
    }
}

/// Hands on the base's rows and then step after step. `types` are those of the schema's columns.
pub async fn run(
    term: &Term,
    (schema, types): (SchemaRef, &[TypeRef]),
    cx: &StmtCx,
    mut base: SendableRecordBatchStream,
    memory: &MemoryReservation,
    out: &mut Out,
) -> Result<(), DataFusionError> {
    let env = Env { ctx: &cx.eval, params: &cx.params };
    let mut work: Vec<Vec<Datum>> = Vec::new();
    while let Some(b) = base.next().await {
        cx.cancel.check().map_err(to_df)?;
        let b = b?;
        for i in 0..b.num_rows() {
            let row = b.columns().iter().zip(types).map(|(a, ty)| datum_at(a, i, *ty));
            work.push(row.collect::<Result<_>>().map_err(to_df)?);
        }
        out.send(RecordBatch::try_new(SchemaRef::clone(&schema), b.columns().to_vec())?).await?;
    }
    let mut portion = Portion { schema, types, rows: Vec::new(), size: 1 };
    while !work.is_empty() {
        let mut next = Vec::new();
        for from in work.drain(..) {
            let row = match term.row(env, &from) {
                Ok(Some(row)) => row,
                Ok(None) => continue,
                Err(e) => {
                    if !portion.rows.is_empty() {
                        out.send(portion.batch()?).await?;
                    }
                    return Err(to_df(e));
                }
            };
            portion.rows.push(row.clone());
            next.push(row);
            if portion.rows.len() >= portion.size {
                cx.cancel.check().map_err(to_df)?;
                out.send(portion.batch()?).await?;
            }
        }
        let held: usize = next.iter().flatten().map(datum_size).sum();
        memory.try_resize(held)?;
        work = next;
    }
    if !portion.rows.is_empty() {
        out.send(portion.batch()?).await?;
    }
    Ok(())
}
