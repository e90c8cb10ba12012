//! Lists of most common combinations of values.

use super::{MCV_MAGIC, Parts, begin, corrupt};
use crate::ctx::EvalCtx;
use crate::datum::{Datum, TypeRef};
use crate::io::{OutCtx, binary_in, binary_out};
use crate::{cmp, oid, usertype};
use rustydb_base::{DbError, Result};

/// One combination.
#[derive(Clone, PartialEq, Debug)]
pub struct McvItem {
    /// A value per dimension.
    pub values: Vec<Datum>,
    /// Share of the rows that have it.
    pub frequency: f64,
    /// The share there would be if the dimensions had nothing to do with each other.
    pub base_frequency: f64,
}

/// A `pg_mcv_list`.
#[derive(Clone, PartialEq, Debug)]
pub struct McvList {
    /// Types of the dimensions.
    pub types: Vec<TypeRef>,
    /// The combinations, the most frequent first.
    pub items: Vec<McvItem>,
}

/// Length in memory (-1: any, kept with its length before it) and whether the type is passed by value.
fn layout(ty: TypeRef) -> (i32, bool) {
    let ty = usertype::base(ty);
    if oid::is_text_like(ty.oid) && !matches!(ty.oid, oid::NAME | oid::CHAR) {
        return (-1, false);
    }
    // A label is kept by its name.
    oid::type_info(ty.oid).filter(|t| t.len > 0).map_or((-1, false), |t| (i32::from(t.len), t.by_val))
}

/// Turns the numbers in a value of fixed length from network order to that of memory, and back.
fn turn(ty: TypeRef, b: &mut [u8]) {
    let parts: &[usize] = match usertype::base(ty).oid {
        oid::INTERVAL => &[8, 4, 4],
        oid::TIMETZ => &[8, 4],
        _ if layout(ty).1 => {
            b.reverse();
            return;
        }
        _ => return,
    };
    let mut rest = b;
    for n in parts {
        let Some((head, tail)) = rest.split_at_mut_checked(*n) else { return };
        head.reverse();
        rest = tail;
    }
}

fn aligned(n: usize) -> usize {
    n.next_multiple_of(8)
}

/// The different values of one dimension, in order.
fn values_of(list: &McvList, at: usize) -> Vec<&Datum> {
    let Some(ty) = list.types.get(at) else { return Vec::new() };
    let mut out: Vec<&Datum> = list.items.iter().filter_map(|i| i.values.get(at)).filter(|d| !d.is_null()).collect();
    out.sort_by(|a, b| cmp::compare(*ty, ty.collation, a, b));
    out.dedup_by(|a, b| cmp::compare(*ty, ty.collation, a, b).is_eq());
    out
}

impl McvList {
    /// The list's bytes.
    pub fn put(&self, ctx: OutCtx<'_>) -> Result<Vec<u8>> {
        let mut out = begin(MCV_MAGIC, self.items.len());
        out.extend_from_slice(&(self.types.len() as u16).to_le_bytes());
        self.types.iter().for_each(|t| out.extend_from_slice(&t.oid.to_le_bytes()));
        let mut dimensions = Vec::with_capacity(self.types.len());
        let mut bytes = Vec::new();
        for (at, ty) in self.types.iter().enumerate() {
            let values = values_of(self, at);
            let (len, by_val) = layout(*ty);
            let (start, mut whole) = (bytes.len(), 0);
            for v in &values {
                let mut b = Vec::new();
                binary_out(ctx, *ty, v, &mut b)?;
                match usize::try_from(len) {
                    Ok(len) => {
                        turn(*ty, &mut b);
                        b.resize(len, 0);
                        whole += if by_val { 0 } else { aligned(len) };
                    }
                    Err(_) => {
                        bytes.extend_from_slice(&(b.len() as u32).to_le_bytes());
                        whole += aligned(b.len() + 4);
                    }
                }
                bytes.extend_from_slice(&b);
            }
            for n in [values.len(), bytes.len() - start, whole] {
                out.extend_from_slice(&(n as u32).to_le_bytes());
            }
            out.extend_from_slice(&len.to_le_bytes());
            out.extend_from_slice(&u32::from(by_val).to_le_bytes());
            dimensions.push(values);
        }
        out.append(&mut bytes);
        for item in &self.items {
            item.values.iter().for_each(|v| out.push(u8::from(v.is_null())));
            out.extend_from_slice(&item.frequency.to_le_bytes());
            out.extend_from_slice(&item.base_frequency.to_le_bytes());
            for ((v, ty), known) in item.values.iter().zip(&self.types).zip(&dimensions) {
                let at = known.binary_search_by(|k| cmp::compare(*ty, ty.collation, k, v)).unwrap_or(0);
                let at = u16::try_from(at).map_err(|_| DbError::internal("too many values in an MCV list"))?;
                out.extend_from_slice(&at.to_le_bytes());
            }
        }
        Ok(out)
    }

    /// Reads a list.
    pub fn get(ctx: &EvalCtx, b: &[u8]) -> Result<McvList> {
        let what = "pg_mcv_list";
        let (mut p, count) = Parts::begin(b, MCV_MAGIC, what)?;
        let width = usize::from(p.i16()?.unsigned_abs());
        let types: Vec<TypeRef> = (0..width).map(|_| p.u32().map(TypeRef::new)).collect::<Result<_>>()?;
        let mut sizes = Vec::with_capacity(width);
        for _ in 0..width {
            sizes.push(p.u32()? as usize);
            p.take(16)?;
        }
        let mut dimensions = Vec::with_capacity(width);
        for (ty, n) in types.iter().zip(sizes) {
            let (len, _) = layout(*ty);
            let mut values = Vec::with_capacity(n.min(p.rest.len()));
            for _ in 0..n {
                let mut b = match usize::try_from(len) {
                    Ok(len) => p.take(len)?.to_vec(),
                    Err(_) => {
                        let len = p.u32()? as usize;
                        p.take(len)?.to_vec()
                    }
                };
                if len > 0 {
                    turn(*ty, &mut b);
                }
                if usertype::base(*ty).oid == oid::NAME {
                    b.retain(|c| *c != 0);
                }
                values.push(binary_in(ctx, *ty, &b)?);
            }
            dimensions.push(values);
        }
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            let nulls = p.take(width)?;
            let (frequency, base_frequency) = (p.f64()?, p.f64()?);
            let mut values = Vec::with_capacity(width);
            for (null, known) in nulls.iter().zip(&dimensions) {
                let at = usize::from(u16::from_le_bytes(p.array()?));
                values.push(match (null, known.get(at)) {
                    (1, _) => Datum::Null,
                    (_, Some(v)) => v.clone(),
                    _ => return Err(corrupt(what)),
                });
            }
            items.push(McvItem { values, frequency, base_frequency });
        }
        Ok(McvList { types, items })
    }
}
